"""`make import`: a file goes to the queue whole, once, in each member's order, whatever stops it on the way."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.shared import audit
from chalicelib.shared.config import settings
from infra import intake, intake_queue, target
from infra.intake_queue import OrdersQueue
from tests.harness.api import NOON, Api, Member
from tests.realdata.in_process import WECHAT, make_queues, received, work

HEADER = "order_id,openid,paid_at,amount_fen"


@pytest.fixture
def queue(api: Api, monkeypatch: pytest.MonkeyPatch) -> OrdersQueue:
    made = make_queues()
    monkeypatch.setenv("ORDERS_DEAD_QUEUE_URL", made.dead_url)
    settings.cache_clear()
    return made


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def line(order_id: str, name: str = "ann", fen: str = "1000") -> str:
    return f"{order_id},{WECHAT.openid(name)},2026-11-01T12:00:00+08:00,{fen}"


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")


def bring_in(path: Path, queue: Any, as_of: str | None = None) -> intake.Progress:
    return intake.import_file(path, as_of, queue, "test", print)


def waiting(queue: OrdersQueue) -> list[str]:
    """The order ids in the queue, taken off it."""
    found: list[str] = []
    while records := received(queue):
        found += [json.loads(record["body"])["order_id"] for record in records]
        for record in records:
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=record["receiptHandle"])
    return found


def rejected(path: Path) -> list[list[str]]:
    with path.with_suffix(".rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_good_rows_are_sent_and_bad_ones_stand_beside_the_file(queue: OrdersQueue, ann: Member, path: Path) -> None:
    write(path, line("A-1"), line("A-2", fen="-5"), line("A-3", "nobody"), "A-4", line("A-5"))
    done = bring_in(path, queue)
    assert (done.sent, done.rejected) == (2, 3)
    assert waiting(queue) == ["A-1", "A-5"]
    assert rejected(path) == [
        ["row", "reason", "line"],
        ["3", "amount_fen: Input should be greater than or equal to 0", line("A-2", fen="-5")],
        ["4", "openid: no member has it", line("A-3", "nobody")],
        ["5", "1 cells where the header has 4", "A-4"],
    ]
    assert not path.with_suffix(".progress.json").exists()


@pytest.mark.parametrize("begin", ["=HYPERLINK(1)", "+1", "-1", "@SUM", " =1", "\t=1"])
def test_what_looks_like_a_formula_is_no_formula_among_the_rejected(
    queue: OrdersQueue, ann: Member, path: Path, begin: str
) -> None:
    write(path, line(begin))
    bring_in(path, queue)
    assert rejected(path)[1][2] == "'" + line(begin)


def test_control_characters_do_not_reach_the_rejected_file(queue: OrdersQueue, ann: Member, path: Path) -> None:
    write(path, line("A\x00\x1b[31m"))
    bring_in(path, queue)
    assert rejected(path)[1][2].startswith("A��[31m,")


def test_an_import_without_bad_rows_leaves_no_file_and_removes_an_older_one(
    queue: OrdersQueue, ann: Member, path: Path
) -> None:
    path.with_suffix(".rejected.csv").write_text("of an earlier import")
    write(path, line("A-1"))
    bring_in(path, queue)
    assert [file.name for file in path.parent.iterdir()] == ["orders.csv"]


class Stopping:
    """A queue whose sender is killed at its n-th chunk: before the chunk is sent, or after, before that is noted."""

    def __init__(self, queue: OrdersQueue, at: int, sent: bool) -> None:
        self.queue, self.at, self.sent, self.url, self.chunks = queue, at, sent, queue.url, 0

    def send(self, messages: Any, import_id: str) -> None:
        self.chunks += 1
        if self.chunks == self.at and not self.sent:
            raise KeyboardInterrupt
        self.queue.send(messages, import_id)
        if self.chunks == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_an_import_killed_anywhere_goes_on_where_it_was(
    queue: OrdersQueue, ann: Member, path: Path, monkeypatch: pytest.MonkeyPatch, at: int, sent: bool
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 2)
    write(path, *(line(f"A-{number}", fen="x" if number in (2, 5, 6) else "1") for number in range(1, 8)))
    with pytest.raises(KeyboardInterrupt):
        bring_in(path, Stopping(queue, at, sent))
    done = bring_in(path, queue)
    assert (done.sent, done.rejected, done.row) == (4, 3, 8)
    assert [row[0] for row in rejected(path)] == ["row", "3", "6", "7"]
    assert waiting(queue) == ["A-1", "A-3", "A-4", "A-7"]


def test_rows_rejected_after_the_last_note_are_not_written_twice(
    queue: OrdersQueue, ann: Member, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 1)
    write(path, line("A-1", fen="x"), line("A-2", fen="x"), line("A-3", fen="x"))
    save, saved = intake._save, []

    def dying(notes: Path, progress: intake.Progress) -> None:
        saved.append(progress)
        if len(saved) == 3:
            raise KeyboardInterrupt
        save(notes, progress)

    monkeypatch.setattr(intake, "_save", dying)
    with pytest.raises(KeyboardInterrupt):
        bring_in(path, queue)
    assert bring_in(path, queue).rejected == 3
    assert [row[0] for row in rejected(path)] == ["row", "2", "3", "4"]


@pytest.mark.parametrize("changed", ["content", "mode", "notes"])
def test_notes_of_another_import_are_not_gone_on_from(
    queue: OrdersQueue, ann: Member, path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(intake, "CHUNK", 1)
    write(path, line("A-1"), line("A-2"))
    with pytest.raises(KeyboardInterrupt):
        bring_in(path, Stopping(queue, 2, False))
    assert waiting(queue) == ["A-1"]
    if changed == "content":
        write(path, line("A-3"), line("A-2"))
    if changed == "notes":
        path.with_suffix(".progress.json").write_text('{"offset": 3}')
    assert bring_in(path, queue, "paid" if changed == "mode" else None).sent == 2
    assert len(waiting(queue)) == 2


def test_a_second_import_reaches_the_worker_again_and_changes_nothing(
    api: Api, queue: OrdersQueue, ann: Member, path: Path
) -> None:
    write(path, line("A-1"), line("A-2"))
    bring_in(path, queue)
    assert work(queue) == 2
    before = api.account(ann)
    assert before.seq == 3
    bring_in(path, queue)
    assert work(queue) == 2
    assert api.account(ann) == before


def test_a_member_has_one_group_however_the_rows_name_it(queue: OrdersQueue, ann: Member, path: Path) -> None:
    openid, rest = WECHAT.openid("ann"), "2026-11-01T12:00:00+08:00,1"
    path.write_text(
        "type,order_id,openid,member_id,paid_at,amount_fen,refund_id\n"
        f",A-1,{openid},,{rest},\n,A-2,,{ann.member_id},{rest},\n"
        f"refund,A-1,{openid},,,1,R-1\ncompletion,A-2,,{ann.member_id},,,\n"
    )
    assert bring_in(path, queue).sent == 4
    groups, kinds = set(), []
    while records := received(queue):
        for record in records:
            groups.add(record["attributes"]["MessageGroupId"])
            kinds.append(json.loads(record["body"])["type"])
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=record["receiptHandle"])
    assert groups == {ann.member_id}
    assert kinds == ["order", "order", "refund", "completion"]


def test_refunds_and_completions_in_the_file_are_decided(api: Api, queue: OrdersQueue, ann: Member, path: Path) -> None:
    path.write_text(
        "type,order_id,member_id,paid_at,amount_fen,refund_id\n"
        f"order,A-1,{ann.member_id},2026-11-01T12:00:00+08:00,1000,\n"
        f"refund,A-1,{ann.member_id},,400,R-1\ncompletion,A-1,{ann.member_id},,,\n"
    )
    bring_in(path, queue)
    work(queue)
    entries = api.call("GET", "/v1/me/points/entries", token=ann.token).body["items"]
    assert [entry["kind"] for entry in entries] == ["order_completed", "order_refunded", "order_paid", "joined"]


# The command


def audited() -> list[audit.AuditRecord]:
    return audit.page(f"{NOON:%Y-%m-%d}", 50, None)


def test_an_import_is_audited_at_its_start_and_its_end(queue: OrdersQueue, ann: Member, path: Path) -> None:
    write(path, line("A-1"), line("A-2", fen="x"))
    assert intake.main([str(path), "--as-of", "paid"]) == 1
    # The clock stands, so the two have no order.
    start, end = (next(r for r in audited() if r.action == f"orders.import.{at}") for at in ("start", "end"))
    assert start.actor.startswith("arn:aws:")
    known = {"file": "orders.csv", "sha256": intake.sha256_of(path), "mode": "paid"}
    assert known.items() <= start.details.items()
    assert start.details["after_row"] == 1
    assert {**known, "rows": 2, "sent": 1, "rejected": 1}.items() <= end.details.items()
    assert start.details["import"] == end.details["import"]


def test_the_command_waits_and_says_why_messages_were_set_aside(
    queue: OrdersQueue, ann: Member, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(intake_queue.time, "sleep", lambda _: work(queue))
    path.write_text(f"{HEADER.replace('openid', 'member_id')}\nA-1,M{'9' * 18},2026-11-01T12:00:00+08:00,1\n")
    assert intake.main([str(path), "--wait"]) == 1
    assert "1 (1 of them new)\n       1  MEMBER_UNKNOWN\n" in capsys.readouterr().out
    assert queue.dead_letters() == 1
    write(path, line("A-2"))
    assert intake.main([str(path), "--wait"]) == 0
    assert "1 (0 of them new)" in capsys.readouterr().out


def test_a_stopped_import_says_how_to_go_on(
    queue: OrdersQueue, ann: Member, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    write(path, line("A-1"))
    monkeypatch.setattr(OrdersQueue, "send", stop)
    with pytest.raises(SystemExit, match="the same command goes on from here"):
        intake.main([str(path)])


@pytest.mark.parametrize(
    ("name", "why"), [("absent.csv", "there is no file"), ("wrong.csv", "the first line must name the columns")]
)
def test_a_file_that_cannot_be_imported_is_named_in_one_line(
    queue: OrdersQueue, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "wrong.csv").write_text("a,b\n")
    with pytest.raises(SystemExit, match=why):
        intake.main([str(tmp_path / name)])


def test_without_a_running_local_cloud_the_command_says_so(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setattr(target, "RUN", tmp_path / "run.json")
    settings.cache_clear()
    write(path)
    with pytest.raises(SystemExit, match="`make run` first"):
        intake.main([str(path)])
    settings.cache_clear()


def test_progress_is_one_line_on_a_terminal_and_sparse_lines_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([0.0, 1.0, 2.0, 11.0, 12.0])
    monkeypatch.setattr(intake.time, "monotonic", lambda: next(seconds))
    bar = intake.Bar(200)
    for done in (50, 100, 150):
        bar.show(done, "rows")
    bar.show(200, "rows", last=True)
    assert capsys.readouterr().out == "  75%  rows  11 s\n 100%  rows  12 s\n"

    seconds = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(intake.sys.stdout, "isatty", lambda: True)
    bar = intake.Bar(200)
    bar.show(100, "rows")
    bar.show(200, "rows", last=True)
    half, whole = f"[{'#' * 15:<30}]", f"[{'#' * 30}]"
    assert capsys.readouterr().out == f"\r{half}   50%  rows  1 s\033[K\r{whole}  100%  rows  2 s\033[K\n"
