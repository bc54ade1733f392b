"""The demo brand: the retail rulebook, a mall, an owner, a merchant key, a member. Safe to repeat."""

import json
import secrets as random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import urllib3

from chalicelib.console import keys, service
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import secrets
from chalicelib.shared.config import settings
from infra.seeds import offers

OWNER = "demo"


@dataclass(frozen=True)
class Seeded:
    """What was made for the first time; None when it was there already."""

    merchant: dict[str, str]
    password: str | None


def seed(wechat: dict[str, str], now: datetime) -> Seeded:
    """Seeds through the rooms' own services, with the administrator's rights of whoever deploys.

    wechat: {appid, secret} of the mini-program.
    """
    secrets.forget()
    if secrets.read(settings().wechat_secret) != wechat:
        secrets.write(settings().wechat_secret, wechat)
    if not store.versions(1, None)[0]:
        draft = store.save_draft(preset("retail"), "deployment", now)
        store.publish(draft, None, "deployment", {}, now)
    offers.seed(now)
    password = random.token_urlsafe(18)
    created = service.bootstrap_owner(OWNER, password, now)
    if not keys.merchant_keys():
        keys.add_merchant_key("deployment", now)
    secrets.forget()
    key_id, key = next(iter(secrets.read(settings().merchant_secret).items()))
    return Seeded({"key_id": key_id, "secret": key["secret"]}, password if created else None)


def post(base_url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call over HTTP, as any client would make it. Raises SystemExit with the answer when it is not a success."""
    answer = urllib3.request("POST", base_url + path, json=body, timeout=60.0, retries=False)
    if answer.status != 200:
        raise SystemExit(f"POST {path} answered {answer.status}: {answer.data.decode()[:300]}")
    found: dict[str, Any] = json.loads(answer.data)
    return found


def log_in_member(base_url: str) -> dict[str, str]:
    """The demo member's id and access token."""
    answer = post(base_url, "/v1/auth/wechat", {"code": f"local:demo:{random.token_hex(8)}"})
    return {"member_id": answer["member"]["member_id"], "access_token": answer["access_token"]}


def log_in_owner(base_url: str, password: str) -> dict[str, str]:
    """The demo owner's access token."""
    return {"access_token": post(base_url, "/v1/admin/login", {"name": OWNER, "password": password})["access_token"]}
