"""The room's HTTP function."""

from chalicelib.insights.admin import admin
from chalicelib.shared.edge import front

http = front(admin)
