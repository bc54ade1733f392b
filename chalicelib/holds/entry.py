"""The room's HTTP function."""

from chalicelib.holds.routes import routes
from chalicelib.shared.edge import front

http = front(routes)
