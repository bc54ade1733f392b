"""The room's HTTP function."""

from chalicelib.shared.edge import front
from chalicelib.tiers.admin import admin
from chalicelib.tiers.reevaluation_admin import admin as reevaluation_admin
from chalicelib.tiers.routes import routes

http = front(routes, admin, reevaluation_admin)
