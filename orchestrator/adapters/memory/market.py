"""Prices in memory: a shipped fake of `MarketData` that tells what it was given, no later than it became known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.adapters.memory.faults import FaultPlan
from orchestrator.domain.market import (
    Bars,
    DataRequest,
    MarketSnapshot,
    OptionChain,
    Quote,
    SessionState,
    panel_of,
    still_missing,
)


@dataclass(slots=True)
class MemoryMarketData:
    """Quotes, bars and chains by script; fulfils `orchestrator.ports.MarketData`.

    `missing` holds symbols that cannot be had, with the reason; `requests` what was asked for.
    """

    session: SessionState = field(default_factory=lambda: SessionState(is_open=True))
    missing: dict[str, str] = field(default_factory=dict)
    faults: FaultPlan = field(default_factory=FaultPlan)
    requests: list[DataRequest] = field(default_factory=list)
    _quotes: dict[str, Quote] = field(default_factory=dict)
    _bars: dict[tuple[int, str], Bars] = field(default_factory=dict)
    _chains: dict[str, OptionChain] = field(default_factory=dict)

    def put_quotes(self, quotes: Iterable[Quote]) -> None:
        """Set the latest quotes."""
        self._quotes.update({quote.symbol: quote for quote in quotes})

    def put_bars(self, minutes: int, symbol: str, bars: Bars) -> None:
        """Set the bars of a symbol; those that end after `now` stay hidden."""
        self._bars[minutes, symbol] = bars

    def put_chain(self, chain: OptionChain) -> None:
        """Set the chain of an underlying."""
        self._chains[chain.underlying] = chain

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what was asked for and is known at `now`.

        Raises
        ------
        BrokerError
            Only by a planned fault.
        """
        self.requests.append(request)
        self.faults.before("snapshot", "memory snapshot")
        missing: dict[str, str] = {}
        quotes = {s: quote for s in request.quotes if (quote := self._quote(s, now, missing)) is not None}
        chains = {u: chain for u in request.chains if (chain := self._chain(u, request, now, missing)) is not None}
        panels = {
            minutes: panel_of({s: bars for s in symbols if (bars := self._known(minutes, s, now, missing)) is not None})
            for minutes, symbols in request.bars.items()
        }
        return MarketSnapshot(
            self.session, quotes, panels, chains, still_missing(missing, request, quotes=quotes, panels=panels)
        )

    def _lacks(self, symbol: str, kind: str, missing: dict[str, str], *, had: bool) -> bool:
        if symbol in self.missing or not had:
            missing[symbol] = self.missing.get(symbol, f"no {kind}")
            return True
        return False

    def _quote(self, symbol: str, now: datetime, missing: dict[str, str]) -> Quote | None:
        quote = self._quotes.get(symbol)
        known = quote is not None and quote.ts <= now
        return None if self._lacks(symbol, "quote", missing, had=known) else quote

    def _known(self, minutes: int, symbol: str, now: datetime, missing: dict[str, str]) -> Bars | None:
        bars = self._bars.get((minutes, symbol))
        shown = None if bars is None else bars.until(now)
        had = shown is not None and len(shown) > 0
        return None if self._lacks(symbol, f"bars of {minutes} minutes", missing, had=had) else shown

    def _chain(
        self, underlying: str, request: DataRequest, now: datetime, missing: dict[str, str]
    ) -> OptionChain | None:
        chain = self._chains.get(underlying)
        if self._lacks(underlying, "chain", missing, had=chain is not None and chain.ts <= now) or chain is None:
            return None
        low, high = request.min_days_to_expiry, request.max_days_to_expiry
        contracts = tuple(c for c in chain.contracts if low <= (c.expiry - now.date()).days <= high)
        return chain.model_copy(update={"contracts": contracts})
