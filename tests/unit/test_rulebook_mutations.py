"""Random mutations of the presets: the linter answers with findings, whatever it is given."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from chalicelib.rulebook import words
from chalicelib.rulebook.linter import lint_document
from chalicelib.rulebook.model import load
from chalicelib.rulebook.presets import NAMES, preset
from tests.unit.documents import there

Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> list[Path]:
    """Every place of a document but its root."""
    children = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [found for key, child in children for found in ((*path, key), *places(child, (*path, key)))]


PLACES = {name: places(preset(name)) for name in NAMES}
# What a document holds elsewhere makes the likeliest mistakes; numbers near a bound the next; anything else the rest.
WORDS = some.sampled_from(
    ["order_paid", "login", "gold", "share", "shares", "months:3", "lifetime", "period", "1.5", "币", "x"]
)
NUMBERS = some.sampled_from([0, 1, -1, 2, 5, 7, 12, 28, 29, 100, 101, 10**6, 10**15, 10**30, 1.5, 1e300])
SCALARS = some.none() | some.booleans() | WORDS | NUMBERS | some.text(max_size=5) | some.floats()
VALUES = some.recursive(
    SCALARS,
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            WORDS | some.sampled_from(["all", "any", "not", "fixed", "counter", "zh"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@some.composite
def mutated(draw: some.DrawFn) -> dict[str, Any]:
    """A preset with up to four places replaced, removed, doubled or filled from another place."""
    name = draw(some.sampled_from(NAMES))
    document = preset(name)
    for _ in range(draw(some.integers(1, 4))):
        path = draw(some.sampled_from(PLACES[name]))
        container: Any = document
        try:
            for key in path[:-1]:
                container = container[key]
            value = container[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mutation took the place away
        if not isinstance(container, dict | list):
            continue
        match draw(some.sampled_from(["replace", "remove", "double", "move", "step"])):
            case "remove":
                del container[path[-1]]
            case "double" if isinstance(container, list):
                container.append(json.loads(json.dumps(value)))
            case "move":
                other: Any = preset(name)
                for key in draw(some.sampled_from(PLACES[name])):
                    other = other[key]
                container[path[-1]] = other
            case "step" if isinstance(value, int):
                container[path[-1]] = value + draw(some.sampled_from([-1, 1, -value, 10 * value]))
            case "step" if isinstance(value, str):
                container[path[-1]] = draw(WORDS)
            case _:
                container[path[-1]] = draw(VALUES)
    return document


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_mutated_preset_is_answered_with_findings_that_lead_somewhere(document: dict[str, Any]) -> None:
    found = lint_document(document)
    assert len(set(found)) == len(found)
    if "INVALID" in {finding.code for finding in found}:
        assert {finding.code for finding in found} == {"INVALID"}
        return
    assert all(there(document, finding.path) for finding in found)
    # What loads can be read aloud.
    sentences = [item for section in words.sections(load(document)) for item in section.items]
    assert all(item.zh and item.en for item in sentences)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_anything_at_all_is_answered_with_findings(value: Any) -> None:
    assert {finding.severity for finding in lint_document(value)} == {"refuse"}


def test_the_mutations_reach_both_sides() -> None:
    """A control: some mutated documents load and some do not, so the test above looks at both."""
    seen = set()

    @settings(max_examples=600, deadline=None, database=None, derandomize=True)
    @given(mutated())
    def look(document: dict[str, Any]) -> None:
        seen.update(finding.code for finding in lint_document(document))
        seen.add("fine" if not lint_document(document) else "found")

    look()
    assert {"INVALID", "fine", "found"} <= seen
    assert len(seen) > 6


@pytest.mark.parametrize("name", NAMES)
def test_the_places_are_those_of_the_preset(name: str) -> None:
    assert len(PLACES[name]) > 500
