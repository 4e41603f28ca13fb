"""What the stocks module asks for, its universe and its parameters."""

from decimal import Decimal

import pytest

from modules.stocks.module import StocksModule, bars_per_year, lookback_days
from modules.stocks.parameters import StocksParameters
from modules.stocks.universe import UNIVERSE, instrument, universe_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ParameterOutOfBoundsError
from tests.desk_drill import module_of
from tests.module_views import NOW, book, position


def test_it_asks_for_both_timeframes_of_universe_and_holdings():
    request = module_of(StocksModule, {"sectors": ("XLK", "XLF"), "large_caps": ("XLK",)}).request(
        book(ModuleName.STOCKS, position("IBM", "momentum")), StocksParameters(), NOW
    )
    assert request.bars == {1440: ("XLK", "XLF", "IBM"), 5: ("XLK", "XLF", "IBM")}
    assert request.quotes == ("XLK", "XLF", "IBM")
    assert request.chains == ()
    assert request.lookback_days[1440] > 101 * 7 / 5
    assert request.lookback_days[5] >= 7


def test_one_timeframe_is_asked_for_once():
    knobs = StocksParameters(timeframe=5)
    assert set(module_of(StocksModule, UNIVERSE).request(book(ModuleName.STOCKS), knobs, NOW).bars) == {5}


@pytest.mark.parametrize(("minutes", "bars", "days"), [(1440, 100, 157), (5, 100, 12), (60, 65, 24)])
def test_the_look_back_covers_weekends(minutes, bars, days):
    assert lookback_days(minutes, bars) == days


def test_a_year_has_252_sessions_of_390_minutes():
    assert bars_per_year(1440) == 252
    assert bars_per_year(5) == 252 * 78


def test_a_narrowed_universe_keeps_its_lists():
    assert universe_of(["xlk", "SPY", "TQQQ", "IBM", "XLK"]) == {
        "sectors": ("XLK",),
        "large_caps": ("SPY", "IBM"),
        "leveraged": ("TQQQ",),
        "regime": ("SPY",),
    }
    assert universe_of([s for listed in UNIVERSE.values() for s in listed]) == dict(UNIVERSE)


def test_the_grid_of_a_stock():
    assert instrument("XLK", Decimal(250)).tick_size == Decimal("0.01")
    assert instrument("XLK", Decimal("0.50")).tick_size == Decimal("0.0001")
    assert instrument("XLK", Decimal(250)).leverage == 1
    assert instrument("SQQQ", Decimal(20)).leverage == 3


@pytest.mark.parametrize("values", [{"timeframe": 7}, {"momentum": {"lookback": 1}}, {"nonsense": 1}])
def test_values_out_of_bounds_are_refused(values):
    with pytest.raises(ParameterOutOfBoundsError, match="parameters/stocks"):
        StocksParameters.parse(values, where="parameters/stocks")
