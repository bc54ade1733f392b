"""The operators' room: their accounts and roles, the rulebook's versions, the merchants' keys, the audit trail.

`routes.py` is logging in and accounts, `admin.py` the rest. Everything written here leaves an audit record, and every
write reads the operator's own item again, so that a disabled account stops at once and not when its token runs out.
"""
