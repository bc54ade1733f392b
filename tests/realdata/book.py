"""What stands in the tables for some members, read straight from DynamoDB, and how it differs from what must."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Any

from tests.realdata.plain import Result


@dataclass(frozen=True)
class Entry:
    """One journal entry."""

    seq: int
    kind: str
    points: int
    balance_after: int
    lines: int
    as_of: str | None


@dataclass(frozen=True)
class Account:
    """One account with its entries, oldest first. Equal books are equal in every part."""

    seq: int
    balance: int
    debt: int
    lots: dict[str, int]
    standing: dict[str, Any]
    counters: dict[str, dict[str, int]]
    tasks: dict[str, list[str]]
    badges: list[str]
    entries: tuple[Entry, ...]


Book = Mapping[str, Account]


def read(dynamodb: Any, stage: str, member_ids: Iterable[str]) -> Book:
    """member id → account, for these members: one scan of each table."""
    wanted = set(member_ids)
    entries: dict[str, list[Entry]] = {member_id: [] for member_id in wanted}
    for item in _scan(dynamodb, f"membership-{stage}-journal"):
        if "seq" in item and item["member_id"]["S"] in wanted:
            entries[item["member_id"]["S"]].append(_entry(item))
    found = {}
    for item in _scan(dynamodb, f"membership-{stage}-accounts"):
        member_id = item["id"]["S"]
        if member_id in wanted:
            own = tuple(sorted(entries[member_id], key=lambda entry: entry.seq))
            found[member_id] = _account(item, own)
    return found


def _scan(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def _entry(item: dict[str, Any]) -> Entry:
    facts = json.loads(item["facts"]["S"]) if "facts" in item else {}
    return Entry(
        seq=int(item["seq"]["N"]),
        kind=item["kind"]["S"],
        points=int(item["points"]["N"]),
        balance_after=int(item["balance_after"]["N"]),
        lines=sum(line[1] for line in json.loads(item["lines"]["S"])),
        as_of=facts.get("as_of"),
    )


def _account(item: dict[str, Any], entries: tuple[Entry, ...]) -> Account:
    state = json.loads(item["state"]["S"])
    return Account(
        seq=int(item["seq"]["N"]),
        balance=int(item["balance"]["N"]),
        debt=int(item["debt"]["N"]),
        lots=state.get("lots", {}),
        standing=_standing(state["standing"], []),
        counters=state.get("counters", {}),
        tasks=state.get("tasks", {}),
        badges=state.get("badges", []),
        entries=entries,
    )


def _standing(state: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """As in `Result`: counts by their names, which stand once, in the outermost. What else there is stays as it is."""
    names = state.get("of", names)
    found = {name: value for name, value in state.items() if name not in ("of", "base", "earned")}
    if "base" in state:
        found["base"] = {name: count for name, count in zip(names, state["base"], strict=True) if count}
    if "earned" in state:
        before, ways = state["earned"]
        spare = [
            ["+".join(names[index] for index in metrics), since or "", after, left]
            for ((metrics, since, after, left),) in ways
        ]
        found["earned"] = {"before": _standing(before, names), "spare": spare}
    return found


def compare(account: Account | None, expected: Result) -> list[str]:
    """Every way in which the account is not what it must be, in words; empty when it is right."""
    if account is None:
        return ["there is no account"]
    problems = [
        f"{name} is {found}, must be {right}"
        for name, found, right in (
            ("balance", account.balance, expected.balance),
            ("debt", account.debt, 0),
            ("lots", account.lots, expected.lots),
            ("standing", account.standing, expected.standing),
            ("counters", account.counters, expected.counters),
            ("tasks", account.tasks, expected.tasks),
            ("badges", account.badges, []),
            ("the last entry's number", account.seq, expected.seq),
        )
        if found != right
    ]
    for entry, right in zip_longest(account.entries, _rows(expected)):
        found = entry and (entry.seq, entry.points, entry.balance_after, entry.lines)
        if entry is None or found != right:
            problems.append(f"entry (number, points, balance after, sum of lines) is {found}, must be {right}")
        elif (entry.kind, entry.as_of) not in (("joined", None), ("order_paid", "paid")):
            problems.append(f"entry {entry.seq} does not say it was decided as of the payment")
    return problems


def _rows(expected: Result) -> Iterator[tuple[int, int, int, int]]:
    return ((seq, points, worth, points) for seq, (points, worth) in
            enumerate(zip(expected.points, accumulate(expected.points), strict=True), 1))  # fmt: skip
