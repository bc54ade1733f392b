"""Documents of rulebooks with single places changed."""

from copy import deepcopy
from typing import Any

from chalicelib.rulebook.findings import Finding
from chalicelib.rulebook.linter import lint_document
from chalicelib.rulebook.presets import preset

GONE = object()


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
    return lint_document(changed(changes, base))


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


def goal(metric: str, at_least: int, window: str = "lifetime") -> dict[str, Any]:
    """A threshold."""
    return {"metric": metric, "window": window, "at_least": at_least, "name": {"zh": "目标", "en": "goal"}}
