"""`make import-check FILE=…`: is a history imported right? On the running local cloud, with members of its own.

FILE is `orders.csv` as for `make import`, or a text file of purchases (see `files.read`). Every customer is logged in,
the orders are imported through the queue as of their payment, and every member's balance, lots, standing, counters,
tasks and entries are compared with a calculation that shares no code with the system. Then the file is imported a
second time, which must change nothing, and a third time for new members in another order, which must give the same.
Scheduled jobs stand still meanwhile: what they do with points and tiers of years ago is another matter.
"""

import json
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import urllib3

from chalicelib.shared.config import settings
from infra import intake, target
from infra.intake_queue import OrdersQueue
from infra.local.wechat_rules import WechatRules
from infra.local.wechat_server import APPID, SECRET
from infra.seeds import demo
from tests.realdata import book, check, files, plain
from tests.realdata.check import Customer, Shown

CALLS_AT_ONCE = 8
TRIES = 5


class LocalBrand:
    """The running `make run`: members over HTTP, orders through `make import`'s own functions, tables as they are."""

    def __init__(self, run: dict[str, Any], session: Any) -> None:
        self.url = run["base_url"]
        self.pool = urllib3.PoolManager(maxsize=CALLS_AT_ONCE, timeout=60.0, retries=False)
        self.queue = OrdersQueue(session.client("sqs"), settings().stage)
        self.dynamodb = session.client("dynamodb")
        self.wechat = WechatRules(APPID, SECRET)

    def call(self, method: str, path: str, token: str = "", body: Any = None) -> Any:
        """One call; anything but a success ends the check. What an overloaded machine answers is asked again."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for _ in range(TRIES):
            answer = self.pool.request(method, self.url + path, json=body, headers=headers)
            if answer.status not in (502, 503, 504):
                break
        if answer.status != 200:
            raise SystemExit(f"{method} {path} answered {answer.status}: {answer.data.decode()[:300]}")
        return json.loads(answer.data)

    def log_in(self, names: Sequence[str]) -> Mapping[str, Customer]:
        """One login each, a few at a time."""
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            return dict(zip(names, pool.map(self._log_in, names), strict=True))

    def _log_in(self, name: str) -> Customer:
        today = datetime.now(plain.SHANGHAI).date()
        found = self.call("POST", "/v1/auth/wechat", body={"code": f"local:{name}:{secrets.token_hex(8)}"})
        member_id = found["member"]["member_id"]
        return Customer(member_id, self.wechat.openid(name), found["access_token"], today)

    def bring_in(self, path: Path) -> int:
        """As `make import FILE=… AS_OF=paid WAIT=1` does."""
        dead = self.queue.dead_letters()
        done = intake.import_file(path, "paid", self.queue, "import-check", print)
        self.queue.wait(lambda _: None)
        if self.queue.dead_letters() > dead:
            raise SystemExit(f"orders were set aside: {dict(self.queue.dead_reasons())}")
        return done.sent

    def book(self, member_ids: Sequence[str]) -> book.Book:
        """The tables."""
        return book.read(self.dynamodb, settings().stage, member_ids)

    def shown(self, customers: Sequence[Customer]) -> Sequence[Shown]:
        """Two calls a member, as the mini-program makes them."""
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            return list(pool.map(self._shown, customers))

    def _shown(self, customer: Customer) -> Shown:
        points = self.call("GET", "/v1/me/points", customer.token)
        tier = self.call("GET", "/v1/me", customer.token)["tier"]["code"]
        return points["balance"], {lot["expires_on"]: lot["points"] for lot in points["lots"]}, tier


@contextmanager
def schedules_halted(events: Any) -> Iterator[None]:
    """Halts every schedule, and lets those go on that ran before."""
    running = [rule["Name"] for rule in events.list_rules()["Rules"] if _is_running(rule)]
    try:
        for name in running:
            events.disable_rule(Name=name)
        yield
    finally:
        for name in running:
            events.enable_rule(Name=name)


def _is_running(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("ScheduleExpression")) and rule["State"] == "ENABLED"


def main(arguments: list[str]) -> int:
    """0 when everything is right."""
    if len(arguments) != 1:
        raise SystemExit("usage: make import-check FILE=…")
    if settings().stage != "local":
        raise SystemExit("make import-check: it makes members; only the local cloud is for that")
    try:
        orders = files.read(Path(arguments[0]))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise SystemExit(f"make import-check: FILE={arguments[0]} cannot be read: {error!r}") from None
    session = target.session()
    run = json.loads(target.RUN.read_text())
    brand = LocalBrand(run, session)
    owner = json.loads((target.RUN.parent / "owner.json").read_text())
    token = demo.log_in_owner(brand.url, owner["password"])["access_token"]
    different = plain.differences(brand.call("GET", "/v1/admin/rulebook", token)["document"])
    if different:
        raise SystemExit(f"make import-check: the brand's rules are not the retail preset's: {', '.join(different)}")
    started = time.monotonic()
    print(f"{len(orders)} orders of {len(files.by_customer(orders))} customers", flush=True)
    with schedules_halted(session.client("events")):
        report = check.run(brand, orders, f"c{secrets.token_hex(3)}")
    print(f"{time.monotonic() - started:7.1f} s  {check.told(report)}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
