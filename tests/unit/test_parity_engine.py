"""Past days through the backtest as a real venue fills them: at the open after the bar that decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ml.parity.engine import BarGround, Days, opens_of
from ml.parity.panels import Source
from ml.selfcheck import PLANTED, SYMBOLS, bars
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.instruments import AssetClass, Instrument
from orchestrator.domain.market import panel_of
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.tuning import Tunable
from tests.tuning_stage import PlantedParameters

TUNABLE = Tunable(
    module=ModuleName.STOCKS,
    model=PlantedParameters,
    universe={"all": SYMBOLS},
    bars_per_year=lambda _minutes: 365.0,
    cost_bps=2.0,
    strategies=(PLANTED,),
    timeframes=("timeframe",),
)
BARS = bars(200, 1, edge=0.004)
PANEL = panel_of(BARS)


def at(row: int) -> datetime:
    return datetime.fromtimestamp(int(PANEL.ends[row]), UTC)


def grid(symbol: str, _price) -> Instrument:
    return Instrument(symbol=symbol, asset_class=AssetClass.EQUITY)


def made(*, local: bool):
    days = Days(at(149), at(199), PlantedParameters(), 100_000.0, RiskLimits(), local)
    return BarGround(TUNABLE, grid, PANEL, 1440).by_engine(days)


def test_at_a_real_venue_entries_fill_at_the_open_after_the_bar() -> None:
    opens = opens_of(PANEL, 1440, ModuleName.STOCKS)
    found = made(local=False)
    assert found
    for one in found:
        row = int(np.flatnonzero(opens == int(one.opened_at.timestamp()))[0])
        assert row >= 150
        assert one.entry_px == pytest.approx(PANEL.open[row, PANEL.column(one.symbol)] * 1.0001, rel=3e-4)


def test_nothing_is_made_of_no_bars() -> None:
    days = Days(at(199), at(199) + timedelta(days=1), PlantedParameters(), 100_000.0, RiskLimits(), local=True)
    assert BarGround(TUNABLE, grid, PANEL, 1440).by_engine(days) == []


def stored(symbol, _minutes, _first, _last):
    if symbol == "GONE":
        raise MissingDataError("GONE was never published")
    series = BARS[SYMBOLS[0]]
    keep = np.ones(len(series), bool)
    if symbol == "HOLE":
        keep[195] = False
    if symbol == "OLD":
        keep[150:] = False
    return type(series)(*(getattr(series, name)[keep] for name in ("ends", "open", "high", "low", "close", "volume")))


def test_symbols_whose_bars_do_not_reach_or_have_holes_are_named() -> None:
    source = Source(stored, None, at(199))
    known = source.known(("WHOLE", "GONE", "HOLE", "OLD"), 1440, (at(180).date(), at(198).date()))
    assert set(known.lacking) == {"GONE", "HOLE", "OLD"}
    assert "never published" in known.lacking["GONE"]
    assert known.lacking["HOLE"].startswith("1 of ")
    assert "bars end on" in known.lacking["OLD"]
