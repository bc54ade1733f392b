"""A test clock on the stack as deployed: the stage was told to have them, and the function's own role is enough."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from chalicelib.shared.clock import add_months, business_date, now, rfc3339
from tests.cloud.brand import Brand, kinds
from tests.functional.tiers_room import TestClock, get


def test_a_year_of_three_members_passes_in_one_call(brand: Brand) -> None:
    members = [brand.newcomer() for _ in range(3)]
    start, zone = now(), "Asia/Shanghai"
    last_day = add_months(business_date(start, zone), 12)
    for member in members:
        assert brand.order(member, 200_000).body["entry"]["tier_after"] == "gold"
    clock = TestClock.for_(brand, *members, at=start)
    end = datetime.combine(last_day, time(12), ZoneInfo(zone))
    happened = clock.to(end)
    assert [kind for _, kind in happened].count("tier_warned") == 3
    assert [at for at, _ in happened] == sorted(at for at, _ in happened)
    for member in members:
        # The coupon of the month in which gold was reached, and of the twelve after it.
        assert kinds(member).count("benefits_granted") == 13
        assert get(brand, member, "/v1/me/tier")["retention"]["stage"] == "sprint"
    back = clock.ask(start)
    assert (back.status, back.code, clock.shows) == (409, "CLOCK_BACKWARDS", rfc3339(end))
