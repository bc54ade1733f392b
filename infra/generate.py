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
        "docs/rules.md": _rules(),
    }


def _rules() -> str:
    """The demo brand's rulebook as members read it."""
    from chalicelib.rulebook import model, presets, words

    rulebook = model.load(presets.preset("retail"))
    lines = [
        f"# 会员规则：{rulebook.brand.name.zh} · The rules: {rulebook.brand.name.en}", "",
        "示例品牌的规则，会员在小程序里看到的文字（`GET /v1/rules`）。由规则书生成，请勿手改。", "",
        "What members of the demo brand read in the mini-program (`GET /v1/rules`). Generated from the rulebook.",
    ]  # fmt: skip
    for section in words.sections(rulebook):
        lines += ["", f"## {section.title.zh} · {section.title.en}"]
        lines += [f"- {item.zh}  \n  {item.en}" for item in section.items]
    return "\n".join(lines) + "\n"


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
