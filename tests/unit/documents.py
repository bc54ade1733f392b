"""Documents of rulebooks with single places changed."""

import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chalicelib.rulebook import words
from chalicelib.rulebook.findings import Finding, Severity
from chalicelib.rulebook.linter import lint_document
from chalicelib.rulebook.model import load
from chalicelib.rulebook.presets import preset

GONE = object()
TODAY = date(2026, 11, 24)


def place(document: Any, path: str) -> tuple[Any, str | int]:
    """The container and key a dotted path leads to."""
    keys: list[str | int] = [int(key) if key.isdigit() else key for key in path.split(".")]
    for key in keys[:-1]:
        document = document.setdefault(key, {}) if isinstance(document, dict) else document[key]
    return document, keys[-1]


def changed(changes: dict[str, Any], base: str = "retail") -> dict[str, Any]:
    """A preset with some places replaced; `path.+` appends to the list at `path`; GONE removes."""
    document = preset(base)
    for path, value in changes.items():
        container, key = place(document, path)
        if key == "+":
            container.append(deepcopy(value))
        elif value is GONE:
            del container[key]
        else:
            container[key] = deepcopy(value)
    return document


def findings(changes: dict[str, Any], base: str = "retail") -> list[Finding]:
    """What the linter says of a preset with these changes."""
    return lint_document(changed(changes, base), TODAY)


def told(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """rule → its sentence, Chinese and English."""
    sections = words.sections(load(document))
    return {item.rule: (item.zh, item.en) for section in sections for item in section.items}


def rule(**changes: Any) -> dict[str, Any]:
    """An earning rule for purchases."""
    named = {"zh": "规则", "en": "rule"}
    return {"id": "extra", "name": named, "trigger": "order_paid", "points": {"fixed": 10}, **changes}


def behaviour(**changes: Any) -> dict[str, Any]:
    """A behaviour a merchant reports."""
    return {"code": "extra", "name": {"zh": "行为", "en": "behaviour"}, "reported_by": "merchant", **changes}


def multiplier(**changes: Any) -> dict[str, Any]:
    """A factor in a group of its own."""
    return {"id": "extra", "name": {"zh": "倍率", "en": "factor"}, "group": "extra", "factor": "2", **changes}


def goal(metric: str, at_least: int, window: str = "lifetime", **changes: Any) -> dict[str, Any]:
    """A threshold."""
    named = {"zh": "目标", "en": "goal"}
    return {"metric": metric, "window": window, "at_least": at_least, "name": named, **changes}


def task(kind: str = "newcomer", **changes: Any) -> dict[str, Any]:
    """A task of 10 points; a campaign of one month that is on."""
    named = {"zh": "任务", "en": "task"}
    dates = {"starts_on": "2026-11-01", "ends_on": "2026-11-30"} if kind == "campaign" else {}
    return {"id": "extra", "name": named, "kind": kind, "points": 10, **dates, **changes}


@dataclass(frozen=True)
class Row:
    """A line of a table of findings: `changes` to a preset bring `code` at `path`, the neighbouring ones do not."""

    code: str
    path: str
    changes: dict[str, Any]
    neighbour: dict[str, Any] = field(default_factory=dict)
    severity: Severity = "refuse"
    base: str = "retail"

    def __str__(self) -> str:
        return f"{self.code} {self.path} {self.changes}"[:90]


def there(document: dict[str, Any], path: str) -> bool:
    """Whether a path leads somewhere in a document that loads, as it was written or with its defaults written out."""
    written_out = load(document).model_dump(mode="json", by_alias=True, exclude_none=True)
    return any(_leads_somewhere(value, path) for value in (document, written_out))


def _leads_somewhere(value: Any, path: str) -> bool:
    for key in path.split(".") if path else ():
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True


def check(row: Row) -> None:
    """The finding is there, at a place that is, in both languages; a step aside it is not."""
    document = changed(row.changes, row.base)
    everything = lint_document(document, TODAY)
    found = [f for f in everything if (f.code, f.path) == (row.code, row.path)]
    assert [finding.severity for finding in found] == [row.severity], everything
    assert all(there(document, finding.path) for finding in everything)
    (finding,) = found
    assert re.search(r"[\u4e00-\u9fff]{2}", finding.message_zh)
    assert re.search(r"[A-Za-z]{2}", finding.message)
    assert not re.search(r"[\u4e00-\u9fff]{3}", finding.message)
    assert bool(finding.confirm) == (finding.severity == "confirm")
    near = findings(row.neighbour, row.base)
    assert "INVALID" not in {f.code for f in near}, near
    assert row.code not in {f.code for f in near}, near
