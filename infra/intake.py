"""`make import FILE=orders.csv [AS_OF=paid] [WAIT=1] [STAGE=…]`: a file of orders, sent to the queue `orders.fifo`.

The file is CSV, UTF-8 with or without BOM, one row a line; the first line names the columns:

    type         order (when absent or empty), refund or completion
    order_id     the merchant's own id of the order, unique forever
    openid       whose order it is; or
    member_id    the same by our id. Also for refunds and completions: one member's rows are handled in their order
    paid_at      orders: 2026-01-31T12:00:00+08:00, the offset is needed
    amount_fen   orders and refunds: whole fen; or
    amount_yuan  the same in yuan, at most two decimals
    offset_fen   orders and refunds, optional: what was paid in points besides, whole fen
    items        orders and refunds, optional: a JSON list as in POST /v1/orders
    refund_id    refunds: the merchant's own id of the refund

Rows that cannot be sent are written to `<name>.rejected.csv` beside the file, with row number and reason. An import
that was stopped goes on where it was when it is started again (`<name>.progress.json`). Every order, refund and
completion is recorded once, so sending a row twice, or the whole mended file again, changes nothing.

AS_OF=paid is for moving in with a history: each order is decided as of its own `paid_at` instead of now, and its entry
says so. Orders of one member should then stand in the order they were paid. Refunds carry no date and are decided now.

STAGE=local (the default) is the running `make run`; any other stage is the AWS account of the AWS_* environment. Each
import leaves two records in the audit trail, at its start and its end, under the name of the AWS identity that ran it.
"""

import argparse
import csv
import hashlib
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import ledger
from chalicelib.shared import audit, clock
from chalicelib.shared.config import settings
from chalicelib.shared.errors import InvalidFields, Unavailable
from chalicelib.shared.ids import random_code
from infra import target
from infra.intake_queue import OrdersQueue, QueueFailed
from infra.intake_rows import BadFile, Message, OrderFile, Row, message, reason

# Rows sent between two notes in the progress file.
CHUNK = 500
REMEMBERED_OPENIDS = 100_000
PLAIN_PROGRESS_SECONDS = 10

Say = Callable[[str], None]


@dataclass(frozen=True)
class Progress:
    """How far an import is. `offset` and `row` are the end of the last line dealt with; `rejected_bytes` is the length
    of the file of rejected rows at that point."""

    import_id: str
    sha256: str
    queue: str
    as_of: str | None
    offset: int
    row: int = 1
    sent: int = 0
    rejected: int = 0
    rejected_bytes: int = 0


class Bar:
    """Progress on one line of a terminal; elsewhere, as in a log, a line every ten seconds."""

    def __init__(self, total: int) -> None:
        self.total, self.started, self.last = max(total, 1), time.monotonic(), 0.0
        self.tty = sys.stdout.isatty()

    def show(self, done: int, what: str, last: bool = False) -> None:
        """`done` of the total, and what to say beside it."""
        seconds = time.monotonic() - self.started
        if not last and seconds - self.last < (0.1 if self.tty else PLAIN_PROGRESS_SECONDS):
            return
        self.last = seconds
        share = min(done / self.total, 1.0)
        text = f"{share:5.0%}  {what}  {seconds:.0f} s"
        if self.tty:
            print(f"\r[{'#' * int(share * 30):<30}] {text}\033[K", end="\n" if last else "", flush=True)
        else:
            print(text, flush=True)


class Rejects:
    """`<name>.rejected.csv`: row number, reason, the line. It will be opened in a spreadsheet, so it begins with a BOM,
    and a cell that looks like a formula is given an apostrophe."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        if length and path.exists():
            os.truncate(path, length)
        else:
            path.unlink(missing_ok=True)

    def add(self, rows: list[tuple[Row, str]]) -> int:
        """Appends, and returns the file's length."""
        new = not self.path.exists()
        if rows:
            with self.path.open("a", encoding="utf-8-sig" if new else "utf-8", newline="") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(["row", "reason", "line"])
                writer.writerows([row.number, _harmless(why), _harmless(row.text)] for row, why in rows)
        return self.path.stat().st_size if self.path.exists() else 0


def _harmless(cell: str) -> str:
    printable = "".join(c if c.isprintable() or c == "\t" else "�" for c in cell)
    return f"'{printable}" if printable.lstrip()[:1] in ("=", "+", "-", "@") else printable


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk


