"""Searches the parameters of a module that trades options, on the chains that the desk kept.

A row is a session, seen once: at the last moment that was kept of it, and of its chains the ladder, which shows what
was bought until it is left. Every run begins with the owner's limits, the desk's equity, nothing held, and what the
module remembered then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

import numpy as np

from ml.backtest import options
from ml.backtest.house import UsBroker
from ml.backtest.kept import KeptChains
from ml.tuning.space import Knob, knob, with_values
from orchestrator.domain.base import ZERO
from orchestrator.domain.chains import NEW_YORK, ladder
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    ChainsDoc,
    ExposureDoc,
    RiskLimitsDoc,
)
from orchestrator.domain.market import Floats, Panel
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import RiskLimits
from orchestrator.module import TradingModule
from orchestrator.ports import Store

NAME = "structures"
TRIALS = 24
"""Sets of values tried on each training window: a run on chains takes longer than one on bars."""
_SESSIONS_A_YEAR = 252.0
_ROUND = Decimal(100_000)
_MOST_DAYS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Earned:
    """What a run on some sessions earned; fulfils `ml.backtest.score.Earned`."""

    returns: Floats
    count: int


@dataclass(frozen=True, slots=True)
class Account:
    """What every run trades with: USD, the owner's limits, and what costs are multiplied by."""

    capital: Decimal
    limits: RiskLimits
    cost_times: Decimal = Decimal(1)


def account_of(store: Store) -> Account:
    """Return the desk's equity and the owner's limits as they are stored; of a desk without equity, a round sum.

    Raises
    ------
    MalformedDataError
        One of the documents is damaged.
    """
    found = store.get_many([CONFIG_RISK, DESK_EXPOSURE])
    limits, equity = RiskLimits(), ZERO
    if CONFIG_RISK in found:
        limits = decode(RiskLimitsDoc, found[CONFIG_RISK].data, where=CONFIG_RISK).limits
    if DESK_EXPOSURE in found:
        equity = decode(ExposureDoc, found[DESK_EXPOSURE].data, where=DESK_EXPOSURE).equity
    return Account(equity if equity > 0 else _ROUND, limits)


@dataclass(frozen=True, slots=True)
class ChainStage:
    """A module, what trades now, and the sessions it is tried on; fulfils `ml.tuning.walkforward.Stage`.

    Parameters
    ----------
    module
        Asked for its decisions only.
    searched
        Names of the parameters to search.
    """

    module: TradingModule
    champion: Parameters
    searched: tuple[str, ...]
    market: KeptChains
    account: Account
    trials: int = TRIALS
    name: str = NAME
    prefix: str = ""
    unit: str = "sessions of chains"
    per_year: float = _SESSIONS_A_YEAR

    @property
    def rows(self) -> int:
        """How many sessions there are."""
        return len(self.market.moments)

    def knobs(self) -> tuple[Knob, ...]:
        """Return what is searched."""
        bounds = self.champion.bounds()
        return tuple(knob(self.champion, name, bounds[name]) for name in self.searched)

    def warmup(self, knobs: tuple[Knob, ...]) -> int:
        """Return the sessions that candidates need first: none, for what they look back on is in bars and memory."""
        return 0

    def run(self, values: Mapping[str, float], rows: slice, *, warmup: int) -> Earned:
        """Return what the champion with `values` earns on some sessions; what is open at their end is at its mark."""
        market, account = self.market.between(rows), self.account
        memory = self.market.memory(rows.start)
        terms = options.Terms(account.capital, account.limits, UsBroker(), account.cost_times, memory)
        found = options.run(self.module, with_values(self.champion, values), market, terms)
        before = np.concatenate([[float(account.capital)], found.equity[:-1]])
        return Earned(found.equity / before - 1.0, len(found.ended))

    def dearer(self, times: float) -> Self:
        """Return the same at a multiple of the costs."""
        dear = self.account.cost_times * Decimal(repr(times))
        return replace(self, account=replace(self.account, cost_times=dear))

    def at(self, row: int) -> str:
        """Return when a session was seen, ISO."""
        return self.market.moments[row].isoformat()

    def record(self) -> dict[str, Any]:
        """Return what it is tried on, for the version's provenance."""
        symbols = dict.fromkeys(name for doc in self.market.docs for name in doc.underlyings)
        return {"sessions": self.rows, "symbols": list(symbols), "capital": str(self.account.capital)}


def last_of_sessions(docs: Iterable[ChainsDoc]) -> tuple[ChainsDoc, ...]:
    """Return the last document of each session, oldest first; `docs` are in order."""
    return tuple({_session(doc.at): doc for doc in docs}.values())


def ladders(docs: Sequence[ChainsDoc], panel: Panel) -> KeptChains:
    """Return sessions as the search sees them."""
    return KeptChains(docs, panel, lambda chain, at: ladder(chain, at, most_days=_MOST_DAYS))


def _session(at: datetime) -> str:
    return at.astimezone(NEW_YORK).date().isoformat()
