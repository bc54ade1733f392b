"""What the rulebook means: account × event × rulebook × now → decision. Pure functions, no I/O.

Read `process.py` first: it folds an event through counters, earning and tiers. `points.py` is the arithmetic of lots,
`account.py` and `decision.py` are the nouns, `events.py` everything that can happen.
"""
