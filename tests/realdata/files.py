"""Files of orders: read in two forms, written in the form `make import` takes."""

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tests.realdata.plain import SHANGHAI, Order


def read(path: Path) -> list[Order]:
    """The orders of `orders.csv` (columns as for `make import`), or of a text file of lines
    `id in the full file, id in the sample, yyyymmdd, pieces, dollars`: a dollar counts as a yuan, paid at noon in
    Shanghai. One customer's orders come oldest first."""
    lines = path.read_text("utf-8-sig").splitlines()
    csv_file = "," in lines[0]
    orders = [_csv_order(row) for row in csv.DictReader(lines)] if csv_file else [_text_order(line) for line in lines]
    return sorted(orders, key=lambda order: order.paid_at)


def _text_order(line: str) -> Order:
    _, customer, day, _, dollars = line.split()
    noon = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=SHANGHAI)
    return Order(customer, noon, _fen(dollars))


def _csv_order(row: dict[str, str]) -> Order:
    if row.get("type") not in (None, "", "order"):
        raise SystemExit("the check understands orders only, not refunds and completions")
    amount_fen = int(row["amount_fen"]) if row.get("amount_fen") else _fen(row["amount_yuan"])
    return Order(row.get("openid") or row["member_id"], datetime.fromisoformat(row["paid_at"]), amount_fen)


def _fen(money: str) -> int:
    whole, _, cents = money.partition(".")
    return int(whole) * 100 + int(cents.ljust(2, "0"))


def by_customer(orders: Sequence[Order]) -> dict[str, list[Order]]:
    """customer → orders, in their order."""
    found: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        found[order.customer].append(order)
    return dict(found)


def interleaved(orders: Sequence[Order], seed: int) -> list[Order]:
    """The same orders with customers in another order; each customer's own order is kept."""
    waiting = {customer: iter(own) for customer, own in by_customer(orders).items()}
    turns = [order.customer for order in orders]
    random.Random(seed).shuffle(turns)
    return [next(waiting[customer]) for customer in turns]


def write(path: Path, orders: Sequence[Order], who: Callable[[str], str], column: str, prefix: str) -> None:
    """`orders.csv`. `who` gives the openid or member id (`column`) of a customer; order ids begin with `prefix`."""
    money = "amount_yuan" if column == "openid" else "amount_fen"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", column, "paid_at", money])
        for number, order in enumerate(orders, 1):
            fen = order.amount_fen
            amount = f"{fen // 100}.{fen % 100:02}" if money == "amount_yuan" else fen
            writer.writerow([f"{prefix}-{number}", who(order.customer), order.paid_at.isoformat(), amount])


def renamed(orders: Sequence[Order], prefix: str) -> list[Order]:
    """The same orders of customers never seen before."""
    numbers = {customer: f"{prefix}-{number}" for number, customer in enumerate(by_customer(orders), 1)}
    return [replace(order, customer=numbers[order.customer]) for order in orders]
