"""Three rulebooks to start from, as data: `retail` (the default), `content`, `tool`."""

import json
from pathlib import Path
from typing import Any

NAMES = ("retail", "content", "tool")


def preset(name: str) -> dict[str, Any]:
    """The document of that name. Raises KeyError for another."""
    if name not in NAMES:
        raise KeyError(name)
    document: dict[str, Any] = json.loads((Path(__file__).parent / f"{name}.json").read_text("utf-8"))
    return document
