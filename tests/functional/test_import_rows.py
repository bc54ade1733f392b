"""Order files, row by row: what each documented form becomes, and why a row or a file is refused."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.earning.intake import read
from chalicelib.shared.errors import InvalidFields
from infra.intake_rows import MAX_LINE_BYTES, BadFile, OrderFile, message, reason

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ANN, BOB = "M00000000000000000A", "M00000000000000000B"
OPENIDS = {"openid-of-ann": ANN, "openid-of-bob": BOB}
PAID = "2026-01-31T12:00:00+08:00"
ORDER = {"order_id": "A-1", "openid": "openid-of-ann", "paid_at": PAID, "amount_fen": "2933"}
SENT = {"type": "order", "order_id": "A-1", "member_id": ANN, "paid_at": "2026-01-31T04:00:00Z", "amount_fen": 2933}
ITEM = {"sku": "", "category": "featured", "amount_fen": 100, "quantity": 1}


def order(**changes: str | None) -> dict[str, str]:
    return {name: value for name, value in {**ORDER, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("cells", "sent"),
    [
        (order(), SENT),
        (order(type="order"), SENT),
        (order(openid=None, member_id=ANN), SENT),
        (order(amount_fen=None, amount_yuan="29.33"), SENT),
        (order(amount_fen=None, amount_yuan="29.3"), {**SENT, "amount_fen": 2930}),
        (order(amount_fen=None, amount_yuan="29"), {**SENT, "amount_fen": 2900}),
        (order(amount_fen=None, amount_yuan="0"), {**SENT, "amount_fen": 0}),
        (order(amount_fen="1000000000000"), {**SENT, "amount_fen": 10**12}),
        (order(offset_fen="400"), {**SENT, "offset_fen": 400}),
        (order(paid_at="2026-01-31 04:00:00Z"), SENT),
        (order(items='[{"category": "featured", "amount_fen": 100}]'), {**SENT, "items": [ITEM]}),
        (
            {"type": "refund", "order_id": "A-1", "refund_id": "R-1", "openid": "openid-of-ann", "amount_yuan": "1.5"},
            {"type": "refund", "order_id": "A-1", "refund_id": "R-1", "amount_fen": 150},
        ),
        (
            {"type": "completion", "order_id": "A-1", "member_id": ANN},
            {"type": "completion", "order_id": "A-1"},
        ),
    ],
)
def test_each_form_of_a_row_is_one_message_of_its_member(cells: dict[str, str], sent: dict[str, Any]) -> None:
    found = message(cells, None, OPENIDS.get, NOW)
    assert found.group == ANN
    plain = (("items", []), ("offset_fen", 0))
    assert dict(pair for pair in json.loads(found.body).items() if pair not in plain) == sent
    assert read(found.body).type == sent["type"]


def test_the_mode_goes_with_orders_and_with_nothing_else() -> None:
    assert json.loads(message(order(), "paid", OPENIDS.get, NOW).body)["as_of"] == "paid"
    done = {"type": "completion", "order_id": "A-1", "member_id": ANN}
    assert "as_of" not in json.loads(message(done, "paid", OPENIDS.get, NOW).body)


def test_what_does_not_fit_ascii_reaches_the_worker_as_it_was() -> None:
    items = json.dumps([{"sku": "杯\x00😀", "amount_fen": 1}])
    body = message(order(items=items), None, OPENIDS.get, NOW).body
    assert body.isascii()
    assert body.isprintable()
    assert read(body).items[0].sku == "杯\x00😀"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (order(openid=None), "body: Value error, exactly one of member_id and openid is needed"),
        (order(member_id=ANN), "body: Value error, exactly one of member_id and openid is needed"),
        (order(openid="nobody"), "openid: no member has it"),
        (order(openid="=cmd|x"), "openid: String should match pattern '^[A-Za-z0-9_\\-]+$'"),
        (order(openid=None, member_id="ann"), "member_id: String should match pattern '^M[0-9A-Z]{18}$'"),
        (order(type="gift"), "type: one of order, refund, completion"),
        (order(order_id=None), "order_id: Field required"),
        (order(order_id="a#b"), "order_id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:\\-]{0,63}$'"),
        (order(amount_fen=None), "amount_fen: Field required"),
        (order(amount_fen="-1"), "amount_fen: Input should be greater than or equal to 0"),
        (order(amount_fen="1000000000001"), "amount_fen: Input should be less than or equal to 1000000000000"),
        (order(amount_fen="1.0"), "amount_fen: not a whole number of fen"),
        (order(amount_fen="１２"), "amount_fen: not a whole number of fen"),
        (order(amount_fen="1" * 5000), "amount_fen: not a whole number of fen"),
        (order(amount_yuan="29.33"), "amount_yuan: amount_fen is given too"),
        (order(amount_fen=None, amount_yuan="29.333"), "amount_yuan: not an amount of yuan with at most two decimals"),
        (order(amount_fen=None, amount_yuan="1e3"), "amount_yuan: not an amount of yuan with at most two decimals"),
        (order(amount_fen=None, amount_yuan="-0.01"), "amount_fen: Input should be greater than or equal to 0"),
        (order(offset_fen="4.00"), "offset_fen: not a whole number of fen"),
        (order(offset_fen="-1"), "offset_fen: Input should be greater than or equal to 0"),
        (order(paid_at=None), "paid_at: Field required"),
        (order(paid_at="20260131"), "paid_at: not like 2026-01-31T12:00:00+08:00"),
        (order(paid_at="2026-01-31T12:00:00"), "paid_at: not like 2026-01-31T12:00:00+08:00"),
        (order(paid_at="0001-01-01T00:00:00+08:00"), "paid_at: not like 2026-01-31T12:00:00+08:00"),
        (order(paid_at="2026-02-30T12:00:00Z"), "paid_at: Input should be a valid datetime"),
        (order(paid_at="2026-11-24T12:05:01+08:00"), "paid_at: in the future"),
        (order(items="[{"), "items: not a JSON list"),
        (order(items="[" * 100_000), "items: not a JSON list"),
        (order(items='[{"amount_fen": 2934}]'), "body: Value error, the items amount to more than amount_fen"),
        (order(items='[{"amount_fen": 1, "sku": "\\ud800"}]'), "items.0.sku: Input should be a valid string"),
        (order(items="[" + '{"amount_fen":0},' * 500 + '{"amount_fen":0}]'), "items: Tuple should have at most 500"),
        (order(refund_id="R-1"), "refund_id: Extra inputs are not permitted"),
        ({"type": "refund", "order_id": "A", "member_id": ANN, "amount_fen": "1"}, "refund_id: Field required"),
        ({"type": "completion", "order_id": "A"}, "body: Value error, exactly one of member_id and openid is needed"),
    ],
)
def test_a_row_that_cannot_be_sent_says_why(cells: dict[str, str], why: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        message(cells, None, OPENIDS.get, NOW)
    assert reason(refused.value).startswith(why)


def test_a_payment_may_be_ahead_of_our_clock_by_five_minutes() -> None:
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    assert message(order(paid_at=ahead), None, OPENIDS.get, NOW).group == ANN


def test_a_row_larger_than_a_message_may_be_is_refused() -> None:
    item = {"amount_fen": 0, "sku": "😀" * 64, "category": "😀" * 32}
    items = json.dumps([item] * 200, ensure_ascii=False)
    with pytest.raises(InvalidFields) as refused:
        message(order(items=items), None, OPENIDS.get, NOW)
    assert reason(refused.value) == "items: more than the queue can carry"


def test_a_row_refused_for_other_reasons_costs_no_look_at_the_members() -> None:
    def never(openid: str) -> str | None:
        raise AssertionError(openid)

    with pytest.raises(InvalidFields):
        message(order(amount_fen="-1"), None, never, NOW)


# Lines


def rows(path: Path) -> list[tuple[int, dict[str, str] | None, str]]:
    file = OrderFile(path)
    return [(row.number, row.cells, row.problem) for row in file.rows(file.header_end, 1)]


GOOD = b"A-9,ann\n"
FINE = {"order_id": "A-9", "openid": "ann"}


@pytest.mark.parametrize(
    ("line", "cells", "problem"),
    [
        (b" A-1 ,ann\r\n", {"order_id": "A-1", "openid": "ann"}, ""),
        (b'"A-1","a""n"\n', {"order_id": "A-1", "openid": 'a"n'}, ""),
        (b"=1+1,@SUM(A1)\n", {"order_id": "=1+1", "openid": "@SUM(A1)"}, ""),
        (b"A\x001,ann\n", {"order_id": "A\x001", "openid": "ann"}, ""),
        (b"A-1,\n", {"order_id": "A-1"}, ""),
        (b"A-1\n", None, "1 cells where the header has 2"),
        (b"A-1,ann,more\n", None, "3 cells where the header has 2"),
        (b'"A-1,ann\n', None, "not CSV: unexpected end of data"),
        (b'"A-1"x,ann\n', None, "not CSV: ',' expected after '\"'"),
        ("A-1,安\n".encode("gbk"), None, "not UTF-8; save the file as CSV UTF-8"),
        (b"A-1," + b"x" * (1 << 20) + b"\n", None, f"the line is longer than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_strange_line_spoils_no_other(
    tmp_path: Path, line: bytes, cells: dict[str, str] | None, problem: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"order_id,openid\n" + GOOD + line + b"\n , \n" + GOOD)
    assert rows(path) == [(2, FINE, ""), (3, cells, problem), (5, {}, ""), (6, FINE, "")]


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_bom_line_ends_and_a_last_line_without_end_do_not_matter(tmp_path: Path, begin: bytes, end: bytes) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(begin + b"order_id,openid" + (end or b"\n") + b"A-9,ann" + end)
    assert rows(path) == [(2, FINE, "")]


def test_a_line_of_the_longest_length_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path, room = tmp_path / "orders.csv", MAX_LINE_BYTES - len(b"A-1,\n")
    path.write_bytes(b"order_id,openid\nA-1," + b"x" * room + b"\nA-1," + b"x" * (room + 1) + b"\n")
    assert [problem for _, _, problem in rows(path)] == ["", f"the line is longer than {MAX_LINE_BYTES} bytes"]


def test_reading_goes_on_behind_any_row(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"order_id,openid\n" + b"".join(b"A-%d,ann\n" % number for number in range(5)))
    file = OrderFile(path)
    everything = list(file.rows(file.header_end, 1))
    for index, row in enumerate(everything):
        assert list(file.rows(row.end, row.number)) == everything[index + 1 :]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "order_id is needed"),
        (b"order_id,openid,order_id\n", "a column is named twice"),
        (b"order_id,openid,Amount\n", "unknown 'Amount'; known are amount_fen"),
        (b"openid,amount_fen\n", "order_id is needed"),
        (b"order_id,amount_fen\n", "order_id is needed, and openid or member_id"),
        ("order_id,openid\n".encode("utf-16"), "not UTF-8"),
        ("order_id,安\n".encode("gbk"), "not UTF-8"),
        (b"order_id;openid\n", "unknown 'order_id;openid'"),
        (b"\x00" * 10, "unknown"),
        (b"a" * (2 << 20), "unknown"),
    ],
)
def test_a_file_whose_columns_are_not_understood_is_refused_whole(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=why):
        OrderFile(path)
