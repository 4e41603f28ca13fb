"""Writes the table of `docs/orders.md` from the code: what may be said of an order, and what each does.

python -m scripts.codegen_orders            writes the table
python -m scripts.codegen_orders --check    ends with 1 when the page is not up to date
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from orchestrator.domain.order_life import ROWS, Row

PAGE = Path(__file__).resolve().parent.parent / "docs/orders.md"
_BEGIN, _END = "<!-- table: written by `make types` -->", "<!-- /table -->"


def table(rows: Iterable[Row]) -> str:
    """Return rows as a Markdown table; states that share evidence, target and effect share a line."""
    lines = ["| when it is | and | it becomes | what happens |", "|---|---|---|---|"]
    for (evidence, does), group in groupby(rows, key=lambda row: (row.evidence, row.does)):
        same = list(group)
        states = ", ".join(row.state for row in same)
        ends = {row.to for row in same if row.to is not row.state}
        target = next(iter(ends)) if ends else "as it is"
        lines.append(f"| {states} | {evidence.value.replace('_', ' ')} | {target} | {does} |")
    return "\n".join(lines)


def page(before: str) -> str:
    """Return the page with its table written anew.

    Raises
    ------
    ValueError
        The page has lost the marks between which the table stands.
    """
    start, stop = before.find(_BEGIN), before.find(_END)
    if start < 0 or stop < start:
        raise ValueError(f"{PAGE.name}: the marks {_BEGIN} and {_END} are missing; put them back")
    plain, odd = [row for row in ROWS if not row.odd], [row for row in ROWS if row.odd]
    body = f"{table(plain)}\n\nRows that should not happen, and do:\n\n{table(odd)}"
    return f"{before[:start]}{_BEGIN}\n{body}\n{before[stop:]}"


def main(arguments: list[str]) -> int:
    """Write or check the page and return the exit code."""
    before = PAGE.read_text()
    after = page(before)
    if "--check" not in arguments:
        PAGE.write_text(after)
        return 0
    if before != after:
        print("docs/orders.md is not up to date: run `make types`")
    return int(before != after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
