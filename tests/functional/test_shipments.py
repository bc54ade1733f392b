"""Parcels by file: exported for a spreadsheet, and read back line by line."""

import csv
import io
from typing import Any

import pytest

from chalicelib.redemption.items import ParcelItem
from chalicelib.shared import audit
from tests.functional.mall_room import export, take_in
from tests.functional.redemptions_room import ADDRESS, cancel, offer, redeemed, rich, ship, show, step
from tests.harness import faults
from tests.harness.api import Api, Member

HEADS = "redemption_id,company,number\r\n"


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


@pytest.fixture
def parcels(api: Api, ann: Member) -> list[str]:
    """Three parcels to ship, the oldest first."""
    offer(api, "mug", "physical")
    found = []
    for _ in range(3):
        found.append(redeemed(api, ann, address=ADDRESS))
        api.clock.pass_(seconds=1)
    return found


def line(redemption_id: str, company: str = "顺丰速运", number: str = "SF1234567890") -> str:
    return f"{redemption_id},{company},{number}\r\n"


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def outcomes(body: Any) -> list[tuple[str, str]]:
    return [(row["outcome"], row["code"]) for row in body["rows"]]


# Export --------------------------------------------------------------------------------------------------------------


def test_parcels_to_ship_are_a_file_that_excel_opens(api: Api, ann: Member, parcels: list[str]) -> None:
    ship(api, parcels[1])
    body = export(api).body
    assert body["csv"].startswith("\ufeffredemption_id,offer_id,quantity,since,name,phone,")
    rows = table(body["csv"])
    assert [row["redemption_id"] for row in rows] == [parcels[0], parcels[2]]
    assert {name: rows[0][name] for name in ADDRESS} == ADDRESS
    assert (rows[0]["company"], rows[0]["number"], body["rows"], body["next_cursor"]) == ("", "", 2, None)


def test_an_export_is_made_page_by_page(api: Api, parcels: list[str]) -> None:
    first = export(api, "?limit=2").body
    second = export(api, f"?limit=2&cursor={first['next_cursor']}").body
    found = [row["redemption_id"] for body in (first, second) for row in table(body["csv"])]
    assert (found, second["next_cursor"]) == (parcels, None)
    assert export(api, "?cursor=mine").status == 400


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-1", "@SUM(A1)", " =1", "\t=1", "\rx"])
def test_nothing_in_a_file_is_a_formula(api: Api, parcels: list[str], cell: str) -> None:
    # An address of before addresses were checked.
    ParcelItem(parcels[0]).update([ParcelItem.address.set({**ADDRESS, "street": cell})])
    assert table(export(api).body["csv"])[0]["street"] == f"'{cell}"


def test_an_export_is_audited_and_not_for_who_only_analyses(api: Api, parcels: list[str]) -> None:
    assert export(api, token=api.operator("analyst")).status == 403
    for role in ("owner", "operator", "support"):
        assert export(api, token=api.operator(role)).status == 200
    records = audit.page(f"{api.clock.now:%Y-%m-%d}", 50, None)
    found = [record.details for record in records if record.action == "shipments.export"]
    assert found == [{"rows": 3}] * 3


# Import --------------------------------------------------------------------------------------------------------------


def test_what_was_exported_is_filled_in_and_read_back(api: Api, ann: Member, parcels: list[str]) -> None:
    rows = table(export(api).body["csv"])
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows({**row, "company": "中通快递", "number": f"ZT000{n}"} for n, row in enumerate(rows))
    body = take_in(api, "\ufeff" + text.getvalue()).body
    assert (body["shipped"], body["repeated"], body["refused"]) == (3, 0, 0)
    assert [(row["row"], row["redemption_id"]) for row in body["rows"]] == list(enumerate(parcels, 2))
    shown = show(api, ann, parcels[2])
    assert (shown["redemption"]["state"], shown["parcel"]["company"], shown["parcel"]["number"]) == (
        "shipped", "中通快递", "ZT0002",
    )  # fmt: skip
    assert export(api).body["rows"] == 0


def test_the_same_file_twice_changes_nothing_whoever_brings_it(api: Api, ann: Member, parcels: list[str]) -> None:
    text = HEADS + "".join(map(line, parcels))
    assert take_in(api, text).body["shipped"] == 3
    before = api.account(ann)
    assert take_in(api, text).body["repeated"] == 3
    step(api, parcels[0], "completion")
    after = api.account(ann)
    assert after.seq == before.seq + 1
    assert take_in(api, text).body["repeated"] == 3
    assert api.account(ann) == after


def test_a_number_is_corrected_and_the_old_file_does_not_bring_it_back(
    api: Api, ann: Member, parcels: list[str]
) -> None:
    old, new = HEADS + line(parcels[0]), HEADS + line(parcels[0], number="SF0000000000")
    assert [outcomes(take_in(api, text).body)[0][0] for text in (old, new, old)] == ["shipped", "shipped", "repeated"]
    assert show(api, ann, parcels[0])["parcel"]["number"] == "SF0000000000"


def test_a_row_that_was_refused_does_not_count_for_a_later_one(api: Api, parcels: list[str]) -> None:
    body = take_in(api, HEADS + line(parcels[0], number="?") + line(parcels[0]) + line(parcels[0])).body
    assert outcomes(body) == [("refused", "BAD_ROW"), ("shipped", ""), ("refused", "ROW_TWICE")]


