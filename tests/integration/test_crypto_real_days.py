"""The crypto module on recorded markets: hourly bars where there are some, daily ones where there are not."""

from datetime import UTC, date, datetime

import numpy as np

from modules.crypto.module import CryptoModule
from modules.crypto.universe import UNIVERSE
from orchestrator.domain.market import Panel, SessionState
from orchestrator.domain.orders import Purpose
from tests.desk_drill import Drill, module_of
from tests.market_files import crypto, daily_crypto, until

PAIRS = UNIVERSE["pairs"]


def drilled(moments: Panel, panels: dict[int, Panel], first: date, last: date) -> Drill:
    """A look at every bar of `moments`, with the bars that the module asks for at that time."""
    drill = Drill(module_of(CryptoModule, UNIVERSE))
    for row, end in enumerate(moments.ends):
        now = datetime.fromtimestamp(int(end), UTC)
        if first <= now.date() <= last:
            asked = drill.module.request(drill.book, drill.parameters, now).bars
            known = {minutes: until(panels[minutes], now) for minutes in asked if minutes in panels}
            prices = {s: float(p) for s, p in zip(moments.symbols, moments.close[row], strict=True) if np.isfinite(p)}
            drill.step(now, prices, known, SessionState(is_open=True))
    return drill


def timeframes(drill: Drill) -> set[float]:
    return {wish.features["timeframe_minutes"] for wish in drill.said if wish.purpose is Purpose.ENTRY}


def test_five_weeks_of_daily_bars_trade(data_root):
    days = daily_crypto(data_root, PAIRS[:2])
    drill = drilled(days, {1440: days}, date(2026, 7, 16), date(2026, 8, 21))
    assert drill.trades
    assert timeframes(drill) == {1440.0}


def test_a_month_of_quarter_hours_trades_all_pairs_at_the_full_hours(data_root):
    quarters = crypto(data_root, PAIRS, "15m")
    panels = {60: crypto(data_root, PAIRS, "1h"), 1440: crypto(data_root, PAIRS, "1d")}
    drill = drilled(quarters, panels, date(2026, 3, 1), date(2026, 3, 31))
    entries = [wish for wish in drill.said if wish.purpose is Purpose.ENTRY]
    assert {wish.symbol for wish in entries} == set(PAIRS)
    assert {wish.strategy for wish in entries} == {"session_momentum", "session_reversion"}
    assert {wish.decided_at.minute for wish in entries} == {0}
    assert timeframes(drill) == {60.0}
    exits = {wish.decided_at.minute for wish in drill.said if wish.purpose is Purpose.EXIT}
    assert exits > {0}, "stops are watched between the bars"
