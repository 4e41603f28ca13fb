"""Bars from files: placed in sessions, cleaned with a count, aggregated but never made up."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from orchestrator.domain.errors import MissingDataError
from tests.venue_feed_folder import BARS, DAILY, daily, minute, write
from venue.dataset import Report
from venue.feed import AssetKind
from venue.replay.layout import Source, pair_symbol
from venue.replay.series import Series, aggregate, join, read_bars
from venue.sessions import utc, xnys


def read(path: Path, minutes: int, kind: AssetKind = AssetKind.STOCK) -> tuple[Series, dict[str, int]]:
    report = Report()
    source = Source(path, path.name, "X", kind, minutes, "trade")
    series = read_bars(source, xnys(), report)
    return series, report.by_file().get(path.name, {})


def test_daily_bar_spans_the_session_and_closes_one_second_early(tmp_path: Path) -> None:
    series, _ = read(write(tmp_path, "X.csv", DAILY, daily("2019-12-23", 10), daily("2019-12-24", 11)), 1440)
    assert [utc(t).isoformat() for t in series.start] == ["2019-12-23T14:30:00+00:00", "2019-12-24T14:30:00+00:00"]
    assert [utc(t).isoformat() for t in series.end] == ["2019-12-23T20:59:59+00:00", "2019-12-24T17:59:59+00:00"]


def test_row_on_a_holiday_is_counted_and_dropped(tmp_path: Path) -> None:
    series, dropped = read(write(tmp_path, "X.csv", DAILY, daily("2019-12-24", 10), daily("2019-12-25", 11)), 1440)
    assert len(series) == 1
    assert dropped == {"outside the regular session": 1}


def test_bars_outside_the_session_are_dropped(tmp_path: Path) -> None:
    stamps = ["2019-12-24T14:29:00Z", "2019-12-24T14:30:00Z", "2019-12-24T17:59:00Z", "2019-12-24T18:00:00Z"]
    series, dropped = read(write(tmp_path, "X.csv", BARS, *(minute(stamp, 10) for stamp in stamps)), 1)
    assert [utc(t).hour for t in series.start] == [14, 17]
    assert utc(series.end[-1]).isoformat() == "2019-12-24T17:59:59+00:00"
    assert dropped == {"outside the regular session": 2}


def test_defects_are_dropped_with_their_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "X.csv",
        BARS,
        minute("2026-07-16T13:31:00Z", 11),
        minute("2026-07-16T13:30:00Z", 10),
        minute("2026-07-16T13:31:00Z", 11),
        minute("2026-07-16T13:32:00Z", 12, volume=50),
        minute("2026-07-16T13:32:00Z", 12.5, volume=70),
        "2026-07-16T13:33:00Z,,,,,",
        "2026-07-16T13:34:00Z,10,9,11,10,5",
        "2026-07-16T13:35:00Z,-1,9,-1,8,5",
        minute("2026-07-16T13:36:00Z", 14),
    )
    series, dropped = read(path, 1)
    assert series.close.tolist() == [10, 11, 12.5]
    assert dropped == {
        "out of order (sorted, kept)": 1,
        "duplicate row": 1,
        "duplicate time with differing values (greater volume kept)": 1,
        "a price or volume is missing (NaN)": 1,
        "price not positive or high below low": 2,
        "last bar of the file, may be unfinished": 1,
    }


def test_newest_first_is_sorted(tmp_path: Path) -> None:
    series, dropped = read(write(tmp_path, "X.csv", DAILY, daily("2026-07-17", 3), daily("2026-07-16", 2)), 1440)
    assert series.close.tolist() == [2, 3]
    assert dropped == {"out of order (sorted, kept)": 1}


def test_file_without_a_usable_row_is_empty(tmp_path: Path) -> None:
    series, dropped = read(write(tmp_path, "X.csv", BARS, "2026-07-16T13:33:00Z,,,,,"), 1)
    assert len(series) == 0
    assert dropped == {"a price or volume is missing (NaN)": 1}


def test_aggregation_counts_from_the_open_and_leaves_holes(tmp_path: Path) -> None:
    stamps = [("13:30", 10), ("13:31", 12), ("13:34", 9), ("13:40", 20), ("13:44", 21), ("13:45", 30), ("13:46", 31)]
    rows = [minute(f"2026-07-16T{stamp}:00Z", close, open_=close - 1) for stamp, close in stamps]
    series, _ = read(write(tmp_path, "X.csv", BARS, *rows), 1)
    made = aggregate(series, 5, xnys(), equity=True)
    assert [utc(t).minute for t in made.start] == [30, 40]
    assert (made.open[0], made.high[0], made.low[0], made.close[0], made.volume[0]) == (9, 12, 8, 9, 300)


def test_daily_bar_is_not_made_of_a_cut_day(tmp_path: Path) -> None:
    hours = ["2026-07-15T15:30", "2026-07-15T19:30", "2026-07-16T13:30", "2026-07-16T19:30", "2026-07-17T13:30"]
    series, _ = read(
        write(tmp_path, "X.csv", BARS, *(minute(f"{one}:00Z", 10) for one in [*hours, "2026-07-17T14:30"])), 60
    )
    made = aggregate(series, 1440, xnys(), equity=True)
    assert [utc(t).date() for t in made.start] == [date(2026, 7, 16)]


def test_last_hour_of_a_session_is_short(tmp_path: Path) -> None:
    series, _ = read(write(tmp_path, "X.csv", BARS, minute("2026-07-16T19:30:00Z", 10)), 60)
    assert series.end[0] - series.start[0] == 1799


def test_coin_days_end_one_second_before_midnight_and_yahoo_volume_becomes_coins(tmp_path: Path) -> None:
    path = write(tmp_path, "yahoo.csv", DAILY, "2026-07-16,5,6,4,5,5,1000", "2026-07-17,5,6,4,5,5,1000")
    series, dropped = read(path, 1440, AssetKind.CRYPTO)
    assert utc(series.end[0]).isoformat() == "2026-07-16T23:59:59+00:00"
    assert series.volume.tolist() == [200]
    assert dropped == {"last bar of the file, may be unfinished": 1}


def test_joining_takes_each_day_from_the_first_series() -> None:
    def one(days: list[int], close: float) -> Series:
        column = np.array(days, np.int64)
        prices = np.full(len(days), close)
        return Series(column * 86400, column * 86400 + 60, column, prices, prices, prices, prices, prices)

    joined = join([one([2, 3], 1.0), one([1, 2, 4], 2.0)])
    assert joined.day.tolist() == [1, 2, 3, 4]
    assert joined.close.tolist() == [2.0, 1.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("stem", "pair"),
    [
        ("BTC-USD", "BTC/USD"),
        ("BTC_USDT_2020_2025", "BTC/USD"),
        ("XBTUSD_60", "BTC/USD"),
        ("ADAUSDT_trade_2022-12-13", "ADA/USD"),
        ("notes", None),
    ],
)
def test_file_names_of_coins_become_pairs(stem: str, pair: str | None) -> None:
    assert pair_symbol(stem) == pair


def test_calendar_knows_half_days_and_its_own_limits() -> None:
    half, full = xnys().between(date(2019, 12, 24), date(2019, 12, 26))
    assert (half.close - half.open).seconds == 3.5 * 3600
    assert (full.close - full.open).seconds == 6.5 * 3600
    with pytest.raises(MissingDataError, match="the XNYS calendar here covers 1998-01-01"):
        xnys().between(date(1990, 1, 1), date(1990, 2, 1))
