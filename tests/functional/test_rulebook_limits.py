"""How large and how deep a document may be."""

from typing import Any

import pytest

from chalicelib.rulebook import items, store
from chalicelib.shared.errors import InvalidFields
from tests.functional.console_room import NOW

ADA = "operator:ada"

pytestmark = pytest.mark.usefixtures("aws")


def sized(size: int) -> dict[str, Any]:
    return {"x": "a" * (size - len('{"x":""}'))}


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels - 1):
        value = {"x": value}
    return dict(value)


def test_a_document_may_be_as_large_and_as_deep_as_stated_and_no_more() -> None:
    for fits in (sized(items.MAX_DOCUMENT_BYTES), nested(items.MAX_DEPTH)):
        assert store.draft(store.save_draft(fits, ADA, NOW)).document == fits
    for exceeds in (sized(items.MAX_DOCUMENT_BYTES + 1), nested(items.MAX_DEPTH + 1), nested(100_000)):
        with pytest.raises(InvalidFields):
            store.save_draft(exceeds, ADA, NOW)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "\ud800"])
def test_what_json_cannot_carry_is_refused(value: Any) -> None:
    with pytest.raises(InvalidFields):
        store.save_draft({"x": value}, ADA, NOW)
