"""The room's HTTP function."""

from chalicelib.redemption.admin import admin
from chalicelib.redemption.donation_routes import routes as donation_routes
from chalicelib.redemption.offer_admin import admin as offer_admin
from chalicelib.redemption.offer_routes import routes as offer_routes
from chalicelib.redemption.routes import routes
from chalicelib.shared.edge import front

http = front(routes, admin, offer_routes, offer_admin, donation_routes)
