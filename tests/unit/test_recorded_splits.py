"""Splits of real stocks, 1998 to 2021: prices give every one away, and hardly anything else looks like one."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.domain.actions import gap_like_a_split, rate_told
from venue.replay.actions import read_factors
from venue.sessions import xnys

OTHERS = {
    ("EEM", "2003-04-11"): "a bad print: 9.98 before 100.12",
    ("GOOG", "2014-04-03"): "a share of another class for each share, which the factor file leaves out",
    ("IBM", "2002-12-23"): "a bad print: 79.82 before 159.58",
}
"""What looks like a split and is none in the factor files."""


def closes_and_opens(root: Path, symbol: str) -> list[tuple[str, Decimal, Decimal]]:
    with gzip.open(root / f"equity/daily/lean_raw/{symbol}.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    return [(day["date"], Decimal(before["close"]), Decimal(day["open"])) for before, day in pairwise(rows)]


@pytest.mark.parametrize("symbol", ["AAPL", "BAC", "EEM", "GOOG", "IBM", "IWM", "QQQ", "SPY"])
def test_every_split_shows_in_the_price_and_hardly_anything_else_does(data_root: Path, symbol: str) -> None:
    factors = data_root / "equity/daily/lean_raw/factor_files" / f"{symbol}.csv"
    told = {one.ex_date.isoformat(): one.ratio for one in read_factors(factors, symbol, xnys()) if one.ratio}
    splits = {day: ratio for day, ratio in told.items() if ratio > Decimal("1.1")}
    jumps = {day for day, close, price in closes_and_opens(data_root, symbol) if gap_like_a_split(close, price)}
    assert jumps - {day for name, day in OTHERS if name == symbol} == splits.keys()
    assert all(rate_told(ratio, Decimal(1)) is not None for ratio in splits.values())
