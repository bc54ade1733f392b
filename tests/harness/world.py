"""The test cloud's contents: tables, secrets, a published rulebook, members."""

import copy
import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from pynamodb.models import Model

from chalicelib import ledger
from chalicelib.console import items as console_items
from chalicelib.coupons import items as coupons_items
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, Joined
from chalicelib.engine.process import process
from chalicelib.insights import items as insights_items
from chalicelib.ledger import items as ledger_items
from chalicelib.lottery import items as lottery_items
from chalicelib.members import items as members_items
from chalicelib.notices import items as notices_items
from chalicelib.redemption import items as redemption_items
from chalicelib.rulebook import items as rulebook_items
from chalicelib.rulebook.model import Published
from chalicelib.shared import audit, aws, guard
from chalicelib.shared.config import settings
from chalicelib.tiers import items as tiers_items
from chalicelib.tiers import reevaluation_items
from infra.tables import TABLES, create_table_arguments

MERCHANT_KEY, MERCHANT_SECRET = "shop-1", "a-secret-of-the-shop"


# What moto's tables were once made to be, by name: to put an image back takes a millisecond, to make it sixty.
_images: dict[str, Any] = {}


def as_before(name: str, make: Callable[[], object]) -> None:
    """Makes moto's tables what `make` makes them: the first time by calling it, later by putting their image back."""
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]
    if name in _images:
        backend.tables = copy.deepcopy(_images[name])
    else:
        make()
        _images[name] = copy.deepcopy(backend.tables)


def create_tables() -> None:
    as_before("empty", _create_tables)


def _create_tables() -> None:
    client = aws.client("dynamodb")
    for table in TABLES:
        client.create_table(**create_table_arguments(table, f"membership-{settings().stage}-{table.name}"))


def create_secrets() -> None:
    client = aws.client("secretsmanager")
    for name, value in (
        (settings().token_secret, {"current": "k1", "k1": "0123456789abcdef0123456789abcdef"}),
        (settings().merchant_secret, {MERCHANT_KEY: {"secret": MERCHANT_SECRET}}),
        (settings().codes_secret, {"current": "k1", "k1": "abcdef0123456789abcdef0123456789"}),
        (settings().wechat_secret, {"appid": "wxtest", "secret": "wechat-secret"}),
    ):
        client.create_secret(Name=name, SecretString=json.dumps(value))


def models() -> list[Any]:
    """Every PynamoDB model that may hold a connection."""
    modules = (
        console_items,
        coupons_items,
        insights_items,
        ledger_items,
        lottery_items,
        members_items,
        notices_items,
        redemption_items,
        rulebook_items,
        reevaluation_items,
        tiers_items,
        guard,
        audit,
    )
    named = {thing for module in modules for thing in vars(module).values() if isinstance(thing, type)}
    return [model for model in named if issubclass(model, Model) and model is not Model]


def forget_models() -> None:
    for model in models():
        model._connection = None


def member_ids() -> list[str]:
    return [item.id for item in ledger_items.AccountItem.scan() if "#" not in item.id]


def broken_invariants() -> dict[str, list[str]]:
    """member → problems, for every member with problems (I1, I2, I4, I5, I6)."""
    found = {member_id: ledger.verify(member_id) for member_id in member_ids()}
    return {member_id: problems for member_id, problems in found.items() if problems}


def join(member_id: str, published: Published, now: datetime, openid: str | None = None) -> Account:
    """A new member."""
    decision = process(published, Account(member_id), Joined(Cause(member_id, "joined")), now)
    outcome = ledger.create(decision, openid, body_hash="joined")
    assert outcome.account is not None
    return outcome.account
