"""What the brand learns from facts. So far: how many entries of each kind there were each day, and their points.

`workers.py` counts facts from the queue, exactly once each; `admin.py` answers the figures.
"""
