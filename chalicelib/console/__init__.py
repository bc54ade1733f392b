"""The operators' room: their accounts and roles, the rulebook's versions, the merchants' keys, the audit trail.

`routes.py` is logging in and accounts, `admin.py` the rest. Everything written here leaves an audit record.
"""
