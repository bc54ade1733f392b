"""The room's HTTP function."""

from chalicelib.console.admin import admin
from chalicelib.console.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin)
