"""Instants and business dates. Only the rim calls `now`; below it, time is an argument."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The current instant, UTC."""
    return datetime.now(UTC)


def rfc3339(instant: datetime) -> str:
    """`2026-11-23T08:00:00.123Z`: RFC 3339, UTC, milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Reads what `rfc3339` wrote."""
    return datetime.fromisoformat(text)


def business_date(instant: datetime, time_zone: str) -> date:
    """The calendar date of the instant in the brand's time zone."""
    return instant.astimezone(ZoneInfo(time_zone)).date()


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, or that month's last day when it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def month_end(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def week_start(day: date) -> date:
    """The Monday of the ISO week."""
    return day - timedelta(days=day.weekday())
