"""`make bench`: what the system costs, as ratios measured within this one run, and as counts. See docs/performance.md.

Seconds differ from machine to machine and from minute to minute; a ratio of two things measured in turns does not.
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from infra import bench_cold, bench_cpu, bench_redemptions, bench_units
from infra.bench_world import brand


def _table(title: str, heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    print(f"\n{title}", flush=True)
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Prints every table; about two minutes."""
    started = time.monotonic()
    print(f"Python {sys.version.split()[0]}; medians; CPU time, not wall time")
    with brand() as found:
        title = "Warm request: CPU ÷ raw botocore making the same calls"
        _table(title, ("request", "calls to AWS", "ratio"), bench_cpu.ratios(found))
        units = ("account, bytes", "read units", "write units")
        _table("One earn, by lots held", ("lots", *units), bench_units.by_lots())
        _table("One earn, by length of history", ("events before", *units), bench_units.by_events())
        heads = ("redeemed", "calls to AWS", "read units", "write units")
        _table("One redemption, by what it is", heads, bench_redemptions.by_kind())
    heads = ("preset", "document, bytes", "account after a busy year, bytes", "account at most, bytes")
    _table("Account, by rulebook", heads, bench_units.by_rulebook())
    with tempfile.TemporaryDirectory() as folder:
        title = "Cold start (import, DynamoDB client) ÷ bare Chalice with a botocore client"
        _table(title, ("function", "ratio"), bench_cold.functions(Path(folder)))
        title = "The package with its own bytecode"
        _table(title, ("figure", "ratio"), bench_cold.bytecode(Path(folder)).items())
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
