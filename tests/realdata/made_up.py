"""Made-up histories: one that meets everything, and some small enough to be worked out by hand."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from tests.realdata.plain import SHANGHAI, Order


def at(day: str, fen: int, customer: str = "c", hour: int = 12) -> Order:
    """One order of a day of 2025, `MM-DD`."""
    return Order(customer, datetime.fromisoformat(f"2025-{day}T{hour:02}:00").replace(tzinfo=SHANGHAI), fen)


def history(customers: int = 4, orders: int = 32) -> list[Order]:
    """Eighteen months of orders, made to reach every tier and task, both sides of noon and nothing at all."""
    made = random.Random(7)
    start = datetime(2025, 1, 1, 12, tzinfo=SHANGHAI)
    found = [
        Order(
            f"c{made.randrange(customers)}",
            start + timedelta(days=made.randrange(540), hours=made.choice([-12, 0, 11])),
            made.choice([0, 99, 101, 2933, 29_999, 30_000, 49_999, 50_000, 333_333]),
        )
        for _ in range(orders)
    ]
    found += [Order("regular", start + timedelta(days=day), 1_05) for day in range(40, 66)]
    found += [replace(order, customer=f"told-{number}") for number, (orders, *_) in enumerate(TOLD) for order in orders]
    return sorted(found, key=lambda order: order.paid_at)


# Orders → what each entry after joining pays, and the tier, by hand. 2025-01-05 is a Sunday, 2025-02-10 a Monday.
TOLD: list[tuple[list[Order], list[int], str]] = [
    # One fen short of the weekly task on Sunday's last hour; Monday is another week; then silver by 3 orders.
    ([at("01-04", 29_999), at("01-05", 0, hour=23), at("01-06", 1, hour=0)], [399, 0, 500], "silver"),
    # The fen that was missing, in the same week; more of the week pays nothing more; the next week pays again.
    (
        [at("02-10", 29_999), at("02-16", 1, hour=23), at("02-16", 30_000, hour=23), at("02-17", 30_000, hour=0)],
        [399, 200, 300 + 500, 450 + 200],
        "silver",
    ),
    # The 15th: its task once that day, before the 1.5 of an ordinary member becomes the 3 of a silver one.
    (
        [at("02-14", 100, hour=23), at("02-15", 49_900, hour=0), at("02-15", 100, hour=23), at("03-15", 100)],
        [101, 748 + 200 + 500 + 500, 3, 3 + 500],
        "silver",
    ),
    # Both thresholds, one fen below and at: silver, gold, diamond.
    ([at("02-10", 49_999), at("02-17", 1)], [499 + 100 + 200, 500], "silver"),
    ([at("02-10", 199_999), at("02-17", 1)], [1999 + 100 + 200 + 500, 500], "gold"),
    ([at("02-10", 999_999), at("02-17", 1)], [9999 + 100 + 200 + 500, 500], "diamond"),
    # Several steps at once are one promotion.
    ([at("02-10", 1_000_000), at("02-17", 100)], [10_000 + 100 + 200 + 500, 3], "diamond"),
    # Three months are calendar months: an order of January is none of April's three, but one of March's.
    ([at("01-01", 100), at("04-01", 100), at("04-02", 100)], [101, 1, 1], "normal"),
    ([at("01-31", 100), at("03-01", 100), at("03-02", 100)], [101, 1, 501], "silver"),
]