def sha256_of(path: Path) -> str:
    """The file's digest, by which a resumed import and the audit trail know it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _resumed(path: Path, fresh: Progress) -> Progress:
    """The progress of the same import of the same file, else `fresh`."""
    try:
        found = Progress(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return fresh
    same = replace(found, import_id="", offset=0, row=1, sent=0, rejected=0, rejected_bytes=0)
    return found if same == replace(fresh, import_id="", offset=0) else fresh


def _save(path: Path, progress: Progress) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(progress), indent=1) + "\n")
    partial.replace(path)


def import_file(path: Path, as_of: str | None, queue: OrdersQueue, actor: str, say: Say) -> Progress:
    """Sends the rows of the file, from where an earlier import of it stopped. Returns the final counts.

    Raises BadFile, QueueFailed; then a second call goes on.
    """
    file, sha256 = OrderFile(path), sha256_of(path)
    notes = path.with_suffix(".progress.json")
    progress = _resumed(notes, Progress(random_code(16), sha256, queue.url, as_of, file.header_end))
    if progress.row > 1:
        say(f"going on after row {progress.row} ({progress.sent} sent before)")
    rejects = Rejects(path.with_suffix(".rejected.csv"), progress.rejected_bytes)
    details = {"file": path.name, "sha256": sha256, "mode": as_of or "now", "import": progress.import_id}
    _audit(actor, "orders.import.start", {**details, "after_row": progress.row})
    # Noted before anything is sent: what goes on must be the same import, or SQS would take the first rows twice.
    _save(notes, progress)
    member_of = lru_cache(REMEMBERED_OPENIDS)(ledger.member_of)
    bar = Bar(path.stat().st_size)
    for rows in _chunks(file.rows(progress.offset, progress.row)):
        messages, refused = _messages(rows, as_of, member_of)
        queue.send(messages, progress.import_id)
        progress = replace(
            progress,
            offset=rows[-1].end,
            row=rows[-1].number,
            sent=progress.sent + len(messages),
            rejected=progress.rejected + len(refused),
            rejected_bytes=rejects.add(refused),
        )
        _save(notes, progress)
        bar.show(progress.offset, f"{progress.sent} sent, {progress.rejected} rejected")
    bar.show(bar.total, f"{progress.sent} sent, {progress.rejected} rejected", last=True)
    counts = {"rows": progress.sent + progress.rejected, "sent": progress.sent, "rejected": progress.rejected}
    _audit(actor, "orders.import.end", {**details, **counts})
    notes.unlink(missing_ok=True)
    return progress


def _messages(
    rows: list[Row], as_of: str | None, member_of: Callable[[str], str | None]
) -> tuple[list[Message], list[tuple[Row, str]]]:
    messages, refused, now = [], [], clock.now()
    for row in rows:
        if row.cells is None:
            refused.append((row, row.problem))
            continue
        try:
            messages.append(message(row.cells, as_of, member_of, now))
        except InvalidFields as refusal:
            refused.append((row, reason(refusal)))
    return messages, refused


def _audit(actor: str, action: str, details: dict[str, Any]) -> None:
    audit.record(actor, action, "orders.fifo", details, clock.now()).save()


def main(arguments: list[str] | None = None) -> int:
    """0 when every row was sent (and, with --wait, none was set aside), else 1."""
    parser = argparse.ArgumentParser(prog="make import", description="Send a file of orders to the queue.")
    parser.add_argument("file", type=Path, help="CSV; see the documentation for its columns")
    parser.add_argument("--as-of", choices=["paid"], help="decide each order as of its payment, not of now")
    parser.add_argument("--wait", action="store_true", help="wait until the queue is empty")
    chosen = parser.parse_args(arguments)
    if not chosen.file.is_file():
        raise SystemExit(f"make import: there is no file {chosen.file}; say FILE=orders.csv")
    try:
        session = target.session()
        queue = OrdersQueue(session.client("sqs"), settings().stage)
        actor = str(session.client("sts").get_caller_identity()["Arn"])
        before = queue.dead_letters()
        done = import_file(chosen.file, chosen.as_of, queue, actor, print)
    except (QueueFailed, Unavailable, BotoCoreError, ClientError, KeyboardInterrupt) as error:
        why = str(error) or type(error).__name__
        raise SystemExit(f"\nmake import: stopped: {why}; the same command goes on from here") from None
    except BadFile as error:
        raise SystemExit(f"make import: {error}") from None
    if done.rejected:
        print(f"rejected rows: {chosen.file.with_suffix('.rejected.csv')}")
    return 1 if (_waited(queue, before) if chosen.wait else 0) + done.rejected else 0


def _waited(queue: OrdersQueue, before: int) -> int:
    """Waits for the queue and reports what was set aside. Returns how many messages are new there."""
    bar = Bar(queue.backlog())
    queue.wait(lambda backlog: bar.show(bar.total - backlog, f"{backlog} waiting in the queue"))
    bar.show(bar.total, "the queue is empty", last=True)
    dead = queue.dead_letters()
    print(f"set aside in the dead-letter queue: {dead} ({dead - before} of them new)")
    for why, count in queue.dead_reasons().most_common() if dead else ():
        print(f"  {count:6}  {why}")
    return max(0, dead - before)


if __name__ == "__main__":
    sys.exit(main())
