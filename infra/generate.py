"""Writes the generated files: `python -m infra.generate` (or `--check`, which fails when one is stale)."""

import json
import sys
from pathlib import Path
from typing import Any

GENERATED = Path(__file__).parent / "generated"


def documents() -> dict[str, Any]:
    """file name → content."""
    from app import app
    from infra import app_stack, data_stack

    return {"data.json": data_stack.template(), "merge.json": app_stack.template(app)}


def main(check: bool) -> int:
    """Exit status 1 when `check` finds a stale file."""
    stale = []
    for name, content in documents().items():
        path = GENERATED / name
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if check:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        print(f"stale, run `make generate`: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
