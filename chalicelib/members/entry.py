"""The room's HTTP function."""

from chalicelib.members.admin import admin
from chalicelib.members.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin)
