"""Coupons: what members hold, what merchants take off an order for them, and what becomes of them by themselves.

Definitions lie in the rulebook; entries grant and withdraw coupons as facts, and a worker makes them of these. A coupon
keeps the terms it was granted with. Of one order and one coupon, exactly one use counts.
"""
