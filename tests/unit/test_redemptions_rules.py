"""How pieces lie in shards: none is lost, none is made, and what is left anywhere is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.redemption import rules

LEFT = st.lists(st.integers(0, 20), min_size=1, max_size=16)


@given(pieces=st.integers(0, 10_000), shards=st.integers(1, 16))
def test_pieces_are_split_evenly_the_remainder_on_the_first_shards(pieces: int, shards: int) -> None:
    found = rules.split(pieces, shards)
    assert (len(found), sum(found)) == (shards, pieces)
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] <= 1


@given(left=LEFT, home=st.integers(0, 15), pieces=st.integers(1, 100))
def test_whatever_is_left_anywhere_is_found_and_no_more(left: list[int], home: int, pieces: int) -> None:
    found = rules.chosen(left, home % len(left), pieces)
    if pieces > sum(left):
        assert found is None
        return
    assert found is not None
    assert sum(found.values()) == pieces
    assert all(0 < part <= left[shard] for shard, part in found.items())


@pytest.mark.parametrize(
    ("left", "home", "pieces", "found"),
    [
        ([5, 5, 5], 1, 5, {1: 5}),
        ([5, 5, 5], 1, 6, {1: 5, 2: 1}),
        ([5, 5, 5], 2, 7, {2: 5, 0: 2}),
        ([5, 0, 5], 1, 1, {2: 1}),
        ([0, 0, 0], 1, 1, None),
    ],
)
def test_the_home_shard_gives_first(left: list[int], home: int, pieces: int, found: dict[int, int] | None) -> None:
    assert rules.chosen(left, home, pieces) == found


@given(left=LEFT, change=st.integers(-320, 320))
def test_a_change_is_spread_without_taking_what_is_not_there(left: list[int], change: int) -> None:
    change = max(change, -sum(left))
    found = rules.spread(left, change)
    assert sum(found) == change
    after = [before + more for before, more in zip(left, found, strict=True)]
    assert min(after) >= 0
    if change < 0:
        # The fullest gave: whoever gave anything has no more than one piece less than any other has left.
        assert all(max(after) <= after[n] + 1 for n, more in enumerate(found) if more)


@given(stock=st.dictionaries(st.sampled_from([f"{n:02d}" for n in range(16)]), st.integers(1, 9)), data=st.data())
def test_pieces_go_back_to_where_they_came_from(stock: dict[str, int], data: st.DataObject) -> None:
    pieces = data.draw(st.integers(0, sum(stock.values())))
    found = rules.going_back(stock, pieces)
    assert sum(found.values()) == pieces
    assert all(0 < part <= stock[shard] for shard, part in found.items())
    rest = {shard: taken - found.get(shard, 0) for shard, taken in stock.items()}
    assert rules.going_back(rest, sum(rest.values())) == {shard: taken for shard, taken in rest.items() if taken}


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (" 文三路１００号 ", "文三路100号"),
        ("𰻞面馆 2 楼", "𰻞面馆 2 楼"),
        ("路" * 100, "路" * 100),
        ("路" * 101, None),
        ("3-201", "3-201"),
        ("-1 楼", None),
        ("＝SUM(A1)", None),
        ("a\tb", None),
        ("a\u2028b", None),
        ("a\u200bb", None),
        ("......", None),
        ("", None),
    ],
)
def test_a_line_of_an_address_is_text_and_nothing_else(text: str, clean: str | None) -> None:
    assert rules.clean_line(text) == clean


def test_a_redemption_is_called_by_member_and_key() -> None:
    ids = {rules.redemption_id(member, key) for member in ("Ma", "Mb") for key in ("1", "2")}
    assert len(ids) == 4
    assert all(rules.REDEMPTION_ID.fullmatch(found) for found in ids)
    assert rules.redemption_id("Ma", "1") == rules.redemption_id("Ma", "1")
