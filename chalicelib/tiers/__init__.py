"""Tiers, tasks and benefits: where a member stands, what is missing, what the tier gives, what happens to it in time.

The rules themselves are the engine's (`engine/tiers.py`, `tasks.py`, `retention.py`, `review.py`). This room shows
them, takes claims and uses, runs what is due each day, and evaluates everybody anew when a rulebook comes into force.
"""
