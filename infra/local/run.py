"""`make run`: the whole system on this machine, until Ctrl-C.

State lies in `.local/` (ignored by git): the cloud's, the demo owner's password, and `run.json` for clients. A run that
never finished its first start leaves no `ready` mark; the next one starts afresh and says so.
"""

import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from infra.local.front import Front
from infra.local.ministack import MiniStack
from infra.local.wechat_server import APPID, SECRET, FakeWechat

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / ".local"
STAGE = "local"


class Progress:
    """One line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self.started:6.1f} s  {what}", flush=True)


def port_of(name: str, default: int) -> int:
    """The port the environment names. Raises SystemExit for what is none."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise SystemExit(f"make run: {name}={text} is no port; say 1 to 65535")
    return int(text)


def check_ports(ports: dict[str, int]) -> None:
    """One clear line for a port that is taken. Raises SystemExit."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                hint = "another `make run`, perhaps; stop it, or say" if name != "PORT" else "stop what uses it, or say"
                raise SystemExit(f"make run: port {port} on 127.0.0.1 is taken ({hint} make run {name}=…)") from None


def start_afresh_if_half_finished(say: Progress) -> None:
    """Without the mark of a finished start, the cloud's state is of no use."""
    if (FOLDER / "cloud").exists() and not (FOLDER / "ready").exists():
        say("an earlier first start was not finished: starting afresh")
        shutil.rmtree(FOLDER / "cloud")


def write_private(path: Path, content: dict[str, Any]) -> None:
    """A file only its owner reads; never half written."""
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(path)


def owner_password(created: str | None) -> str:
    """The demo owner's password, kept since it was created."""
    path = FOLDER / "owner.json"
    if created:
        write_private(path, {"name": "demo", "password": created})
    try:
        return str(json.loads(path.read_text())["password"])
    except (OSError, ValueError, KeyError):
        raise SystemExit(f"make run: {path} is missing; remove {FOLDER} to start afresh") from None


def curl_lines(run: dict[str, Any]) -> str:
    """A line for each of login, check-in, order and statement."""
    base, member = run["base_url"], run["member"]
    bearer = f"Authorization: Bearer {member['access_token']}"
    sign = ".venv/bin/python -m infra.local.sign"
    order = json.dumps({"order_id": "demo-1", "member_id": member["member_id"], "paid_at": "2026-01-01T04:00:00Z",
                        "amount_fen": 26800}, separators=(",", ":"))  # fmt: skip
    return f"""
# log in (each code works once, as in life)
curl -s {base}/v1/auth/wechat -d '{{"code":"local:alice:'$RANDOM'"}}'
# check in
curl -s -X POST {base}/v1/me/check-ins -H 'Idempotency-Key: {time.strftime("%Y-%m-%d")}' -H '{bearer}'
# report an order, signed with the merchant key
curl -s {base}/v1/orders -d '{order}' -H "Authorization: $({sign} POST /v1/orders '{order}')"
# the statement
curl -s {base}/v1/me/points/entries -H '{bearer}'
"""


def serve(say: Progress, port: int, cloud_port: int, wechat_port: int, stop: threading.Event) -> None:
    """Starts everything, prints what a client needs, waits for `stop`, and takes everything down again."""
    start_afresh_if_half_finished(say)
    say(f"local cloud on 127.0.0.1:{cloud_port}")
    with FakeWechat(APPID, SECRET, port=wechat_port) as wechat, MiniStack(cloud_port, FOLDER / "cloud") as cloud:
        os.environ.update(cloud.environment(), STAGE=STAGE)
        # Imported here: they read the environment.
        from chalicelib.shared.clock import now
        from infra.seeds import demo

        found = cloud.deploy(STAGE, wechat.url, say)
        say("demo brand")
        seeded = demo.seed({"appid": APPID, "secret": SECRET}, now())
        password = owner_password(seeded.password)
        with Front(port, cloud.url, found["ApiId"]) as front:
            say("first calls: a member and the owner log in")
            run: dict[str, Any] = {
                "base_url": front.url,
                "member": demo.log_in_member(front.url),
                "merchant": seeded.merchant,
                "operator": demo.log_in_owner(front.url, password),
                "wechat_url": wechat.url,
                "cloud_url": cloud.url,
            }
            write_private(FOLDER / "run.json", run)
            (FOLDER / "ready").touch()
            say("ready")
            print(f"\nbase URL        {front.url}   (reference: {front.url}/docs)")
            print(f"member token    {run['member']['access_token']}")
            print(f"merchant key    {seeded.merchant['key_id']}  secret {seeded.merchant['secret']}")
            print(f"operator token  {run['operator']['access_token']}")
            print(curl_lines(run) + "\nCtrl-C stops everything; the data stays.", flush=True)
            stop.wait()
            say("stopping")
    say("stopped")


def main() -> int:
    """Reads PORT, CLOUD_PORT and WECHAT_PORT from the environment."""
    ports = {name: port_of(name, default) for name, default in
             (("PORT", 8000), ("CLOUD_PORT", 4566), ("WECHAT_PORT", 8002))}  # fmt: skip
    stop = threading.Event()

    def interrupt(*_: object) -> None:
        if stop.is_set():
            return
        stop.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    FOLDER.mkdir(exist_ok=True)
    say = Progress()
    try:
        if MiniStack(ports["CLOUD_PORT"], FOLDER / "cloud").stop_left_over():
            say("an earlier run was killed and left its cloud behind: stopped it")
        check_ports(ports)
        serve(say, ports["PORT"], ports["CLOUD_PORT"], ports["WECHAT_PORT"], stop)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
