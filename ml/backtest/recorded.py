"""What a backtest of options is run on: recorded moments, what the market showed at each, and the venue's terms.

Only the protocol is here. Who reads a folder fulfils it (`orchestrator.cli.backtest.chains`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from orchestrator.domain.market import DataRequest, MarketSnapshot
from orchestrator.domain.orders import Side


@dataclass(frozen=True, slots=True)
class Closed:
    """A session that ended: what expires with it is settled."""

    at: datetime
    day: date


@dataclass(frozen=True, slots=True)
class Paid:
    """A cash dividend of a stock, USD a share, on its ex-date."""

    at: datetime
    symbol: str
    cash: Decimal


Event = Closed | Paid


class Touch(Protocol):
    """Bid and ask of a stock or contract, None where nobody quotes, and its last trade; USD."""

    @property
    def ts(self) -> datetime:
        """When it was made."""

    @property
    def bid(self) -> Decimal | None:
        """The best bid."""

    @property
    def ask(self) -> Decimal | None:
        """The best ask."""

    @property
    def bid_size(self) -> Decimal:
        """Units at the bid."""

    @property
    def ask_size(self) -> Decimal:
        """Units at the ask."""

    @property
    def last(self) -> Decimal:
        """The last trade."""


class Quoted(Protocol):
    """What orders are filled at and holdings valued at; the same questions have the same answers, in any order."""

    def touch(self, symbol: str, now: datetime) -> Touch | None:
        """Return the newest quote of a stock or contract; None if there was none."""


class Recorded(Quoted, Protocol):
    """A recorded market, with what a module sees of it."""

    moments: Sequence[datetime]
    """When the module looks, in order."""

    def snapshot(self, request: DataRequest, now: datetime) -> MarketSnapshot:
        """Return what a module sees at a moment, as the desk's market data would show it."""

    def events(self, after: datetime, until: datetime) -> Sequence[Event]:
        """Return what happened in (after, until], in order."""


class House(Protocol):
    """What the venue charges, and what it keeps back for sold options."""

    def fee(self, symbol: str, side: Side, *, qty: Decimal, price: Decimal) -> Decimal:
        """Return the fee of an execution, USD."""

    def collateral(self, held: Mapping[str, Decimal]) -> Decimal | None:
        """Return the cash that these holdings tie up, by symbol, USD; None where a loss has no bound."""
