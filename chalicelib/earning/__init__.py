"""Where points come from: orders and refunds, behaviours, check-ins.

Merchants report over HTTP or the queue `orders.fifo`; members act over HTTP. Every path ends in `service.py`: load the
account, let the engine decide, commit to the ledger.
"""
