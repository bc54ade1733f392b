"""`python -m infra.local.sign METHOD PATH [BODY]`: the Authorization header of a merchant call, for curl."""

import json
import secrets
import sys
import time
from pathlib import Path

from chalicelib.shared.callers import signature

RUN = Path(__file__).parent.parent.parent / ".local/run.json"


def authorization(key_id: str, secret: str, method: str, path_and_query: str, body: bytes = b"") -> str:
    """`HMAC-SHA256 key_id=…,timestamp=…,nonce=…,signature=…`, good for one use within 300 s."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    signed = signature(secret, method, path_and_query, stamp, nonce, body)
    return f"HMAC-SHA256 key_id={key_id},timestamp={stamp},nonce={nonce},signature={signed}"


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit("usage: python -m infra.local.sign METHOD PATH [BODY]")
    try:
        merchant = json.loads(RUN.read_text())["merchant"]
    except OSError:
        raise SystemExit("no .local/run.json: `make run` first") from None
    body = sys.argv[3].encode() if len(sys.argv) == 4 else b""
    print(authorization(merchant["key_id"], merchant["secret"], sys.argv[1], sys.argv[2], body))
