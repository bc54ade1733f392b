"""Writes the generated files: `python -m infra.generate` (or `--check`, which fails when one is stale)."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def documents() -> dict[str, str]:
    """path from the root → text."""
    from app import app
    from infra import app_stack, data_stack, openapi

    return {
        "infra/generated/data.json": _text(data_stack.template(), sort_keys=True),
        "infra/generated/merge.json": _text(app_stack.template(app), sort_keys=True),
        # Fields stay in the order they are declared in: it is read by people.
        "docs/openapi.json": _text(openapi.document(app), sort_keys=False),
    }


def _text(content: object, *, sort_keys: bool) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=sort_keys) + "\n"


def main(check: bool) -> int:
    """Exit status 1 when `check` finds a stale file."""
    stale = []
    for name, text in documents().items():
        path = ROOT / name
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"stale, run `make generate`: {', '.join(stale)}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
