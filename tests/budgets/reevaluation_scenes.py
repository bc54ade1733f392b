"""Everybody evaluated under a new rulebook: the routes, and one delivery to the worker of each kind."""

import copy
import json
from typing import Any
from unittest.mock import patch

from chalicelib.ledger import scan
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_workers import reevaluate
from tests.budgets.members import Call, Scene, regular
from tests.harness.api import Api, Reply
from tests.harness.faults import Killed, killed_after

PATH = "/v1/admin/rulebook"


def _easier() -> dict[str, Any]:
    """Tiers of which the regular member has reached one more."""
    tiers: dict[str, Any] = copy.deepcopy(preset("retail")["tiers"])
    _, silver, gold, _ = tiers["levels"]
    for level, promotion_fen, retention_fen in ((silver, 10_000, 5_000), (gold, 30_000, 20_000)):
        (need, *_) = level["promotion"]
        level["promotion"] = [{**need, "at_least": promotion_fen}]
        level["retention"] = [{**need, "window": "period", "at_least": retention_fen}]
    return tiers


def _call(api: Api, method: str, path: str, body: Any = None) -> Call:
    token = api.operator()
    return lambda: api.call(method, f"{PATH}{path}", body, token=token)


def _start(api: Api) -> Call:
    return _call(api, "POST", "/reevaluations")


def _start_again(api: Api) -> Call:
    call = _start(api)
    assert call().status == 202
    return call


def _draft(api: Api) -> int:
    return store.save_draft({**preset("retail"), "tiers": _easier()}, "test", api.clock.now)


def _preview(api: Api) -> Call:
    return _call(api, "POST", "/previews", {"draft": _draft(api)})


def _progress(api: Api) -> Call:
    reply: Reply = _start(api)()
    return _call(api, "GET", f"/jobs/{reply.body['job_id']}")


def _page(job_id: str) -> Call:
    record = {"messageId": "m-1", "body": json.dumps({"job_id": job_id, "segment": 0})}
    return lambda: reevaluate({"Records": [record]}, None)


def _moving(api: Api) -> Call:
    """One page holds everybody; the regular member is promoted."""
    regular(api)
    api.publish({"tiers": _easier()})
    with patch.object(reevaluation, "SEGMENTS", 1):
        return _page(reevaluation.reevaluate("test", api.clock.now).job.job_id)


def _again(api: Api) -> Call:
    """The member was promoted, and the worker died before it could say so."""
    call = _moving(api)
    store.current(api.clock.now)
    try:
        with killed_after(4):
            call()
    except Killed:
        return call
    raise AssertionError("not killed")


def _more(api: Api) -> Call:
    """Nobody is moved, and there is another page."""
    regular(api)
    api.clock.pass_(days=1)
    with patch.object(reevaluation, "SEGMENTS", 1):
        call = _page(reevaluation.reevaluate("test", api.clock.now).job.job_id)

    def first() -> Any:
        with patch.object(scan, "PAGE", 1):
            return call()

    return first


def _counting(api: Api) -> Call:
    regular(api)
    with patch.object(reevaluation, "SEGMENTS", 1):
        return _page(reevaluation.preview(_draft(api), "test", api.clock.now).job.job_id)


SCENES: dict[str, Scene] = {
    f"POST {PATH}/reevaluations": _start,
    f"POST {PATH}/reevaluations, asked again": _start_again,
    f"POST {PATH}/previews": _preview,
    f"GET {PATH}/jobs/{{job_id}}": _progress,
    "Reevaluate": _moving,
    "Reevaluate, delivered again": _again,
    "Reevaluate, nobody moved and more to come": _more,
    "Reevaluate, a preview": _counting,
}
