"""Reads a rulebook as a careful colleague would before it goes live. Each family of checks has its own page."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.rulebook import (
    guards,
    lint_benefits,
    lint_cash,
    lint_coupons,
    lint_entry,
    lint_lotteries,
    lint_retention,
    lint_rules,
    lint_size,
    lint_tasks,
    lint_tiers,
)
from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.guards import required_confirmations
from chalicelib.rulebook.model import Rulebook, load
from chalicelib.shared.clock import add_months, month_end

REFUSED_DAYS, WARNED_DAYS = 180, 365
NOTICES_BEFORE_EXPIRY = (30, 7)
# As deep as the store keeps; every check may recurse below it.
MAX_DEPTH = 50
# Nobody mends more in one go, and an answer has a size.
MAX_FINDINGS = 200

_Model = TypeVar("_Model", bound=BaseModel)

__all__ = ["Finding", "lint", "lint_document", "read", "required_confirmations", "storable"]

# pydantic's error types in Chinese; the rest are told by what they are about.
_PROBLEMS_ZH = {
    "missing": "缺少该字段",
    "extra_forbidden": "不认识的字段",
    "string_pattern_mismatch": "格式不正确",
    "string_too_short": "内容过短",
    "string_too_long": "内容过长",
    "too_short": "数量过少",
    "too_long": "数量过多",
    "greater_than_equal": "数值过小",
    "less_than_equal": "数值过大",
    "literal_error": "不是可选的值",
    "value_error": "内容不成立",
}


def lint_document(document: dict[str, Any], today: date | None = None) -> list[Finding]:
    """The findings of a raw document, at most MAX_FINDINGS. One that does not load has an `INVALID` finding for each
    place that is wrong. `today`, the brand's business date, finds campaigns that are over."""
    rulebook, wrong = read(document, load)
    return lint(rulebook, today)[:MAX_FINDINGS] if rulebook else wrong


def read(document: dict[str, Any], load: Callable[[dict[str, Any]], _Model]) -> tuple[_Model | None, list[Finding]]:
    """The document as `load` reads it; None, and an `INVALID` finding for each place that is wrong, when it cannot."""
    wrong = storable(document)
    if wrong:
        return None, [wrong]
    try:
        return load(document), []
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)[:MAX_FINDINGS]
        found = [_invalid(document, dict(problem)) for problem in problems]
        # A value of several possible types has a problem with each: one is enough.
        return None, list({finding.path: finding for finding in reversed(found)}.values())[::-1]


def storable(document: dict[str, Any]) -> Finding | None:
    """What keeps a raw document from being stored and given back as it is; None: nothing."""
    if _deeper_than(document, MAX_DEPTH):
        message, message_zh = f"Nested deeper than {MAX_DEPTH} levels.", f"内容嵌套超过 {MAX_DEPTH} 层。"
        return refuse("INVALID", "", message, message_zh)
    if not _is_json(document):
        return refuse("INVALID", "", "Not representable as JSON in UTF-8.", "内容无法表示为 UTF-8 编码的 JSON。")
    return None


def _is_json(document: Any) -> bool:
    """Whether it could be stored: no infinite number, no half of a surrogate pair."""
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return False
    return True


def _deeper_than(document: Any, levels: int) -> bool:
    """By levels, not by recursion: what it looks for would exhaust the stack. A plain value is one level."""
    level = [document]
    for _ in range(levels):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _invalid(document: Any, problem: dict[str, Any]) -> Finding:
    path = ".".join(map(str, _place(document, problem)))
    message = str(problem["msg"]).removeprefix("Value error, ")
    told = _PROBLEMS_ZH.get(str(problem["type"]), "类型或内容不合法")
    return refuse("INVALID", path, message, f"{told}：{path or '整份内容'}（{message}）")


def _place(document: Any, problem: dict[str, Any]) -> Iterator[str | int]:
    """As far as the document has it, and a field that is missing: pydantic's own steps (of a union) are left out."""
    for step in problem["loc"]:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            if problem["type"] == "missing":
                yield step
            return
        yield step


def lint(rulebook: Rulebook, today: date | None = None) -> list[Finding]:
    """Every finding of a document that loads, the grave ones first."""
    found = [
        *guards.paid_natures(rulebook),
        *guards.capabilities(rulebook),
        *guards.names(rulebook.model_dump(mode="json")),
        *guards.switched_off(rulebook),
        *_validity(rulebook),
        *_ids(rulebook),
        *lint_rules.behaviours(rulebook),
        *lint_rules.rules(rulebook),
        *lint_rules.multipliers(rulebook),
        *lint_rules.redemption(rulebook),
        *lint_cash.cash(rulebook),
        *lint_tiers.tiers(rulebook),
        *lint_retention.retention(rulebook),
        *lint_benefits.benefits(rulebook),
        *lint_tasks.tasks(rulebook, today),
        *lint_lotteries.lotteries(rulebook, today),
        *lint_coupons.coupons(rulebook, today),
        *lint_size.size(rulebook),
        *lint_entry.entry(rulebook),
    ]
    order = {"refuse": 0, "confirm": 1, "warn": 2}
    return sorted(dict.fromkeys(found), key=lambda finding: order[finding.severity])


def shortest_days(months: int) -> int:
    """The fewest days a lot of that validity can live: the month ends of four years, a leap year among them."""
    starts = [month_end(add_months(date(2027, 1, 1), offset)) for offset in range(48)]
    return min((month_end(add_months(day, months)) - day).days for day in starts)


def _validity(rulebook: Rulebook) -> Iterator[Finding]:
    months = [("expiry.valid_months", rulebook.expiry.valid_months)]
    months += [
        (f"earning.{number}.valid_months", rule.valid_months)
        for number, rule in enumerate(rulebook.earning)
        if rule.valid_months is not None
    ]
    for path, value in months:
        days = shortest_days(value)
        if days < REFUSED_DAYS:
            message = f"Points must last at least {REFUSED_DAYS} days; these may last {days}."
            yield refuse("VALIDITY_TOO_SHORT", path, message, f"积分有效期不得少于 {REFUSED_DAYS} 天。")
        elif days < WARNED_DAYS:
            message = f"Points that last under {WARNED_DAYS} days annoy members."
            yield warn("VALIDITY_SHORT", path, message, f"积分有效期少于 {WARNED_DAYS} 天，会员体验较差。")
    for days in NOTICES_BEFORE_EXPIRY:
        if days not in rulebook.expiry.notice_days:
            message = f"Points need a recorded notice {days} days before they expire."
            yield refuse("NOTICE_MISSING", "expiry.notice_days", message, f"积分到期前 {days} 天必须通知会员。")


def _ids(rulebook: Rulebook) -> Iterator[Finding]:
    """Two parts of one kind with one name: journal lines and counters could not tell them apart."""
    named = {
        "behaviours": [behaviour.code for behaviour in rulebook.behaviours],
        "multipliers": [multiplier.id for multiplier in rulebook.multipliers],
        "tasks": [task.id for task in rulebook.tasks],
        "badges": [badge.id for badge in rulebook.badges],
    }
    for section, names in named.items():
        for number, name in enumerate(names):
            if name in names[:number]:
                message, message_zh = f"{name} is there already.", f"{name} 重复。"
                yield refuse("DUPLICATE_ID", f"{section}.{number}", message, message_zh)
