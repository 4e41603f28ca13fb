"""The stocks module on recorded markets: it trades, its stops hold, and it does not carry short bars over a close."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from modules.stocks.module import StocksModule
from modules.stocks.universe import UNIVERSE
from orchestrator.domain.market import SessionState
from orchestrator.domain.orders import Purpose
from tests.desk_drill import Drill, module_of
from tests.market_files import daily_stocks, joined, minute_stocks, until

NEW_YORK = ZoneInfo("America/New_York")
SYMBOLS = tuple(dict.fromkeys(symbol for listed in UNIVERSE.values() for symbol in listed))


def at(moment: datetime, hour: int, minute: int = 0) -> datetime:
    return moment.astimezone(NEW_YORK).replace(hour=hour, minute=minute, second=0).astimezone(UTC)


def drilled_days(root, first: date, last: date) -> Drill:
    """Two looks a day, as a replay of daily bars gives them: at the open, and one second before the close."""
    recent = [symbol for symbol in SYMBOLS if (root / f"equity/daily/recent/{symbol}.csv.gz").exists()]
    funds = daily_stocks(root, ("TQQQ", "UPRO"), "equity/daily/leveraged_adjusted")
    panel = joined(daily_stocks(root, recent), funds)
    drill = Drill(module_of(StocksModule, UNIVERSE))
    for row, end in enumerate(panel.ends):
        close = datetime.fromtimestamp(int(end), UTC)
        if first <= close.date() <= last:
            session = SessionState(is_open=True, close=close + timedelta(seconds=1))
            for now, column in ((at(close, 9, 30), panel.open), (close, panel.close)):
                prices = {s: float(p) for s, p in zip(panel.symbols, column[row], strict=True) if np.isfinite(p)}
                drill.step(now, prices, {1440: until(panel, now)}, session)
    return drill


def drilled_minutes(root, first: date, last: date) -> Drill:
    """A look every five minutes; no daily bar exists."""
    panel = minute_stocks(root, SYMBOLS, 5)
    drill, prices = Drill(module_of(StocksModule, UNIVERSE)), {}
    for row, end in enumerate(panel.ends):
        now = datetime.fromtimestamp(int(end), UTC)
        prices |= {s: float(p) for s, p in zip(panel.symbols, panel.close[row], strict=True) if np.isfinite(p)}
        close = at(now, 13 if now.date() == date(2019, 12, 24) else 16)
        if first <= now.date() <= last and now < close:
            drill.step(now, dict(prices), {5: until(panel, now)}, SessionState(is_open=True, close=close))
    return drill


def test_five_weeks_of_daily_bars_trade_every_kind_of_strategy(data_root):
    drill = drilled_days(data_root, date(2026, 7, 16), date(2026, 8, 21))
    opened = {position.strategy for position in drill.book.positions.values()}
    assert {trade.strategy for trade in drill.trades} | opened == {
        "sector_rotation",
        "momentum",
        "mean_reversion",
        "leveraged",
    }
    assert drill.trades
    hours = {wish.decided_at.astimezone(NEW_YORK).hour for wish in drill.said if wish.purpose is Purpose.ENTRY}
    assert hours == {9, 15}


def test_no_position_loses_much_more_than_its_stop_allows(data_root):
    drill = drilled_days(data_root, date(2025, 9, 1), date(2026, 8, 21))
    worst = min(trade.realized_pnl for trade in drill.trades)
    assert worst > -Decimal(2_000), "one percent of equity at the stop, and as much again for a gap"


def test_a_week_of_five_minute_bars_trades_and_ends_every_day_flat(data_root):
    drill = drilled_minutes(data_root, date(2019, 12, 17), date(2019, 12, 24))
    assert drill.trades
    assert not drill.book.positions
    assert {wish.features["timeframe_minutes"] for wish in drill.said if wish.purpose is Purpose.ENTRY} == {5.0}
    days = {(trade.opened_at.date(), trade.closed_at.date()) for trade in drill.trades}
    assert all(opened == closed for opened, closed in days)
    assert "leveraged" in {trade.strategy for trade in drill.trades}
    half_day = [wish.decided_at for wish in drill.said if wish.decided_at.date() == date(2019, 12, 24)]
    assert max(half_day) < datetime(2019, 12, 24, 18, 0, tzinfo=UTC)
