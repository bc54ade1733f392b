"""What every room stands on: settings, the clock, ids, refusals, the HTTP edge, authentication, DynamoDB, logs.

Nothing here knows what a point or a tier is. The rim (`edge`, `workers`) is the only part that touches Chalice.
"""
