"""The room's HTTP function."""

from chalicelib.lottery.admin import admin
from chalicelib.lottery.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin)
