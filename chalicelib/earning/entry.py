"""The room's HTTP function."""

from chalicelib.earning.admin import admin
from chalicelib.earning.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin)
