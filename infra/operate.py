"""`make operate DO="…" [STAGE=…]`: what only whoever deploys may do, because there is nobody yet to ask over HTTP.

    owner NAME             the first owner of the console; asks for the password
    wechat                 the mini-program's appid and secret; asks for both
    publish PRESET         retail, content or tool as the first rulebook
    token-key add          a new key for access tokens, which signs nothing yet; a minute later
    token-key use KID      makes it sign; two hours later, when no token of the old key lives,
    token-key remove KID   ends the old key
    codes-key add          a new key for the codes of virtual offers, which seals nothing yet; a minute later
    codes-key use KID      makes it seal; the old ones stay, for what they have sealed
    dead QUEUE             what waits in a dead-letter queue, with reasons; takes nothing (QUEUE: orders.fifo,
                           metrics, points-due, tier-due, holds-due,
                           reevaluation, coupons, coupons-due)
    redrive QUEUE          sends it all back to its queue: what was recorded already is not recorded again

Every change leaves a record in the audit trail. Secrets are asked for, never arguments: shells remember arguments.
"""

import argparse
import getpass
import itertools
import json
import sys
from collections.abc import Callable
from typing import Any

from pynamodb.exceptions import PutError

from chalicelib.console import keys, service
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import NAMES, preset
from chalicelib.shared import audit, dynamo, secrets
from chalicelib.shared.clock import now
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Refusal
from infra import dead_letters, target

ACTOR = "deployment"
QUEUES = (
    "orders.fifo", "metrics", "points-due", "tier-due", "holds-due", "reevaluation", "coupons", "coupons-due",
)  # fmt: skip


def owner(name: str, ask: Callable[[str], str]) -> str:
    """Creates the first owner."""
    password = ask("password: ")
    if ask("once more: ") != password:
        raise SystemExit("the two passwords differ; nothing was done")
    if not service.bootstrap_owner(name, password, now()):
        raise SystemExit(f"{name} exists already: owners change each other in the console")
    return f"owner {name} created"


def wechat(ask: Callable[[str], str]) -> str:
    """Sets the mini-program's credentials. The record comes first, as with keys: better one of something that then
    failed than credentials nobody accounts for."""
    appid, secret = ask("appid: ").strip(), ask("secret: ").strip()
    _record("wechat.set", appid, {})
    secrets.write(settings().wechat_secret, {"appid": appid, "secret": secret})
    return "stored; running functions see it within a minute"


def publish(name: str) -> str:
    """Publishes a preset as the first version."""
    if store.versions(1, None)[0]:
        raise SystemExit("a rulebook is published already: draft and publish the next one in the console")
    published = store.publish(store.save_draft(preset(name), ACTOR, now()), None, ACTOR, {}, now())
    return f"version {published.version} is in force"


def token_key(step: str, kid: str | None) -> str:
    """One step of rotating the keys of access tokens."""
    if step == "add":
        added = keys.add_token_key(ACTOR, now())
        return f"key {added} added; in a minute: token-key use {added}"
    if not kid:
        raise SystemExit(f"token-key {step} needs the key's id")
    if step == "use":
        keys.use_token_key(kid, ACTOR, now())
        return f"key {kid} signs now; in two hours: token-key remove the old one"
    keys.remove_token_key(kid, ACTOR, now())
    return f"key {kid} removed"


def codes_key(step: str, kid: str | None) -> str:
    """One step of rotating the keys that seal codes."""
    if step == "add":
        added = keys.add_codes_key(ACTOR, now())
        return f"key {added} added; in a minute: codes-key use {added}"
    if not kid:
        raise SystemExit("codes-key use needs the key's id")
    keys.use_codes_key(kid, ACTOR, now())
    return f"key {kid} seals now; the others stay"


def dead(sqs: Any, queue: str) -> str:
    """One line a letter: its reason, its details, its body."""
    url = dead_letters.url(sqs, settings().stage, queue)
    total, letters = dead_letters.waiting(sqs, url), dead_letters.look(sqs, url)
    for letter in letters:
        reason = dead_letters.told(letter, "reason") or "gave up after repeated failures: see the worker's log"
        shown = {"reason": reason, "details": dead_letters.told(letter, "details"), "body": letter["Body"]}
        print(json.dumps(shown, ensure_ascii=False))
    return f"{len(letters)} of {total} messages shown"


def redrive(sqs: Any, queue: str) -> str:
    """Sends every letter that waits now back, then deletes it: cut off in between, a letter is sent twice and recorded
    once. One that fails again comes back and waits for the next time."""
    dead_url = dead_letters.url(sqs, settings().stage, queue)
    url = sqs.get_queue_url(QueueName=f"membership-{settings().stage}-{queue}")["QueueUrl"]
    waiting, count = dead_letters.waiting(sqs, dead_url), 0
    if waiting:
        _record("queue.redrive", queue, {"messages": waiting})
    for letter in itertools.islice(dead_letters.take(sqs, dead_url), waiting):
        arguments = {"QueueUrl": url, "MessageBody": letter["Body"]}
        if queue.endswith(".fifo"):
            arguments["MessageGroupId"] = letter["Attributes"]["MessageGroupId"]
            # The letter's own id: the message's deduplication id may still be remembered from before.
            arguments["MessageDeduplicationId"] = f"redrive-{letter['MessageId']}"
        sqs.send_message(**arguments)
        sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=letter["ReceiptHandle"])
        count += 1
    return f"{count} messages sent back to {queue}"


def _record(action: str, target: str, details: dict[str, Any]) -> None:
    try:
        audit.record(ACTOR, action, target, details, now()).save()
    except PutError as error:
        raise dynamo.as_refusal(error) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make operate", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    steps = parser.add_subparsers(dest="do", required=True)
    steps.add_parser("owner").add_argument("name")
    steps.add_parser("wechat")
    steps.add_parser("publish").add_argument("preset", choices=NAMES)
    key = steps.add_parser("token-key")
    key.add_argument("step", choices=("add", "use", "remove"))
    key.add_argument("kid", nargs="?")
    codes = steps.add_parser("codes-key")
    codes.add_argument("step", choices=("add", "use"))
    codes.add_argument("kid", nargs="?")
    for name in ("dead", "redrive"):
        steps.add_parser(name).add_argument("queue", choices=QUEUES)
    return parser


def main(arguments: list[str], ask: Callable[[str], str] = getpass.getpass) -> int:
    """Does one thing and says what was done."""
    given = _parser().parse_args(arguments)
    session = target.session()
    try:
        match given.do:
            case "owner":
                done = owner(given.name, ask)
            case "wechat":
                done = wechat(ask)
            case "publish":
                done = publish(given.preset)
            case "token-key":
                done = token_key(given.step, given.kid)
            case "codes-key":
                done = codes_key(given.step, given.kid)
            case "dead":
                done = dead(session.client("sqs"), given.queue)
            case _:
                done = redrive(session.client("sqs"), given.queue)
    except Refusal as refusal:
        raise SystemExit(str(refusal)) from None
    print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
