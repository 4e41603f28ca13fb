"""What the crypto module asks for and when, its universe and grids, and that it watches what it holds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from modules.crypto.module import CryptoModule, bars_per_year, just_closed
from modules.crypto.parameters import CryptoParameters
from modules.crypto.universe import UNIVERSE, instrument, universe_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.market import SessionState
from orchestrator.domain.orders import OrderType, Purpose, TimeInForce
from tests.desk_drill import module_of
from tests.module_views import book, context, market, panel, position, quote, steady

CRYPTO = ModuleName.CRYPTO
MODULE = module_of(CryptoModule, UNIVERSE)
KNOBS = CryptoParameters()
ALWAYS = SessionState(is_open=True)
US_HOUR = datetime(2026, 3, 12, 15, 0, tzinfo=UTC)


def held(symbol: str = "BTC/USD", **changes):
    return position(symbol, "session_momentum", CRYPTO, **{"opened_at": US_HOUR - timedelta(hours=5)} | changes)


@pytest.mark.parametrize(
    ("minutes", "clock", "fresh"),
    [
        (60, "15:00:00", True),
        (60, "15:04:59", True),
        (60, "15:05:00", False),
        (60, "14:59:59", True),
        (60, "14:59:58", False),
        (15, "15:46:00", True),
        (15, "15:52:00", False),
        (1440, "00:03:00", True),
        (1440, "23:59:59", True),
        (1440, "15:00:00", False),
    ],
)
def test_a_bar_is_fresh_for_five_minutes(minutes, clock, fresh):
    now = datetime.fromisoformat(f"2026-03-12T{clock}+00:00")
    assert just_closed(minutes, now, within=5) is fresh


def test_it_asks_for_bars_only_when_one_has_closed():
    mine = book(CRYPTO, held("DOGE/USD"))
    symbols = (*UNIVERSE["pairs"], "DOGE/USD")
    hour = MODULE.request(mine, KNOBS, US_HOUR)
    assert (hour.bars, hour.quotes) == ({60: symbols}, symbols)
    assert hour.lookback_days[60] * 24 >= 97
    between = MODULE.request(mine, KNOBS, US_HOUR + timedelta(minutes=30))
    assert (between.bars, between.quotes) == ({}, ("DOGE/USD",))
    midnight = MODULE.request(mine, KNOBS, US_HOUR.replace(hour=0))
    assert set(midnight.bars) == {60, 1440}


def test_a_day_without_holdings_asks_five_minutes_in_every_hour():
    midnight = US_HOUR.replace(hour=0)
    asked = [MODULE.request(book(CRYPTO), KNOBS, midnight + timedelta(minutes=minute)) for minute in range(1440)]
    assert sum(bool(request.bars) for request in asked) == sum(bool(request.quotes) for request in asked) == 24 * 5


def test_one_timeframe_is_asked_for_once():
    knobs = CryptoParameters(timeframe=1440)
    assert set(MODULE.request(book(CRYPTO), knobs, US_HOUR.replace(hour=0)).bars) == {1440}


def wishes(now: datetime, minutes: int = 60, session: SessionState = ALWAYS):
    closes = {"BTC/USD": 700 * steady(drift=0.003, swing=0.01)}
    seen = market({minutes: panel(closes, minutes=minutes, newest=now)}, _quotes(closes, now), session)
    return MODULE.analyze(context(book(CRYPTO), seen, KNOBS, now))


def _quotes(closes, now):
    return tuple(quote(name, float(series[-1]), now=now) for name, series in closes.items())


def test_an_entry_is_priced_on_the_grid_of_its_pair():
    (wish,) = wishes(US_HOUR)
    assert (wish.symbol, wish.strategy, wish.time_in_force) == ("BTC/USD", "session_momentum", TimeInForce.IOC)
    assert wish.limit_px % Decimal("0.1") == 0
    assert wish.decision_px < wish.limit_px <= wish.decision_px * Decimal("1.02")
    assert wish.stop_price < wish.decision_px * Decimal("0.986")
    assert wish.annual_vol == pytest.approx(wish.features["vol_bar"] * (365 * 24) ** 0.5)


def test_daily_bars_stand_in():
    (wish,) = wishes(US_HOUR.replace(hour=0), 1440)
    assert wish.features["timeframe_minutes"] == 1440


def test_nothing_is_done_while_the_venue_is_down():
    down = SessionState(is_open=False)
    assert wishes(US_HOUR, session=down) == []
    assert MODULE.monitor(context(book(CRYPTO, held()), market({}, (), down), KNOBS, US_HOUR)) == []


def test_positions_are_watched_between_bars_by_quotes_alone():
    now = US_HOUR.replace(minute=37)
    price = (quote("BTC/USD", 80.0, now=now),)
    (exit_,) = MODULE.monitor(context(book(CRYPTO, held()), market({}, price, ALWAYS), KNOBS, now))
    assert (exit_.purpose, exit_.reason) == (Purpose.EXIT, "stop")
    (blind,) = MODULE.monitor(
        context(book(CRYPTO, held(opened_at=now - timedelta(days=30))), market({}, (), ALWAYS), KNOBS, now)
    )
    assert (blind.order_type, blind.time_in_force, blind.reason) == (OrderType.MARKET, TimeInForce.GTC, "time")


def test_the_module_remembers_what_it_holds():
    assert MODULE.remember(context(book(CRYPTO, held()), market({}), KNOBS, US_HOUR)) == {
        "held BTC/USD": US_HOUR.isoformat()
    }


def test_a_year_has_no_closed_day():
    assert bars_per_year(60) == 8760


def test_symbols_are_read_as_pairs_against_the_dollar():
    assert universe_of(["btc", "ETH/USD", "BTC"]) == {"pairs": ("BTC/USD", "ETH/USD")}


@pytest.mark.parametrize(
    ("symbol", "price", "tick", "lot", "least"),
    [
        ("BTC/USD", "77000", "0.1", "0.00001", "0.0001"),
        ("DOGE/USD", "0.12", "0.00001", "1", "100"),
        ("XMR/USD", "160.5", "0.01", "0.001", "0.1"),
        ("YFI/USD", "123456", "1", "0.000001", "0.0001"),
    ],
)
def test_the_grid_of_a_pair(symbol, price, tick, lot, least):
    grid = instrument(symbol, Decimal(price))
    assert (grid.tick_size, grid.lot_size, grid.min_qty) == (Decimal(tick), Decimal(lot), Decimal(least))
