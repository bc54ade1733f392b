"""The mall: offers as members look at them and as operators make them."""

from collections.abc import Callable
from typing import Any

from infra.seeds.offers import documents
from tests.budgets.members import Call, Scene, regular
from tests.harness.api import Api, Reply

BASE = "/v1/admin/offers"
MUG, BAG = "mug", "early_access"


def offer(api: Api, offer_id: str = MUG, **fields: Any) -> dict[str, Any]:
    """An offer of the demo brand as an operator writes it."""
    return next(one for one in documents(api.clock.now) if one["offer_id"] == offer_id) | fields


def on_sale(api: Api, *offer_ids: str, **fields: Any) -> None:
    """Puts those of the demo brand's offers in force, with some fields replaced."""
    token = api.operator()
    for offer_id in offer_ids:
        body = {"document": offer(api, offer_id, **fields)}
        assert api.call("POST", BASE, body, token=token).status == 201
        assert api.call("POST", f"{BASE}/{offer_id}/publish", {}, token=token).status == 200


def _by_member(path: str) -> Scene:
    """The regular member looks at a mall of two offers, one of them with a stock."""

    def scene(api: Api) -> Call:
        member = regular(api)
        on_sale(api, MUG, BAG)
        return lambda: api.call("GET", path, token=member.token)

    return scene


def _by_operator(method: str, path: str = "", body: Callable[[Api], Any] = lambda api: None) -> Scene:
    """The owner calls, and the mug is on sale."""

    def scene(api: Api) -> Call:
        on_sale(api, MUG)
        token = api.operator()
        return lambda: api.call(method, BASE + path, body(api), token=token)

    return scene


def _set_stock_again(api: Api) -> Call:
    """The stock has begun: it lies in one shard."""
    on_sale(api, MUG)
    token = api.operator()

    def put(pieces: int) -> Reply:
        return api.call("PUT", f"{BASE}/mug/stock", {"pieces": pieces}, token=token)

    assert put(200).status == 200
    return lambda: put(300)


SCENES: dict[str, Scene] = {
    "GET /v1/offers": _by_member("/v1/offers"),
    "GET /v1/offers/{offer_id}": _by_member("/v1/offers/mug"),
    f"GET {BASE}": _by_operator("GET"),
    f"POST {BASE}": _by_operator("POST", "", lambda api: {"document": offer(api, BAG)}),
    f"GET {BASE}/{{offer_id}}": _by_operator("GET", "/mug"),
    f"PUT {BASE}/{{offer_id}}": _by_operator("PUT", "/mug", lambda api: {"document": offer(api), "revision": 1}),
    f"POST {BASE}/{{offer_id}}/validate": _by_operator("POST", "/mug/validate", lambda api: {}),
    f"POST {BASE}/{{offer_id}}/publish": _by_operator("POST", "/mug/publish", lambda api: {}),
    f"POST {BASE}/{{offer_id}}/withdraw": _by_operator("POST", "/mug/withdraw", lambda api: {"reason": "sold out"}),
    f"GET {BASE}/{{offer_id}}/stock": _by_operator("GET", "/mug/stock"),
    f"PUT {BASE}/{{offer_id}}/stock": _set_stock_again,
}
