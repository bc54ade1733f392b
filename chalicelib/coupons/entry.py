"""The room's HTTP function."""

from chalicelib.coupons.admin import admin
from chalicelib.coupons.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin)
