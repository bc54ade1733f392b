"""Points that pay for orders: what may pay, points set aside while an order is being paid, and what becomes of them.

A member asks for a quote; the merchant holds points, then captures or releases them, and refunds what was captured. A
hold is the entries of its own scope, and one that nobody takes up expires by itself.
"""
