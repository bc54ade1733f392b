"""A rulebook with a lottery, and a member who may draw: the shortest way to say what happened in a lottery."""

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Drawn, PointsAdjusted, ProfileChanged
from chalicelib.rulebook.model import Published
from chalicelib.rulebook.model_lotteries import Lottery
from tests.unit.lives import Life
from tests.unit.rulebooks import published, words

STARTS = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, a day after most tests begin."""
ENDS = STARTS + timedelta(days=10)
OFF = {"lottery_off": False}
COUPONS = {"definitions": [{"code": "mall_10", "name": words("券"), "kind": "amount_off", "amount_off_fen": 1_000,
                            "valid_days": 30}]}  # fmt: skip
# Where the numbers of each prize begin, and where those of nothing do.
TEN, TEA, MUG, NOTHING = 0, 100_000, 150_000, 160_000


def prize(code: str = "mug", **fields: Any) -> dict[str, Any]:
    """One of a hundred numbers wins a mug, which the shop hands over; there is one."""
    usual = {"kind": "other", "odds_ppm": 10_000, "pieces": 1, "value_fen": 5_000}
    return {"code": code, "name": {"zh": f"奖{code}", "en": f"Prize {code}"}, **usual, **fields}


def lottery(code: str = "winter", **fields: Any) -> dict[str, Any]:
    """Ten points a draw, three a day, five in all: points (unlimited), five coupons, one mug."""
    prizes = [
        prize("ten", kind="points", points=20, odds_ppm=100_000, pieces=None, value_fen=0),
        prize("tea", kind="coupon", coupon="mall_10", odds_ppm=50_000, pieces=5, value_fen=1_500),
        prize("mug"),
    ]
    return {
        "code": code, "name": {"zh": "冬日抽奖", "en": "Winter draw"}, "words": {"zh": "规则", "en": "rules"},
        "starts_at": STARTS.isoformat(), "ends_at": ENDS.isoformat(), "price_points": 10, "draws_per_day": 3,
        "draws_per_member": 5, "prizes": prizes, **fields,
    }  # fmt: skip


def loaded(**fields: Any) -> Lottery:
    return Lottery.model_validate(lottery(**fields))


def book(*lotteries: dict[str, Any], **sections: Any) -> Published:
    """The small rulebook with these lotteries, or the usual one."""
    usual = {"lotteries": list(lotteries or [lottery()]), "guard_rails": OFF, "earning": [], "coupons": COUPONS}
    return published(**{**usual, **sections})


def visit(chances: int = 2, **fields: Any) -> dict[str, Any]:
    """A daily task: a login gives chances."""
    goal = {"metric": "login", "window": "day", "at_least": 1, "name": words("登录")}
    usual = {"id": "visit", "name": words("访问"), "kind": "daily", "goals": [goal], "chances": {"winter": chances}}
    return {**usual, **fields}


class Raffle:
    """A member with consent and 100 points, an hour into the lottery."""

    def __init__(self, rules: Published | None = None, points: int = 100, *, consent: bool = True) -> None:
        self.life = Life(rules or book(), STARTS + timedelta(hours=1))
        if points:
            self.life.record(PointsAdjusted(self.life.cause(), points, "given", "operator:1"))
        if consent:
            self.life.record(ProfileChanged(self.life.cause(), {"consents": {"lottery": "1@2026-11-24"}}))

    @property
    def chances(self) -> tuple[int, int]:
        """Chances left, draws made."""
        found = self.life.account.chances.get("winter")
        return (found.left, found.drawn) if found else (0, 0)

    def draw(self, number: int = NOTHING, **fields: Any) -> Entry:
        cause = self.life.cause()
        usual = {"draw_id": f"D{len(self.life.entries)}", "lottery": "winter", "expected_points": 10}
        return self.life.record(Drawn(cause, number=number, **{**usual, **fields}))
