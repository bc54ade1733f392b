"""What stands in the tables for some members, read straight from DynamoDB, and how it differs from what must."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
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
    standing: list[str | None]
    counters: dict[str, dict[str, int]]
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
        standing=state["standing"],
        counters={m: c for m, c in state.get("counters", {}).items() if m in ("spend_fen", "orders")},
        entries=entries,
    )


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
            ("tier, since, until", account.standing, expected.standing),
            ("counters", account.counters, expected.counters),
            ("the last entry's number", account.seq, expected.seq),
            ("numbers of entries", [entry.seq for entry in account.entries], list(range(1, expected.seq + 1))),
        )
        if found != right
    ]
    worth = 0
    for entry in account.entries:
        worth += entry.points
        if entry.balance_after != worth or entry.lines != entry.points:
            problems.append(f"entry {entry.seq} does not add up")
        if (entry.kind, entry.as_of) not in (("joined", None), ("order_paid", "paid")):
            problems.append(f"entry {entry.seq} does not say it was decided as of the payment")
    return problems
