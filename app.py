"""The front door: every room's blueprints on one app, for packaging. In Lambda each room answers by its `entry.py`."""

from chalicelib.console.admin import admin as console_admin
from chalicelib.console.routes import routes as console_routes
from chalicelib.coupons.admin import admin as coupons_admin
from chalicelib.coupons.routes import routes as coupons_routes
from chalicelib.coupons.workers import workers as coupons_workers
from chalicelib.earning.admin import admin as earning_admin
from chalicelib.earning.routes import routes as earning_routes
from chalicelib.earning.workers import workers as earning_workers
from chalicelib.holds.routes import routes as holds_routes
from chalicelib.holds.workers import workers as holds_workers
from chalicelib.insights.admin import admin as insights_admin
from chalicelib.insights.workers import workers as insights_workers
from chalicelib.lottery.admin import admin as lottery_admin
from chalicelib.lottery.routes import routes as lottery_routes
from chalicelib.members.admin import admin as members_admin
from chalicelib.members.routes import routes as members_routes
from chalicelib.notices.routes import routes as notices_routes
from chalicelib.notices.workers import workers as notices_workers
from chalicelib.redemption.admin import admin as redemption_admin
from chalicelib.redemption.donation_routes import routes as donation_routes
from chalicelib.redemption.offer_admin import admin as offer_admin
from chalicelib.redemption.offer_routes import routes as offer_routes
from chalicelib.redemption.routes import routes as redemption_routes
from chalicelib.shared.edge import front
from chalicelib.tiers.admin import admin as tiers_admin
from chalicelib.tiers.reevaluation_admin import admin as reevaluation_admin
from chalicelib.tiers.reevaluation_workers import workers as reevaluation_workers
from chalicelib.tiers.routes import routes as tiers_routes
from chalicelib.tiers.workers import workers as tiers_workers

app = front(
    console_admin, console_routes, coupons_admin, coupons_routes, coupons_workers, donation_routes, earning_admin,
    earning_routes, earning_workers, holds_routes, holds_workers, insights_admin, insights_workers, lottery_admin,
    lottery_routes, members_admin, members_routes, notices_routes, notices_workers, offer_admin, offer_routes,
    redemption_admin, redemption_routes, reevaluation_admin, reevaluation_workers, tiers_admin, tiers_routes,
    tiers_workers,
)  # fmt: skip
