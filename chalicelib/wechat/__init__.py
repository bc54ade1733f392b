"""A thin client of the WeChat server API: one file per interface family, over one small HTTP client.

`client.from_settings()` gives the container's client; every interface is a function that takes it first. Failures
are refusals (`refusals.py`), so a room lets them pass to the rim. Nothing private is ever logged here.
"""
