"""The brand on the stack as deployed: MiniStack with IAM enforced, both stacks by CloudFormation, the demo brand in it.

Everything is made once for this package and taken down after its last test, its environment included: the tests beside
it run on moto and must not see this cloud.
"""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.console import keys
from chalicelib.ledger.items import AccountItem
from chalicelib.shared import clock, secrets
from chalicelib.shared.config import settings
from infra.local.front import Front
from infra.local.ministack import MiniStack
from infra.local.wechat_server import APPID, SECRET, FakeWechat
from infra.seeds import demo
from tests.cloud.brand import STAGE, Brand, Stack, free_port
from tests.cloud.order_queue import Orders
from tests.conftest import forget
from tests.harness import world


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The deployed stack. This process is its administrator: in-process calls of the rooms' services reach it too."""
    folder = tmp_path_factory.mktemp("cloud")
    started = time.monotonic()
    # Told to end, as by a job's time limit, the run ends in order: nothing started here outlives it.
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        pytest.MonkeyPatch.context() as environment,
        FakeWechat(APPID, SECRET) as wechat,
        MiniStack(free_port(), folder) as cloud,
    ):
        for name, value in {**cloud.environment(), "STAGE": STAGE}.items():
            environment.setenv(name, value)
        forget()
        outputs = cloud.deploy(STAGE, wechat.url, lambda what: print(f"{time.monotonic() - started:6.1f} s  {what}"))
        have_patience(cloud.session().client("lambda"))
        demo.seed({"appid": APPID, "secret": SECRET}, clock.now())
        keys.add_merchant_key("deployment", clock.now())
        merchants = {key_id: key["secret"] for key_id, key in secrets.read(settings().merchant_secret).items()}
        with Front(0, cloud.url, outputs["ApiId"]) as front:
            yield Stack(cloud.url, front.url, cloud.session(), outputs, merchants, wechat.rules)
    forget()
    signal.signal(signal.SIGTERM, usual)


def have_patience(functions: Any) -> None:
    """Many functions starting at once share this machine's few processors; in AWS each has its own."""
    for function in functions.list_functions()["Functions"]:
        functions.update_function_configuration(FunctionName=function["FunctionName"], Timeout=60)


@pytest.fixture(scope="package")
def brand(stack: Stack) -> Brand:
    """The brand's API, over HTTP, as the rest of the world calls it."""
    return Brand(stack)


@pytest.fixture(scope="package")
def orders(stack: Stack) -> Orders:
    """The queue of orders and its dead-letter queue."""
    return Orders(stack)


@pytest.fixture(scope="package")
def verified(stack: Stack) -> Iterator[dict[str, int]]:
    """Member → the version at which the book was last looked at. At the very end everybody is verified once more."""
    yield {}
    assert world.broken_invariants() == {}


@pytest.fixture(autouse=True)
def _invariants(stack: Stack, verified: dict[str, int]) -> Iterator[None]:
    """After every test the book of every member it touched is right."""
    yield
    accounts = [item for item in AccountItem.scan() if "#" not in item.id and verified.get(item.id) != item.seq]
    verified.update((item.id, int(item.seq)) for item in accounts)
    assert {item.id: problems for item in accounts if (problems := ledger.verify(item.id))} == {}
