"""Who the members are: log in through WeChat, sessions, profile, consents, phone.

The account itself belongs to the ledger; this room keeps what the ledger must not: sessions and the phone number.
`sessions.py` issues and rotates tokens, `service.py` does the rest.
"""