def test_a_row_that_fails_stops_no_other(api: Api, ann: Member, parcels: list[str]) -> None:
    offer(api, "visit", "service")
    visit, cancelled = redeemed(api, ann, "visit"), parcels[1]
    cancel(api, ann, cancelled)
    refused: tuple[tuple[str, str], ...] = (
        (line("R" + "0" * 18), "REDEMPTION_UNKNOWN"), (line("nothing"), "REDEMPTION_UNKNOWN"),
        (line(""), "REDEMPTION_UNKNOWN"), (line("x" * 3_000), "REDEMPTION_UNKNOWN"), (line(visit), "STEP_REFUSED"),
        (line(cancelled), "STEP_REFUSED"), (line(parcels[0], number="SF2"), "ROW_TWICE"),
        (f"{parcels[2]}\r\n", "BAD_ROW"),
    )  # fmt: skip
    text = HEADS + line(parcels[0]) + "".join(row for row, _ in refused)
    body = take_in(api, text).body
    assert outcomes(body) == [("shipped", ""), *(("refused", code) for _, code in refused)]
    assert all(row["problem"] and row["problem_zh"] for row in body["rows"][1:])
    assert (body["shipped"], body["refused"]) == (1, len(refused))
    assert outcomes(take_in(api, text).body)[0] == ("repeated", "")


BAD_DETAILS = (
    ("", "SF1234567890"), ("顺丰速运", ""), ("=HYPERLINK(1)", "SF1234567890"), ("顺丰速运", "1.23457E+14"),
    ("顺丰速运", "SF1"), ("顺丰速运", "S" * 41), ("˳\ufffd\ufffd", "SF1234567890"), ("<b>", "SF1234567890"),
    ("顺丰速运", "SF123'--"), ("顺" * 33, "SF1234567890"), ("\u202e顺丰", "SF1234567890"),
)  # fmt: skip


def test_a_company_or_number_that_is_none_is_refused_by_row(api: Api, ann: Member, parcels: list[str]) -> None:
    for company, number in BAD_DETAILS:
        assert outcomes(take_in(api, HEADS + line(parcels[0], company, number)).body) == [("refused", "BAD_ROW")]
    assert show(api, ann, parcels[0])["redemption"]["state"] == "placed"


NO_FILES = (
    "x", "\r\n\r\n", "redemption_id,company\r\nR,x\r\n", "redemption_id;company;number\r\n", '"redemption_id', "\ufeff",
    "兑换单,快递公司,单号\r\n", HEADS + '"never closed\r\n', "redemption_id,company,n\ufffdmber\r\n",
    "a" * 140_000,
)  # fmt: skip


def test_what_is_no_such_file_is_refused_whole(api: Api) -> None:
    for text in NO_FILES:
        reply = take_in(api, text)
        assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "csv"), text[:40]
    assert take_in(api, "").status == 422
    raw = "redemption_id,company,number\r\n".encode("utf-16")
    path, token = "/v1/admin/shipments/import", api.operator("support")
    assert api.call("POST", path, token=token, raw=b'{"csv": "' + raw + b'"}').status == 400
    assert api.call("POST", path, {"csv": HEADS + line("R") * 10_000}, token=token).status == 413


@pytest.mark.parametrize(("rows", "status"), [(100, 200), (101, 422)])
def test_a_hundred_rows_are_the_most(api: Api, rows: int, status: int) -> None:
    text = HEADS + "\r\n".join(f"R{number:018X},x,SF00{number}" for number in range(rows)) + "\r\n\r\n"
    reply = take_in(api, text)
    assert reply.status == status
    if status == 200:
        assert reply.body["refused"] == 100


def test_trouble_in_the_middle_of_a_file_is_told_by_row_and_the_file_brought_again(
    api: Api, ann: Member, parcels: list[str]
) -> None:
    text, token = HEADS + "".join(map(line, parcels)), api.operator("support")
    busy = [faults.cancelled("None", "TransactionConflict")] * 8
    with faults.no_sleep(), faults.answering("TransactWriteItems", *busy):
        body = take_in(api, text, token).body
    assert outcomes(body) == [("refused", "UNAVAILABLE"), ("shipped", ""), ("shipped", "")]
    assert outcomes(take_in(api, text, token).body) == [("shipped", ""), ("repeated", ""), ("repeated", "")]


def test_a_file_killed_at_any_call_and_brought_again_ships_each_once(api: Api, ann: Member, parcels: list[str]) -> None:
    text, token = HEADS + "".join(map(line, parcels[:2])), api.operator("support")
    for number in range(30):
        before = faults.snapshot()
        try:
            with faults.killed_after(number):
                take_in(api, text, token)
        except faults.Killed:
            pass
        else:
            break
        assert take_in(api, text, token).body["refused"] == 0
        found = [show(api, ann, parcel)["redemption"] for parcel in parcels[:2]]
        assert [[done["step"] for done in one["steps"]] for one in found] == [["shipment"]] * 2
        faults.restore(before)
    assert number >= 8


def test_every_shipment_of_a_file_is_audited(api: Api, parcels: list[str]) -> None:
    take_in(api, HEADS + "".join(map(line, parcels)))
    records = audit.page(f"{api.clock.now:%Y-%m-%d}", 50, None)
    found = {record.target: record.details for record in records if record.action == "redemption.step"}
    assert found == {parcel: {"step": "shipment", "reason": "by file"} for parcel in parcels}
