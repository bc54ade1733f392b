"""A brand whose members are evaluated under new rules: who they are, the queue, and what an operator sees of it."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.ledger import scan
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import aws as clients
from chalicelib.shared import callers
from chalicelib.shared.config import settings
from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_workers import reevaluate
from tests.harness import world
from tests.harness.api import Api, Reply

# What a member has spent, in fen, and the tier under the preset's rules and under the easier ones.
LIVES = [
    (29_999, "normal", "normal"), (30_000, "normal", "silver"), (49_999, "normal", "silver"),
    (50_000, "silver", "silver"), (120_000, "silver", "gold"), (199_999, "silver", "gold"),
    (200_000, "gold", "gold"), (500_000, "gold", "diamond"), (1_000_000, "diamond", "diamond"),
]  # fmt: skip
# Of each nine members.
MOVES = {"normal->silver": 2, "silver->gold": 2, "gold->diamond": 1}
JOBS, PREVIEWS, REEVALUATIONS = (f"/v1/admin/rulebook/{name}" for name in ("jobs", "previews", "reevaluations"))


def reached_by(**spend_fen: int) -> dict[str, Any]:
    """The retail preset's tiers, reached by other amounts."""
    tiers: dict[str, Any] = copy.deepcopy(preset("retail")["tiers"])
    for level in tiers["levels"]:
        for need in level.get("promotion", ()):
            if need["metric"] == "spend_fen" and level["code"] in spend_fen:
                need["at_least"] = spend_fen[level["code"]]
    return tiers


EASIER = reached_by(silver=30_000, gold=120_000, diamond=500_000)


def member_id(number: int) -> str:
    return f"M{number:018}"


class Shop:
    """A brand with members, its queue, and what an operator sees of it."""

    def __init__(self, api: Api) -> None:
        self.api, self.sqs, self.url = api, clients.client("sqs"), settings().reevaluation_queue_url
        api.operator("operator", "ada")

    def populate(self, count: int) -> None:
        """`count` members, who have spent what LIVES say in turn; every third came by WeChat."""
        now, published = self.api.clock.now, store.current(self.api.clock.now)
        for number in range(count):
            name = member_id(number)
            world.join(name, published, now, f"openid-{number}" if number % 3 == 0 else None)
            spent_fen, tier, _ = LIVES[number % len(LIVES)]
            self.record(
                name, events.OrderPaid(Cause(f"order#{number}", f"order#{number}"), f"{number}", now, spent_fen)
            )
            assert self.tier(name) == tier

    def record(self, name: str, event: events.Caused) -> None:
        published, now = store.current(self.api.clock.now), self.api.clock.now
        ledger.execute(name, lambda account: process(published, account, event, now), body_hash="of a test")

    def tier(self, name: str) -> str:
        standing = ledger.load(name).standing
        return standing.tier if standing else ""

    def tiers(self) -> Counter[str]:
        return Counter(self.tier(name) for name in world.member_ids())

    def evaluated(self) -> list[str]:
        """Who has an entry of a changed rulebook."""
        causes = (f"rules#{version}" for version in range(1, 9))
        found = [(name, cause) for cause in causes for name in world.member_ids()]
        return [name for name, cause in found if ledger.entry(Cause(name, cause))]

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        token = callers.sign_token("operator", "ada", self.api.clock.now, role="operator")
        return self.api.call(method, path, body, token=token)

    def start(self) -> dict[str, Any]:
        reply = self.call("POST", REEVALUATIONS)
        assert reply.status == 202, reply
        return dict(reply.body)

    def preview(self, **changes: Any) -> dict[str, Any]:
        draft = store.save_draft({**preset("retail"), **changes}, "operator:ada", self.api.clock.now)
        reply = self.call("POST", PREVIEWS, {"draft": draft})
        assert reply.status == 202, reply
        return dict(reply.body)

    def job(self, job_id: str) -> dict[str, Any]:
        reply = self.call("GET", f"{JOBS}/{job_id}")
        assert reply.status == 200, reply
        return dict(reply.body)

    def waiting(self) -> list[dict[str, Any]]:
        """The messages in the queue, up to ten; told to hide nothing, SQS leaves them there."""
        told = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return list(told.get("Messages", ()))

    def lose(self) -> None:
        """Every message is gone."""
        for message in self.waiting():
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def deliver(self, message: dict[str, Any], times: int = 1) -> bool:
        """Hands it to the worker as Lambda does, and takes it out of the queue when it was handled."""
        record = {"messageId": message["MessageId"], "body": message["Body"]}
        answers = [reevaluate({"Records": [record]}, None) for _ in range(times)]
        handled = answers[-1] == {"batchItemFailures": []}
        if handled:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return handled

    def work(self, times: int = 1, after: Callable[[], None] = lambda: None) -> int:
        """Delivers until nothing waits; how many messages that took."""
        delivered = 0
        while messages := self.waiting():
            assert self.deliver(messages[0], times)
            delivered += 1
            after()
        return delivered


def open_shop(api: Api, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The retail preset in force, the queue empty. SQS's delay is real time, which nobody waits for here."""
    queue = clients.client("sqs").create_queue(QueueName="membership-test-reevaluation")
    monkeypatch.setenv("REEVALUATION_QUEUE_URL", queue["QueueUrl"])
    monkeypatch.setattr(reevaluation, "START_DELAY_SECONDS", 0)
    settings.cache_clear()
    return Shop(api)


def in_pages(shop: Shop, monkeypatch: pytest.MonkeyPatch, members: int, page: int) -> Shop:
    """So many members in two segments of pages of that many items; easier rules are in force."""
    monkeypatch.setattr(scan, "PAGE", page)
    monkeypatch.setattr(reevaluation, "SEGMENTS", 2)
    shop.populate(members)
    shop.api.publish({"tiers": EASIER})
    return shop


def times(moves: dict[str, int], factor: int) -> list[dict[str, Any]]:
    """As the API says it."""
    found = [(*move.split("->"), members * factor) for move, members in sorted(moves.items())]
    return [{"from_tier": before, "to_tier": after, "members": members} for before, after, members in found]


def outcome(shop: Shop, job_id: str = "reevaluation-2") -> tuple[Any, ...]:
    job = shop.job(job_id)
    return job["state"], job["seen"], job["moved"], job["failed"]


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[], None]) -> None:
    """Between the first page's read and what is made of it, something else happens."""
    read = ledger.members
    waiting = [what]

    def members(*args: Any) -> Any:
        page = read(*args)
        if waiting:
            waiting.pop()()
        return page

    monkeypatch.setattr(ledger, "members", members)
