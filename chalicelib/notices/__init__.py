"""The post office: every entry of the journal becomes a fact that others may subscribe to.

`relay` (a worker on the journal's stream) publishes each fact to one SNS topic. A consumer more is a subscription more.
"""
