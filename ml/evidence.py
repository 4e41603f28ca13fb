"""What the job learns from: closed trades, decision traces and bars, through the same ports as live trading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from math import ceil
from typing import Any

import numpy as np

from ml.validation.panels import sound
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import ChainsDoc, CycleDoc, OpportunityTrace, TradeDoc
from orchestrator.domain.errors import BrokerAuthError, BrokerError
from orchestrator.domain.market import DataRequest, Panel, panel_of
from orchestrator.domain.orders import Purpose
from orchestrator.domain.pages import every
from orchestrator.domain.positions import Trade
from orchestrator.domain.tuning import Tunable
from orchestrator.ports import MarketData, Snapshot, Store, Where

MOST_TRADES = 1000
MOST_CYCLES = 1000
_DAILY = 1440
_DAILY_LOOKBACK_DAYS = 800
_HOURLY = 60
_HOURLY_LOOKBACK_DAYS = 400
_SHORT_BARS = 1500
_SHORTEST_SESSION_MINUTES = 390
_BPS = 10_000.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """Closed trades and decision traces of a module, newest first."""

    trades: tuple[Trade, ...]
    cycles: tuple[CycleDoc, ...]

    @property
    def entries(self) -> list[OpportunityTrace]:
        """Every entry that was proposed, taken or not."""
        return [one for cycle in self.cycles for one in cycle.opportunities if one.purpose == Purpose.ENTRY.value]

    @property
    def proposals(self) -> list[dict[str, float]]:
        """Features of every entry that was proposed, its confidence among them."""
        return [{**one.features, "confidence": one.confidence} for one in self.entries]

    def record(self) -> dict[str, Any]:
        """Return the counts for a version's provenance."""
        entries = self.entries
        denied = Counter(one.code or "none" for one in entries if one.verdict == "denied")
        return {
            "closed_trades": len(self.trades),
            "cycles": len(self.cycles),
            "entries_proposed": len(entries),
            "entries_approved": sum(one.verdict != "denied" for one in entries),
            "entries_denied_by_code": dict(sorted(denied.items())),
        }


def recorded(store: Store, module: ModuleName, now: datetime) -> Recorded:
    """Return what the desk recorded of a module until `now`: the newest trades and traces.

    Raises
    ------
    MalformedDataError
        A stored document is damaged; the message names it.
    """

    def trades(until: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query(
            "trades",
            [Where("module", "==", module.value), Where("closed_at", "<=", until)],
            order_by="-closed_at",
            limit=limit,
        )

    def cycles(until: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query(
            "cycles", [Where("module", "==", module.value), Where("slot", "<=", until)], order_by="-slot", limit=limit
        )

    closed = islice(every(trades, now, by="closed_at"), MOST_TRADES)
    traced = islice(every(cycles, now, by="slot"), MOST_CYCLES)
    return Recorded(
        trades=tuple(decode(TradeDoc, one.data, where=one.path).trade for one in closed),
        cycles=tuple(decode(CycleDoc, one.data, where=one.path) for one in traced),
    )


def cost_of_side(tunable: Tunable, known: Recorded) -> dict[str, float]:
    """Return what one side of a trade costs, in basis points of its notional, and what that is made of.

    Notes
    -----
    The stated cost, or what was measured where that is more: median fee, and the larger of half the median spread of
    approved entries and the median slippage of entries.
    """
    approved = [one.features["spread_bps"] for one in known.entries if "spread_bps" in one.features]
    fees = [
        float(trade.fees / (2 * trade.qty * trade.entry_px)) * _BPS
        for trade in known.trades
        if trade.qty > 0 and trade.entry_px > 0
    ]
    half_spread = float(np.median(approved)) / 2 if approved else 0.0
    slippage = float(np.median([trade.entry_slippage_bps for trade in known.trades])) if known.trades else 0.0
    fee = float(np.median(fees)) if fees else 0.0
    used = max(tunable.cost_bps, fee + max(half_spread, slippage))
    return {
        "used_bps": used,
        "stated_bps": tunable.cost_bps,
        "measured_fee_bps": fee,
        "measured_half_spread_bps": half_spread,
        "measured_slippage_bps": slippage,
    }


def kept_chains(store: Store, module: ModuleName, begin: datetime, end: datetime) -> Iterator[ChainsDoc]:
    """Yield what a module saw in (begin, end], as far as it was kept, oldest first; read page by page.

    Raises
    ------
    MalformedDataError
        A document is damaged; the message names it.
    """

    def page(since: datetime, limit: int) -> Sequence[Snapshot]:
        return store.query(
            "chains", [Where("module", "==", module.value), Where("at", ">=", since)], order_by="at", limit=limit
        )

    for one in every(page, begin, by="at"):
        if one.data["at"] > end:
            return
        if one.data["at"] > begin:
            yield decode(ChainsDoc, one.data, where=one.path)


@dataclass(slots=True)
class BarSource:
    """Bars of a module's universe by timeframe, read when first asked for, without those that are not to be used."""

    tunable: Tunable
    data: MarketData
    now: datetime
    _panels: dict[int, Panel] = field(default_factory=dict)
    _missing: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, dict[str, str]] = field(default_factory=dict)
    """Why a symbol's bars are not learned from, by timeframe and symbol."""

    def panel(self, minutes: int) -> Panel:
        """Return the bars of all symbols on one time axis, as far back as is learned from; without any, an empty panel.

        Raises
        ------
        BrokerAuthError
            The venue does not accept the key.
        """
        if minutes not in self._panels:
            symbols = tuple(dict.fromkeys(s for listed in self.tunable.universe.values() for s in listed))
            asked = DataRequest(bars={minutes: symbols}, lookback_days={minutes: lookback_days(minutes)})
            try:
                found = self.data.snapshot(asked, self.now)
            except BrokerAuthError:
                raise
            except BrokerError as error:
                self._panels[minutes], self._missing[minutes] = panel_of({}), f": {error}"
            else:
                self._panels[minutes], left_out = sound(found.panels.get(minutes, panel_of({})), minutes)
                if left_out:
                    self.left_out[minutes] = left_out
        return self._panels[minutes]

    def missing(self, minutes: int) -> str:
        """Return in words that there are no bars of a timeframe, and why if the venue said so."""
        left_out = "".join(f"; {symbol}: {why}" for symbol, why in self.left_out.get(minutes, {}).items())
        return f"no {minutes}-minute bars of what it trades{self._missing.get(minutes, '')}{left_out}"

    def refusals(self) -> tuple[str, ...]:
        """Return in words which bars were left out, and why."""
        return tuple(
            f"{symbol}, {minutes}-minute bars: {why}"
            for minutes, refused in self.left_out.items()
            for symbol, why in refused.items()
        )


def lookback_days(minutes: int) -> int:
    """Return the calendar days to ask for.

    Of daily bars two years and a quarter, down to hourly ones a year and what warms up before it, else some 1,500 bars.
    """
    if minutes >= _DAILY:
        return _DAILY_LOOKBACK_DAYS
    if minutes >= _HOURLY:
        return _HOURLY_LOOKBACK_DAYS
    return ceil(_SHORT_BARS * minutes / _SHORTEST_SESSION_MINUTES * 7 / 5) + 7
