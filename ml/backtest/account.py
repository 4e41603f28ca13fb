"""The account that a backtest trades in: its capital, when orders are filled, what trades cost, what limits it has."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np

from ml.backtest import layout
from orchestrator.domain.base import ModuleName
from orchestrator.domain.risk import RiskLimits

NONE = float("inf")
"""A limit that is off."""


class Fill(StrEnum):
    """When what a bar's close decides is filled, and what is looked at in between."""

    NEXT_OPEN = "next_open"
    SAME_CLOSE = "same_close"
    """At the very close that decides: what the desk does, which acts seconds after it, and the more hopeful of both."""
    MOMENTS = "moments"
    """As the desk on a replay of daily bars: it looks at the open and at the close (`ml.backtest.unfolded`), trades at
    the touch on the grid of prices, and only the stop that lies at the venue works within the bar."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs; nothing by default.

    Parameters
    ----------
    fee
        Of each side, as a fraction of its notional.
    fee_per_unit, least_fee
        Of each side, in the capital's currency: for each unit, and at least.
    half_spread
        Half of bid to ask, as a fraction of the price; each fill is that much worse.
    impact
        How much worse a fill is that trades as much as the whole bar, in expected moves of one bar; a smaller one is
        by the square root of its share.
    borrow
        Of sold positions, as a fraction of their worth and year.
    sale_fee, sale_fee_per_unit
        Of each sale, on top of the others: of its notional, and for each unit.
    fee_step
        What the fees of a fill are rounded up to, in the capital's currency; 0 = not rounded.
    through
        How far above the ask an entry's limit is, as a fraction: what caps count it at, at `Fill.MOMENTS` only.
    """

    fee: float = 0.0
    fee_per_unit: float = 0.0
    least_fee: float = 0.0
    half_spread: float = 0.0
    impact: float = 0.0
    borrow: float = 0.0
    sale_fee: float = 0.0
    sale_fee_per_unit: float = 0.0
    fee_step: float = 0.0
    through: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The desk's limits, as fractions of equity where not said otherwise; off by default.

    Parameters
    ----------
    risk_per_trade
        Largest loss of one position at its stop.
    strategy, symbol, gross
        Largest exposure of one strategy, in one symbol, of all.
    min_order
        Smallest order, in the capital's currency.
    volume_share
        Largest entry, as a fraction of the volume of the bar that decided it; exits are never cut.
    daily_loss
        Loss of a UTC day from which nothing is opened for the rest of it.
    drawdown_reducing, drawdown_halted
        Fall below the highest equity from which nothing is opened, and from which all is left for good.
    """

    risk_per_trade: float = NONE
    strategy: float = NONE
    symbol: float = NONE
    gross: float = NONE
    min_order: float = 0.0
    volume_share: float = NONE
    daily_loss: float = NONE
    drawdown_reducing: float = NONE
    drawdown_halted: float = NONE


def limits_of(limits: RiskLimits, module: ModuleName) -> Limits:
    """Return what a backtest of one module can keep of the owner's limits."""
    return Limits(
        risk_per_trade=float(limits.risk_per_trade),
        strategy=float(limits.strategy_concentration),
        symbol=float(limits.symbol_concentration),
        gross=float(min(limits.module_allocation.get(module, limits.gross_exposure), limits.gross_exposure)),
        min_order=float(limits.min_order_usd),
        volume_share=float(limits.volume_share),
        daily_loss=float(limits.daily_loss),
        drawdown_reducing=float(limits.drawdown_reducing),
        drawdown_halted=float(limits.drawdown_halted),
    )


@dataclass(frozen=True, slots=True)
class Account:
    """What all strategies of a run share.

    Parameters
    ----------
    capital
        At the start.
    compound
        Whether sizes follow the equity; else they stay those of the capital at the start.
    short
        Whether a target of -1 sells what is not held.
    """

    capital: float = 1.0
    compound: bool = False
    fill: Fill = Fill.NEXT_OPEN
    short: bool = False
    costs: Costs = Costs()
    limits: Limits = Limits()

    @property
    def watched(self) -> bool:
        """Whether losses put a brake on."""
        return min(self.limits.daily_loss, self.limits.drawdown_reducing, self.limits.drawdown_halted) < NONE

    def purse(self, *, least_stop: float) -> Any:
        """Return the account as the compiled code keeps it, before the first bar; `least_stop` is a fraction."""
        found = np.zeros(1, layout.PURSE)[0]
        for name in ("cash", "equity", "peak", "day_start", "capital"):
            found[name] = self.capital
        found["day"] = found["quiet_day"] = -1.0
        found["compound"], found["short"], found["least_stop"] = self.compound, self.short, least_stop
        found["same_close"], found["moments"] = self.fill is not Fill.NEXT_OPEN, self.fill is Fill.MOMENTS
        for terms in (self.costs, self.limits):
            for one in fields(terms):
                found[one.name] = getattr(terms, one.name)
        return found
