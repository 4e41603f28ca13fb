"""The bars of past days: what is stored, else what the venue still knows; and which symbols lack some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from orchestrator.domain.errors import BrokerError, DataError
from orchestrator.domain.market import Bars, DataRequest, Panel, panel_of
from orchestrator.domain.series import DAILY, timeframe_of
from orchestrator.ports import MarketData

Stored = Callable[[str, int, date, date], Bars]
"""Returns the stored bars of a symbol and timeframe on the days of [first, last]; raises DataError."""
_WARM_DAYS, _WARM_DAYS_HOURLY, _WARM_DAYS_SHORT = 500, 60, 20
"""Calendar days of history in front of the first day that is compared: of days, hours, and bars below an hour."""
_HOURLY = 60
_REACH = timedelta(days=5)
"""No market of ours is closed for longer."""


@dataclass(frozen=True, slots=True)
class Known:
    """A panel of one timeframe, and why symbols are not in it, or lack rows of the days asked for."""

    panel: Panel
    lacking: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where bars come from; `asked` is the venue, None = only what is stored counts."""

    stored: Stored
    asked: MarketData | None
    now: datetime

    def known(self, symbols: Sequence[str], minutes: int, days: tuple[date, date], *, holes: float = 0.0) -> Known:
        """Return the bars of these symbols on the days of [first, last], with what strategies warm up on before.

        `holes` is the share of a symbol's rows that may be missing: those in which nothing was traded.
        """
        first, last = days
        begin = first - timedelta(days=_warm_days(minutes))
        found: dict[str, Bars] = {}
        lacking: dict[str, str] = {}
        for symbol in symbols:
            try:
                found[symbol] = self.stored(symbol, minutes, begin, last)
            except DataError as error:
                lacking[symbol] = str(error)
            else:
                if not len(found[symbol]):
                    del found[symbol]
                    lacking[symbol] = f"no {timeframe_of(minutes)} bars of it are stored"
        if lacking and self.asked is not None:
            told = self._from_venue(self.asked, tuple(lacking), minutes, begin)
            found |= told
            lacking = {symbol: why for symbol, why in lacking.items() if symbol not in told}
        panel = _until(panel_of(found), last)
        return Known(panel, {**lacking, **_lacking(panel, minutes, days, holes=holes)})

    def _from_venue(
        self, market: MarketData, symbols: tuple[str, ...], minutes: int, begin: date
    ) -> Mapping[str, Bars]:
        days = (self.now.date() - begin).days + 1
        asked = DataRequest(bars={minutes: symbols}, lookback_days={minutes: days})
        try:
            panel = market.snapshot(asked, self.now).panels.get(minutes)
        except BrokerError:
            return {}
        return {} if panel is None else {symbol: _own(panel, symbol) for symbol in panel.symbols}


def _warm_days(minutes: int) -> int:
    if minutes >= DAILY:
        return _WARM_DAYS
    return _WARM_DAYS_HOURLY if minutes >= _HOURLY else _WARM_DAYS_SHORT


def _own(panel: Panel, symbol: str) -> Bars:
    column = panel.column(symbol)
    rows = np.isfinite(panel.close[:, column])
    arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    return Bars(panel.ends[rows], *(array[rows, column] for array in arrays))


def _until(panel: Panel, last: date) -> Panel:
    end = datetime.combine(last + timedelta(days=1), time(), UTC)
    return panel[: int(np.searchsorted(panel.ends, int(end.timestamp()), side="right"))]


def _lacking(panel: Panel, minutes: int, days: tuple[date, date], *, holes: float) -> dict[str, str]:
    """Return why symbols of the panel cannot tell of the whole span: no bar at its end, or fewer than others have."""
    first, last = days
    begin = int(datetime.combine(first, time(), UTC).timestamp())
    late = int(datetime.combine(last - _REACH, time(), UTC).timestamp())
    inside = panel.ends > begin
    found = {}
    for column, symbol in enumerate(panel.symbols):
        there = np.isfinite(panel.close[:, column])
        newest = int(panel.ends[there][-1]) if there.any() else 0
        missing = int((inside & ~there).sum())
        if newest < late:
            found[symbol] = f"its {timeframe_of(minutes)} bars end on {datetime.fromtimestamp(newest, UTC):%Y-%m-%d}"
        elif missing > holes * int(inside.sum()):
            found[symbol] = f"{missing} of {int(inside.sum())} bars of {timeframe_of(minutes)} are missing"
    return found
