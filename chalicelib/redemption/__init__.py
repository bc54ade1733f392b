"""The points mall: what members get for their points.

Operators publish offers and watch their stock; members redeem them; what a redemption becomes is told by the entries of
its own scope. Pieces leave the stock in the very transaction that takes the points, so none is sold twice.
"""
