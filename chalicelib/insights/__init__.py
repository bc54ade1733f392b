"""What the brand learns from facts. So far: how many entries of each kind there were each day, and their points; how
often benefits were used, by benefit and tier.

`workers.py` counts facts from the queue, exactly once each; `admin.py` answers the figures.
"""
