"""What the operator configures: one validated, versioned document, its linter, its store and three presets.

`model` is the document, `conditions` its small typed language, `linter` the guard rails, `words` the document read
aloud to members, `store` its versions in DynamoDB. What the document means is the engine's business, not this room's.
"""
