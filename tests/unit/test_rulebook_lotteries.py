"""What the linter finds in lotteries and in what gives chances, as a table of both sides; and what cannot be one."""

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.engine.account import Account, Chances
from chalicelib.ledger.codec import account_item
from chalicelib.rulebook import words
from chalicelib.rulebook.lint_size import account_bytes
from chalicelib.rulebook.linter import lint
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.model_lotteries import NUMBERS
from chalicelib.rulebook.presets import NAMES, preset
from chalicelib.rulebook.words_lotteries import odds
from tests.unit.documents import Row, behaviour, changed, check, goal, rule, task
from tests.unit.raffle import ENDS, OFF, STARTS, book, loaded, lottery, prize
from tests.unit.rulebooks import document


def with_(*lotteries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """These lotteries, or the usual one, with the switch off."""
    return {"lotteries": list(lotteries or [lottery()]), "guard_rails": OFF, **changes}


def chances(metric: str = "orders", base: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A campaign that counts this and gives a chance."""
    usual = {"goals": [goal(metric, 1)], "chances": {"winter": 1}, **fields}
    return {**with_(**(base or {})), "tasks.+": task("campaign", **usual)}


def points(odds_ppm: int, amount: int = 20, **fields: Any) -> dict[str, Any]:
    return with_(lottery(prizes=[prize(kind="points", points=amount, odds_ppm=odds_ppm, value_fen=0)], **fields))


def outlasting(odds_ppm: int) -> dict[str, Any]:
    """A mug in every other draw, as long as there is one, and 20 points without a bound."""
    endless = prize("endless", kind="points", points=20, odds_ppm=odds_ppm, pieces=None, value_fen=0)
    return with_(lottery(prizes=[prize(odds_ppm=500_000), endless]))


def worth(fen: int, **changes: Any) -> dict[str, Any]:
    return with_(lottery(prizes=[prize(value_fen=fen)]), **changes)


def won(code: str) -> dict[str, Any]:
    return prize("won", kind="coupon", coupon=code)


def ending(on: str) -> dict[str, Any]:
    """A coupon more, of which none is granted after that day."""
    one = {
        "code": "extra",
        "name": {"zh": "券", "en": "Coupon"},
        "kind": "amount_off",
        "amount_off_fen": 1_000,
        "ends_on": on,
    }
    return {"coupons.definitions.+": one}


CAP = {"capabilities.lottery": {"max_prize_fen": 4_999}}
SHARER = {"behaviours.+": behaviour(nature="share", metrics=["told"])}
CLICKER = {"behaviours.+": behaviour(nature="friend_click", counts_seconds=True)}
WINTER = "tasks.5.chances"
ROWS = [
    Row("LOTTERY_ON", "lotteries", {"lotteries": [lottery()]}, with_()),
    Row("DUPLICATE_ID", "lotteries.1", with_(lottery(), lottery()), with_(lottery(), lottery("summer"))),
    Row("DUPLICATE_ID", "lotteries.0.prizes.1", with_(lottery(prizes=[prize(), prize()])),
        with_(lottery(prizes=[prize(), prize("cup")]))),
    Row("LOTTERY_ODDS_ABOVE_ONE", "lotteries.0.prizes",
        with_(lottery(prizes=[prize(odds_ppm=999_999), prize("cup", odds_ppm=2)])),
        with_(lottery(prizes=[prize(odds_ppm=999_999), prize("cup", odds_ppm=1)]))),
    Row("LOTTERY_PAYS_MORE", "lotteries.0.price_points", points(500_001), points(500_000)),
    Row("LOTTERY_PAYS_MORE", "lotteries.0.price_points", points(500_001), points(500_001, price_points=None)),
    # Once the mug has run out every other draw costs nothing, and those that cost ten win more than ten.
    Row("LOTTERY_PAYS_MORE", "lotteries.0.price_points", outlasting(250_001), outlasting(250_000)),
    # 50,000 yuan, whatever the switches say.
    Row("LOTTERY_PRIZE_TOO_HIGH", "lotteries.0.prizes.0", worth(5_000_001), worth(5_000_000)),
    Row("LOTTERY_PRIZE_TOO_HIGH", "lotteries.0.prizes.0", worth(5_000, **CAP), worth(4_999, **CAP)),
    Row("LOTTERY_PRIZE_TOO_HIGH", "lotteries.0.prizes.0", {**points(1, 1_000_000), "points_per_yuan_value": 19},
        {**points(1, 1_000_000), "points_per_yuan_value": 20}),
    Row("GRANT_ABOVE_LIMIT", "lotteries.0.prizes.0", {**points(1, 10_001), "limits.max_points_per_entry": 10_000},
        {**points(1, 10_000), "limits.max_points_per_entry": 10_000}),
    *(
        Row("CURRENCY_WORD", f"lotteries.0.{place}.zh", with_(lottery(**bad)), with_())
        for place, bad in (("name", {"name": {"zh": "金币抽奖", "en": "Draw"}}),
                           ("words", {"words": {"zh": "赢代币", "en": "Rules"}}),
                           ("prizes.0.name", {"prizes": [prize(name={"zh": "金币", "en": "Gold"})]}))
    ),
    Row("UNKNOWN_COUPON", "lotteries.0.prizes.0.coupon", with_(lottery(prizes=[won("none")])),
        with_(lottery(prizes=[won("mall_10")]))),
    # The lottery ends on the fifth of December, at noon in Shanghai.
    Row("COUPON_ENDS_FIRST", "lotteries.0.prizes.0.coupon",
        with_(lottery(prizes=[won("extra")]), **ending("2026-12-05")),
        with_(lottery(prizes=[won("extra")]), **ending("2026-12-06"))),
    Row("LOTTERY_WITHOUT_WAY", "lotteries.0", with_(lottery(price_points=None)), with_(), "warn"),
    Row("LOTTERY_WITHOUT_WAY", "lotteries.0", with_(lottery(price_points=None)),
        chances(base={"lotteries": [lottery(price_points=None)]}), "warn"),
    Row("UNKNOWN_LOTTERY", f"{WINTER}.summer", chances(chances={"summer": 1}), chances()),
    Row("LOTTERY_OVER", f"{WINTER}.winter",
        chances(base={"lotteries": [lottery(starts_at="2026-11-01T00:00:00Z", ends_at="2026-11-23T23:59:59Z")]}),
        chances(base={"lotteries": [lottery(starts_at="2026-11-01T00:00:00Z", ends_at="2026-11-24T00:00:00Z")]}),
        "warn"),
    *(
        Row("CHANCE_FOR_INVITES", WINTER, bad, good)
        for bad, good in (
            (chances("qualified_invites"), chances("check_ins")),
            (chances(when={"not": {"counter": {"metric": "qualified_invites", "at_least": 1}}}),
             chances(when={"counter": {"metric": "orders", "at_least": 1}})),
            (chances("shares"), chances("visits")),
            (chances("shares", base={"guard_rails": {**OFF, "no_points_for_sharing": False,
                                                     "no_lottery_for_invites": False}}), chances("visits")),
            (chances(goals=[goal("orders", 1, plus=["share"])]), chances(goals=[goal("orders", 1, plus=["uses"])])),
            (chances(goals=[goal("orders", 1, also=[goal("told", 1)])], base=SHARER), chances("orders", base=SHARER)),
            (chances("extra_seconds", base=CLICKER), chances("login", base=CLICKER)),
            # Roundabout: a rule that pays for sharing, a task that counts invites and what it credits.
            (chances("rule_extra", base={"earning.+": rule(trigger="share", points={"fixed": 0})}),
             chances("rule_extra", base={"earning.+": rule(trigger="like", points={"fixed": 0})})),
            (chances("heralds", base={"tasks.0.goals": [goal("qualified_invites", 1)],
                                      "tasks.0.credits": {"heralds": 1}}),
             chances("heralds", base={"tasks.0.goals": [goal("check_ins", 1)], "tasks.0.credits": {"heralds": 1}})),
            (chances("tasks", base={"tasks.0.goals": [goal("qualified_invites", 1)]}),
             chances("orders", base={"tasks.0.goals": [goal("qualified_invites", 1)]})),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_linter_finds_this_and_not_its_neighbour(row: Row) -> None:
    check(row)


def codes(book: Published) -> set[str]:
    return {finding.code for finding in lint(book.rulebook)}


def test_a_growth_task_gives_no_chance_where_a_promotion_counts_invites() -> None:
    growth = {"tasks": [task("growth", chances={"winter": 1})]}
    tiers = deepcopy(document()["tiers"])
    tiers["levels"][2]["promotion"].append(goal("qualified_invites", 3))
    assert "CHANCE_FOR_INVITES" not in codes(book(**growth))
    assert "CHANCE_FOR_INVITES" in codes(book(**growth, tiers=tiers))


def test_a_task_that_only_gives_a_badge_leads_to_no_completed_task() -> None:
    badge = {"badges": [{"id": "herald", "name": {"zh": "使者", "en": "Herald"}}]}
    invited = task("campaign", goals=[goal("qualified_invites", 1)], points=0, badge="herald")
    counts = task("campaign", id="busy", goals=[goal("tasks", 1)], chances={"winter": 1})
    assert "CHANCE_FOR_INVITES" not in codes(book(**badge, tasks=[invited, counts]))
    assert "CHANCE_FOR_INVITES" in codes(book(**badge, tasks=[{**invited, "points": 1}, counts]))
    # A chance is more than a badge.
    assert "CHANCE_FOR_INVITES" in codes(book(**badge, tasks=[{**invited, "chances": {"winter": 1}}]))


@pytest.mark.parametrize("name", NAMES)
def test_presets_have_no_lottery_and_keep_it_off(name: str) -> None:
    found = load(preset(name))
    assert (found.lotteries, found.guard_rails.lottery_off) == ((), True)


WRONG: list[dict[str, Any]] = [
    {"ends_at": STARTS.isoformat()},
    {"starts_at": (STARTS + timedelta(microseconds=1)).isoformat()},
    {"starts_at": "2026-11-25T02:00:00"},
    {"draws_per_day": 6},
    {"draws_per_day": 0},
    {"price_points": 0},
    {"prizes": []},
    {"prizes": [prize(f"p{number}") for number in range(21)]},
    {"name": {"zh": "长" * 61, "en": "x"}},
    {"code": "Winter"},
]
WRONG_PRIZES: list[dict[str, Any]] = [
    {"kind": "points"},
    {"points": 1},
    {"kind": "coupon"},
    {"coupon": "tea"},
    {"pieces": None},
    {"pieces": 0},
    {"value_fen": 0},
    {"odds_ppm": 0},
    {"odds_ppm": 1_000_001},
    {"kind": "cash"},
    {"name": {"zh": "x", "en": "x" * 61}},
]


@pytest.mark.parametrize("fields", [*WRONG, *({"prizes": [prize(**one)]} for one in WRONG_PRIZES)], ids=str)
def test_what_cannot_be_a_lottery_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        loaded(**fields)


def test_every_number_of_a_million_falls_on_what_the_odds_say_exactly() -> None:
    one = loaded(prizes=[prize("a", odds_ppm=1), prize("b", odds_ppm=333_333), prize("c", odds_ppm=499_999)])
    found = {"a": 0, "b": 0, "c": 0, "": 0}
    for number in range(NUMBERS):
        won = one.prize_at(number)
        found[won.code if won else ""] += 1
    assert found == {"a": 1, "b": 333_333, "c": 499_999, "": 166_667}


@pytest.mark.parametrize(
    ("ppm", "percent"),
    [(1, "0.0001"), (10_000, "1"), (12_345, "1.2345"), (100_000, "10"), (1_000_000, "100"), (0, "0")],
)
def test_odds_are_told_exactly(ppm: int, percent: str) -> None:
    assert odds(ppm) == percent


def test_the_digest_tells_every_field_and_nothing_else() -> None:
    usual = loaded()
    assert usual.digest == loaded().digest
    assert loaded(starts_at="2026-11-25T10:00:00+08:00").digest == usual.digest
    others = [
        {"words": {"zh": "规则 ", "en": "rules"}},
        {"ends_at": (ENDS + timedelta(seconds=1)).isoformat()},
        {"price_points": 9},
        {"draws_per_day": 4},
        {"prizes": lottery()["prizes"][::-1]},
        {"prizes": [*lottery()["prizes"][:2], prize(odds_ppm=10_001)]},
    ]
    assert len({usual.digest, *(loaded(**fields).digest for fields in others)}) == 7


def test_a_lottery_is_told_in_both_languages_with_all_its_numbers() -> None:
    told = {section.code: section.items for section in words.sections(load(changed(chances(chances={"winter": 2}))))}
    (item,) = told["lotteries"]
    assert item.zh == (
        "冬日抽奖：2026-11-25 10:00:00 至 2026-12-05 10:00:00；每次消耗一次抽奖机会，无机会时消耗 10 积分；"
        "每人每天最多 3 次，共 5 次；奖ten：概率 10%；奖tea：概率 5%，共 5 份，价值 15 元；"
        "奖mug：概率 1%，共 1 份，价值 50 元；未中奖概率 84%；抽中的奖品已发完时，本次不消耗机会或积分，但计入次数。"
    )
    assert item.en == (
        "Winter draw: from 2026-11-25 10:00:00 to 2026-12-05 10:00:00; "
        "a draw takes a chance, or 10 points without one; "
        "at most 3 times a day and 5 times in all; Prize ten: 10%; Prize tea: 5%, 5 pieces, worth 15 yuan; "
        "Prize mug: 1%, 1 piece, worth 50 yuan; no prize 84%; "
        "when the prize drawn has run out, the draw counts but costs nothing."
    )
    (gives,) = [item for item in told["tasks"] if item.rule == "extra"]
    assert "“冬日抽奖”抽奖机会 2 次" in gives.zh
    assert "2 chances of “Winter draw”" in gives.en


def test_the_size_of_an_account_counts_its_lotteries_at_their_largest() -> None:
    codes = [f"{letter * 32}" for letter in "abcde"]
    chances = {code: Chances(ENDS, 99_999, 99_999, ENDS.date(), 99_999) for code in codes}
    state = account_item(Account("M", chances=chances)).state["chances"]
    bounds = [account_bytes(book(*(lottery(code) for code in some)).rulebook) for some in (codes[:1], codes)]
    written = [
        len(json.dumps({code: state[code] for code in some}, separators=(",", ":"))) for some in (codes[:1], codes)
    ]
    assert bounds[1] - bounds[0] == written[1] - written[0]
