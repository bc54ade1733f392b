"""The room's HTTP function."""

from chalicelib.notices.routes import routes
from chalicelib.shared.edge import front

http = front(routes)
