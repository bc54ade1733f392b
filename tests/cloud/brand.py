"""The deployed brand as its clients see it, and what tests of a real, asynchronous cloud need: threads that start
together, and waiting for a condition (never for a time)."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import urllib3

from chalicelib.ledger.items import EntryItem
from chalicelib.shared import clock
from chalicelib.shared.ids import random_code
from infra.local.sign import authorization
from infra.local.wechat_rules import WechatRules
from tests.harness.api import Api, Clock, Member, Reply

STAGE = "cloud"
PATIENCE_SECONDS = 60

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Stack:
    """Where it all is. `outputs` are those of both stacks; `merchants` maps key ids to secrets."""

    cloud_url: str
    front_url: str
    session: Any
    outputs: dict[str, str]
    merchants: dict[str, str]
    wechat: WechatRules

    def client(self, service: str) -> Any:
        """A client with the administrator's rights."""
        return self.session.client(service)

    def said(self, function: str, words: str) -> int:
        """How many lines of the function's log hold these words."""
        group = f"/aws/lambda/membership-{STAGE}-{function}"
        found = self.client("logs").filter_log_events(logGroupName=group, filterPattern=f'"{words}"')
        return len(found["events"])


def role_of(stack: Stack, function: str) -> str:
    """The name of the function's role."""
    configuration = stack.client("lambda").get_function_configuration(FunctionName=f"membership-{STAGE}-{function}")
    return str(configuration["Role"].rpartition("/")[2])


class WallClock(Clock):
    """The functions' own clock cannot be moved, so their callers tell the same time."""

    def __init__(self) -> None:
        pass

    @property
    def now(self) -> datetime:  # type: ignore[override]
        return clock.now()


class Brand(Api):
    """The same API as in the functional tests, by real HTTP: front address → API Gateway → the room's function."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(WallClock())
        self.stack = stack
        self.pool = urllib3.PoolManager(retries=False, timeout=60, maxsize=32)

    def send(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Reply:
        """The request as it is, over HTTP."""
        answer = self.pool.request(method, self.stack.front_url + path, body=content, headers=headers)
        return Reply(answer.status, json.loads(answer.data), dict(answer.headers))

    def merchant(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None, key_id: str | None = None
    ) -> Reply:
        """One signed request, by the first merchant unless `key_id` says otherwise."""
        assert query is None
        content = b"" if body is None else json.dumps(body).encode()
        key_id = key_id or next(iter(self.stack.merchants))
        header = authorization(key_id, self.stack.merchants[key_id], method, path, content)
        return self.call(method, path, headers={"Authorization": header}, raw=content)

    def fresh(self, prefix: str = "k") -> str:
        """A key never used before, by any client of this stack."""
        return f"{prefix}-{random_code(12)}"

    def newcomer(self, prefix: str = "member") -> Member:
        """A member who has just joined."""
        return self.log_in(self.fresh(prefix))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def at_once(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """`work(0) … work(count − 1)`, each on a thread of its own, let go at the same moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Answer:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def eventually(look: Callable[[], Answer], wanted: Answer) -> None:
    """Looks until it sees what is wanted; fails with what it saw last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == wanted


def entries(member: Member) -> list[Any]:
    """The member's whole journal, oldest first, as it is stored."""
    return list(EntryItem.by_seq.query(member.member_id))


def kinds(member: Member) -> list[str]:
    """What happened to the member, oldest first."""
    return [item.kind for item in entries(member)]
