"""The check itself, on any brand: bring a history in, compare every member, bring it in again, bring it in shuffled."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from tests.realdata import book, files, plain
from tests.realdata.book import Book
from tests.realdata.plain import Order

SEED = 20261124
SHOWN = 20


@dataclass(frozen=True)
class Customer:
    """A member made for the check. `joined_on` is the business date of the login that made it."""

    member_id: str
    openid: str
    token: str
    joined_on: date


Shown = tuple[int, dict[str, int], str]
"""Balance, lots, tier."""


class Brand(Protocol):
    """A running system with the retail rules."""

    def log_in(self, names: Sequence[str]) -> Mapping[str, Customer]:
        """Makes a member of each name."""

    def bring_in(self, path: Path) -> int:
        """Imports the file through the queue, each order as of its payment, and returns how many rows the queue took
        when the last is decided."""

    def book(self, member_ids: Sequence[str]) -> Book:
        """What stands in the tables."""

    def shown(self, customers: Sequence[Customer]) -> Sequence[Shown]:
        """What each member is shown."""


@dataclass
class Report:
    """Problems in words, and what each step took."""

    problems: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def step(self, what: str, started: float, orders: int = 0) -> None:
        """Notes and prints a finished step."""
        seconds = time.monotonic() - started
        rate = f", {orders / max(seconds, 0.001):.0f} orders/s" if orders else ""
        self.steps.append(f"{seconds:7.1f} s  {what}{rate}")
        print(self.steps[-1], flush=True)


def run(brand: Brand, orders: Sequence[Order], tag: str) -> Report:
    """The three passes. `tag` makes names and order ids new, so the check can be run again on the same cloud."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        first = files.renamed(orders, f"{tag}a")
        path = Path(folder) / "orders.csv"
        customers = _log_in(brand, first, report)
        files.write(path, first, lambda name: customers[name].openid, "openid", f"{tag}a")
        _bring_in(brand, path, len(first), "imported", report)
        before = _compare(brand, first, customers, "", report)

        _bring_in(brand, path, len(first), "imported a second time", report)
        started = time.monotonic()
        report.problems += changes(before, brand.book(list(before)))
        report.step("the second import changed nothing" if not report.problems else "compared again", started)

        second = files.interleaved(files.renamed(orders, f"{tag}b"), SEED)
        others = _log_in(brand, second, report)
        path = Path(folder) / "shuffled.csv"
        files.write(path, second, lambda name: others[name].member_id, "member_id", f"{tag}b")
        _bring_in(brand, path, len(second), "imported with members interleaved", report)
        _compare(brand, second, others, "interleaved: ", report)
    return report


def _log_in(brand: Brand, orders: Sequence[Order], report: Report) -> Mapping[str, Customer]:
    started, names = time.monotonic(), list(files.by_customer(orders))
    customers = brand.log_in(names)
    report.step(f"{len(names)} members logged in", started)
    return customers


def _bring_in(brand: Brand, path: Path, rows: int, what: str, report: Report) -> None:
    started = time.monotonic()
    sent = brand.bring_in(path)
    if sent != rows:
        report.problems.append(f"{what}: {sent} of {rows} rows were sent")
    report.step(f"{rows} orders {what}", started, rows)


def _compare(
    brand: Brand, orders: Sequence[Order], customers: Mapping[str, Customer], where: str, report: Report
) -> Book:
    """Every member against the plain calculation: what is stored, and what the member is shown."""
    started = time.monotonic()
    found = brand.book([customer.member_id for customer in customers.values()])
    shown = dict(zip(customers, brand.shown(list(customers.values())), strict=True))
    wrong = 0
    for name, own in files.by_customer(orders).items():
        expected = plain.result(own, customers[name].joined_on)
        problems = book.compare(found.get(customers[name].member_id), expected)
        if shown[name] != (expected.balance, expected.lots, expected.standing["tier"]):
            problems.append("the member is shown something else")
        report.problems += [f"{where}{name}: {problem}" for problem in problems]
        wrong += bool(problems)
    report.step(f"{len(customers)} members compared, {len(customers) - wrong} right", started)
    return found


def changes(before: Book, after: Book) -> list[str]:
    """Members whose account or entries are not what they were."""
    return [f"{who}: changed by the second import" for who in before if before[who] != after.get(who)]


def told(report: Report) -> str:
    """The report's end, for a reader."""
    if not report.problems:
        return "everything is right"
    shown = "\n".join(f"  {problem}" for problem in report.problems[:SHOWN])
    more = f"\n  … and {len(report.problems) - SHOWN} more" if len(report.problems) > SHOWN else ""
    return f"{len(report.problems)} problems\n{shown}{more}"
