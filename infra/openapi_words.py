"""What the OpenAPI document tells its readers beyond routes and schemas. Numbers and codes are read from the code."""

import json
from typing import Any

from chalicelib.shared import callers, edge, errors

_CONVENTIONS = f"""\
JSON in UTF-8, names in snake_case. `*_fen` is money in integer fen; `*_on` a business date in the brand's time zone;
`*_at` an instant, RFC 3339 UTC. Points are integers. A body is at most {edge.MAX_BODY_BYTES // 1024} KB.

**Lists** answer `{{"items": […], "next_cursor": …}}`. The next page is asked for with `cursor`; the last page's
`next_cursor` is null.

**Every write on a member's account may be sent again.** From the member or an operator it carries an `Idempotency-Key`:
the same key with the same body gets the first answer again, with the header `Idempotency-Replayed: true`; with another
body it is refused (`{errors.IdempotencyMismatch.code}`). From a merchant it needs no header: `order_id`, `refund_id`
and `event_id` are its key, forever, in any order of arrival.

**Errors** have one shape, whatever the status: a mini-program sees every status as success, so look for `error` in the
body. `retryable` says that the same request may be sent again as it is; `message_zh` may be shown to the member.
"""

_ERROR_CODES = """\
# Error codes · 错误码

| status | code | retryable | message · 说明 |
|---|---|---|---|
"""

_BEARER = f"for {callers.ACCESS_SECONDS // 3600} hours."

_HMAC = f"""\
`Authorization: HMAC-SHA256 key_id=<id>,timestamp=<unix seconds>,nonce=<16–64 chars>,signature=<hex>`

The signature is the hex of HMAC-SHA256(secret, text), and the text is these five, one a line, without a line end after
the last:

```
METHOD
PATH?QUERY
TIMESTAMP
NONCE
hex(sha256(body))
```

PATH as the client sends it (`/v1/orders`), `?QUERY` only when there is one. A request is fresh for
{callers.FRESH_SECONDS} seconds, and a nonce (of `A–Z a–z 0–9 _ -`) is good once. An operator gives out the keys; two
are valid at once while rotating.
"""


def description() -> str:
    """The introduction, and every code an error can carry."""
    lines = [
        f"| {refusal.status} | `{refusal.code}` | {'yes' if refusal.retryable else ''} | "
        f"{refusal.message}<br>{refusal.message_zh} |"
        for refusal in _refusals()
    ]
    return f"{_CONVENTIONS}\n{_ERROR_CODES}" + "\n".join(lines)


def security_schemes() -> dict[str, Any]:
    """The three ways to say who is calling."""
    hmac = f"{_HMAC}\n{_example()}"
    return {
        "member": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"A member's `access_token`, from `POST /v1/auth/wechat`; good {_BEARER}",
        },
        "operator": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"An operator's `access_token`, from `POST /v1/admin/login`; good {_BEARER}",
        },
        # Of the kinds the specification knows, this is the one whose value a client fills in whole.
        "merchant": {"type": "apiKey", "in": "header", "name": "Authorization", "description": hmac},
    }


def _refusals() -> list[type[errors.Refusal]]:
    """One class for each code of this program, by status."""
    found: dict[tuple[int, str], type[errors.Refusal]] = {}
    waiting = errors.Refusal.__subclasses__()
    while waiting:
        refusal = waiting.pop(0)
        waiting += refusal.__subclasses__()
        if refusal.__module__.startswith("chalicelib."):
            found.setdefault((refusal.status, refusal.code), refusal)
    return [refusal for _, refusal in sorted(found.items(), key=lambda item: item[0])]


def _example() -> str:
    """A signature to check one's own code against, made by the code that checks signatures."""
    secret, stamp, nonce = "an-example-secret", "1796000000", "example-nonce-01"
    body = json.dumps({"refund_id": "r-1", "amount_fen": 100})
    signed = callers.signature(secret, "POST", "/v1/orders/o-1/refunds", stamp, nonce, body.encode())
    return (
        f"Example: with the secret `{secret}`, `POST /v1/orders/o-1/refunds` at `{stamp}` with the nonce `{nonce}` and "
        f"the body `{body}` has the signature `{signed}`."
    )
