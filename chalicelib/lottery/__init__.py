"""The lottery: disclosed before it starts, drawn by members, checked by auditors.

Lotteries stand in the rulebook, chances in the account. A draw is one transaction: its entry, what it wins, the piece
that leaves the prize's stock, and its place in the record of the day, which is never deleted.
"""
