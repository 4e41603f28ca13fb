"""A clean synthetic series has no finding; each planted defect is found, by its kind, and nothing is changed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.findings import FATAL, WEIGHTS, Defect
from orchestrator.domain.quality import examined, usable
from orchestrator.domain.series import COLUMNS, PRICES, BarSeries, PastAction, series_of

START = 1_600_000_000 // 86_400


def clean(seed: int, count: int, minutes: int) -> BarSeries:
    """A quiet walk whose highs and lows enclose the rest."""
    noise = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(noise.normal(0, 0.005, count)))
    opened = np.append(100.0, close[:-1]) * np.exp(noise.normal(0, 0.001, count))
    high = np.maximum(opened, close) * (1 + noise.uniform(0, 0.002, count))
    low = np.minimum(opened, close) * (1 - noise.uniform(0, 0.002, count))
    ends = START * 86_400 + (1 + np.arange(count, dtype=np.int64)) * 60 * minutes - (1 if minutes == 1440 else 0)
    volume = noise.integers(1, 1000, count).astype(np.float64)
    return BarSeries("X", minutes, ends, opened, high, low, close, volume)


SERIES = st.builds(clean, st.integers(0, 10_000), st.integers(60, 400), st.sampled_from([1, 60, 1440]))


def put(series: BarSeries, row: int, **values: float) -> BarSeries:
    changed = {name: getattr(series, name).copy() for name in values}
    for name, value in values.items():
        changed[name][row] = value
    return replace(series, **changed)


def scaled(series: BarSeries, row: int, factor: float) -> BarSeries:
    """All prices from a row on, times a factor."""
    by = np.where(np.arange(len(series)) >= row, factor, 1.0)
    return replace(series, **{name: getattr(series, name) * by for name in PRICES})


def repeated(series: BarSeries, row: int, **values: float) -> BarSeries:
    rows = np.insert(np.arange(len(series)), row, row)
    return put(series.take(rows), row, **values)


def swapped(series: BarSeries, row: int) -> BarSeries:
    rows = np.arange(len(series))
    rows[row - 1 : row + 1] = (row, row - 1)
    return series.take(rows)


def without(series: BarSeries, row: int, count: int = 1) -> BarSeries:
    return series.take(np.delete(np.arange(len(series)), np.s_[row : row + count]))


def later(series: BarSeries, row: int, days: int) -> BarSeries:
    return replace(series, ends=series.ends + np.where(np.arange(len(series)) >= row, days * 86_400, 0))


def frozen(series: BarSeries, row: int) -> BarSeries:
    rows = np.arange(len(series))
    rows[row : row + 31] = row
    still = {name: getattr(series, name)[rows] for name in PRICES}
    return replace(series, **still)


PLANTED = {
    Defect.MISSING: without,
    Defect.HOLE: lambda series, row: later(series, row, 40),
    Defect.OFF_SESSION: lambda series, row: replace(series, ends=series.ends + (np.arange(len(series)) == row)),
    Defect.ORDER: swapped,
    Defect.DUPLICATE: repeated,
    Defect.CONFLICT: lambda series, row: repeated(series, row, volume=5000.0),
    Defect.NOT_A_NUMBER: lambda series, row: put(series, row, close=np.nan),
    Defect.NOT_POSITIVE: lambda series, row: put(series, row, low=0.0),
    Defect.OHLC: lambda series, row: put(series, row, high=series.low[row] * 0.99),
    Defect.ROUNDING: lambda series, row: put(
        series, row, high=max(series.open[row], series.close[row]) * 0.9995, low=series.low[row] * 0.999
    ),
    Defect.JUMP: lambda series, row: scaled(series, row, 1.42),
    Defect.SPLIT_UNTOLD: lambda series, row: scaled(later(series, row, 3), row, 0.5),
    Defect.BREAK: lambda series, row: scaled(series, row, 12.0),
    Defect.EXPLAINED_JUMP: lambda series, row: replace(
        scaled(later(series, row, 3), row, 0.5), actions=(PastAction(int(later(series, row, 3).days[row]), ratio=2.0),)
    ),
    Defect.DIVIDEND: lambda series, row: replace(
        later(series, row, 3), actions=(PastAction(int(later(series, row, 3).days[row]), cash=30.0),)
    ),
    Defect.OTHER_HOLDER: lambda series, row: replace(series, holder_since=int(series.days[-1]) + 1),
    Defect.STALE: frozen,
    Defect.NO_VOLUME: lambda series, row: put(series, row, volume=0.0),
}


def test_every_defect_is_planted_here_and_weighs_or_ends_the_matter_or_is_explained() -> None:
    assert set(PLANTED) | {Defect.EMPTY} == set(Defect)
    assert set(WEIGHTS) | FATAL | {Defect.EXPLAINED_JUMP} == set(Defect)
    assert not set(WEIGHTS) & FATAL
    assert sum(weight for weight, _ in WEIGHTS.values()) == pytest.approx(1.0)


@given(SERIES)
def test_a_clean_series_has_no_finding(series: BarSeries) -> None:
    report = examined(series, series.ends)
    assert report.findings == ()
    assert report.score == 1.0
    assert report.verdict.usable


@pytest.mark.parametrize("defect", PLANTED)
@settings(max_examples=25)
@given(series=SERIES, data=st.data())
def test_a_planted_defect_is_found_by_its_kind(defect: Defect, series: BarSeries, data: st.DataObject) -> None:
    row = data.draw(st.integers(5, len(series) - 45))
    spoilt = PLANTED[defect](series, row)
    before = [getattr(spoilt, name).copy() for name in ("ends", *COLUMNS)]
    report = examined(spoilt, series.ends if defect in {Defect.MISSING, Defect.OFF_SESSION} else None)
    assert report.count(defect) >= 1
    assert report.verdict.usable is not (defect in FATAL)
    assert all(
        np.array_equal(getattr(spoilt, name), kept, equal_nan=True)
        for name, kept in zip(("ends", *COLUMNS), before, strict=True)
    )


@given(SERIES, st.integers(20, 40), st.data())
def test_more_missing_bars_never_score_better(series: BarSeries, count: int, data: st.DataObject) -> None:
    row = data.draw(st.integers(1, len(series) - 42))
    few, many = (examined(without(series, row, n), series.ends).score for n in (count // 2, count))
    assert many <= few < 1.0


@given(SERIES)
def test_a_third_of_the_bars_missing_is_too_much(series: BarSeries) -> None:
    kept = series.take(np.arange(len(series)) % 3 != 1)
    verdict = usable(kept, series.ends)
    assert not verdict.usable
    assert "is below 0.80" in verdict.reasons[-1]


def test_no_bars_at_all_are_not_usable() -> None:
    nothing = clean(1, 60, 60).take(np.empty(0, np.int64))
    assert usable(nothing).reasons[0] == "no bars at all"


def test_bars_of_the_desk_are_judged_as_they_are() -> None:
    series = clean(3, 100, 60)
    assert usable(series_of("X", 60, series.bars())).usable
