"""The post office: entries of the journal become facts that others may subscribe to, and notices in a member's inbox.

`relay` (a worker on the journal's stream) publishes each fact to one SNS topic. A consumer more is a subscription more.
`inbox` makes the notice an entry asks for; the room that commits the entry writes it in the same transaction.
"""
