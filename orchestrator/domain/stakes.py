"""What a holding, an unfinished entry or a wanted unit puts at stake: its Greeks, its worst, its ordinary day.

One shape for shares, coins and option structures, so that limits on the whole desk add them up alike. Where a holding
does not tell enough, the larger risk is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import OptionRight, is_occ, parse_occ
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Leg, Order, Purpose, Side
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.domain.sectors import INVERSE, underlying_of
from orchestrator.domain.var import daily_sigma, shock_losses

SHOCK_MOVES = (-0.20, -0.10, -0.05, 0.05, 0.10, 0.20)
"""Moves of every underlying at once; a leveraged fund moves by its multiple."""

SHOCK_VOL_POINTS = (-5.0, 0.0, 10.0)
"""Moves of every volatility at once, in points."""

UNKNOWN_VOL = 0.6
"""Annual volatility of what tells none."""

_WORST_DAY_SIGMAS = 2.326
"""Sigmas between nothing and the 99 % quantile: a bounded loss counts as if it were that quantile."""

_ONE = Decimal(1)


class Stake(NamedTuple):
    """What something puts at stake, USD.

    Parameters
    ----------
    symbol
        Whose history says how it moves: the symbol itself, of options the underlying.
    delta_usd, gamma_usd, vega_usd, theta_usd
        Greeks against the market that it follows: a fund of multiple 3 has three times its value as delta.
    own_usd
        Gain for a rise of `symbol`'s own price by 100 %, signed.
    worst_usd
        The most it can lose; infinite for what is sold without a bound.
    sigma_usd
        One standard deviation of a day where `symbol` has no history.
    """

    symbol: str
    delta_usd: float
    own_usd: float
    worst_usd: float
    sigma_usd: float
    gamma_usd: float = 0.0
    vega_usd: float = 0.0
    theta_usd: float = 0.0

    @property
    def curved(self) -> bool:
        """Whether it is more than a multiple of a price: its loss must be looked at move by move."""
        return self.gamma_usd != 0.0 or self.vega_usd != 0.0 or self.own_usd < 0.0

    @property
    def greeks(self) -> dict[str, float]:
        """The fields of `Greeks`."""
        return {
            "delta_usd": self.delta_usd,
            "gamma_usd": self.gamma_usd,
            "vega_usd": self.vega_usd,
            "theta_usd": self.theta_usd,
        }


_SENSITIVITY = attrgetter("delta_usd", "gamma_usd", "vega_usd", "worst_usd")
"""Of a stake, in the order of `Sensitivity`."""


def of_position(position: Position, usd: Decimal | None = None) -> Stake:
    """Return what an open position has at stake; `usd` is its gross exposure, where that is known already."""
    return _stake(
        position.legs,
        usd=position.gross_exposure if usd is None else usd,
        short=len(position.legs) == 1 and position.legs[0].qty < ZERO,
        leverage=position.leverage,
        greeks=None if position.greeks is None else position.greeks.times(float(position.units)),
        max_loss=None if position.max_loss_usd is None else position.max_loss_usd * position.units,
        annual_vol=position.annual_vol,
    )


def of_entry(order: Order) -> Stake | None:
    """Return what an unfinished entry may still put at stake, None for any other order."""
    intent, leaves = order.intent, order.outstanding_qty
    if intent.purpose is not Purpose.ENTRY or leaves == 0:
        return None
    return _stake(
        intent.legs,
        usd=intent.reserved_usd * leaves / intent.qty,
        short=len(intent.legs) == 1 and intent.side.sign < 0,
        leverage=intent.leverage,
        greeks=None if intent.greeks is None else intent.greeks.times(float(leaves)),
        max_loss=None if intent.max_loss_usd is None else intent.max_loss_usd * leaves,
        annual_vol=intent.annual_vol,
    )


def of_unit(opportunity: TradeOpportunity, usd: Decimal | None = None) -> Stake:
    """Return what one unit of an opportunity would put at stake; `usd` is its worst notional, where that is known."""
    return _stake(
        opportunity.legs,
        usd=opportunity.worst_notional_usd if usd is None else usd,
        short=len(opportunity.legs) == 1 and opportunity.side.sign < 0,
        leverage=opportunity.instrument.leverage,
        greeks=opportunity.greeks,
        max_loss=opportunity.max_loss_usd,
        annual_vol=opportunity.annual_vol,
    )


def of_foreign(symbol: str, usd: Decimal) -> Stake:
    """Return what a holding of somebody else has at stake: its worth, of no known volatility."""
    leg = Leg(symbol=symbol, side=Side.BUY)
    return _stake([leg], usd=usd, short=False, leverage=_ONE, greeks=None, max_loss=None, annual_vol=UNKNOWN_VOL)


def stakes(book: BookDoc, gross: Mapping[str, Decimal]) -> Iterator[Stake]:
    """Yield what a book's positions and unfinished entries have at stake; `gross` exposure by position id."""
    for key, position in book.positions.items():
        if gross[key] or not position.flat:
            yield of_position(position, gross[key])
    for order in book.orders.values():
        if (stake := of_entry(order)) is not None:
            yield stake


def shock_table(held: Iterable[Stake]) -> tuple[float, ...]:
    """Return the loss in USD under each stated move of price and volatility; row by row, volatility fastest."""
    return tuple(shock_losses(map(_SENSITIVITY, held), SHOCK_MOVES, SHOCK_VOL_POINTS).ravel().tolist())


def unit_losses(stake: Stake) -> tuple[float, ...]:
    """Return the `shock_table` of one stake."""
    if stake.curved:
        return shock_table([stake])
    return tuple([loss for loss in straight_losses(stake) for _ in SHOCK_VOL_POINTS])


def straight_losses(stake: Stake) -> tuple[float, ...]:
    """Return the loss in USD under each stated move of price of what is not curved: the same at every volatility."""
    delta, worst = stake.delta_usd, stake.worst_usd
    return tuple([worst if worst < (loss := -delta * move) else loss for move in SHOCK_MOVES])


def _stake(
    legs: Sequence[Leg | PositionLeg],
    *,
    usd: Decimal,
    short: bool,
    leverage: Decimal,
    greeks: Greeks | None,
    max_loss: Decimal | None,
    annual_vol: float,
) -> Stake:
    name, size = legs[0].symbol, float(usd)
    symbol = underlying_of(name)
    if max_loss is None:
        worst = math.inf if short else abs(size)
        sigma = daily_sigma(size, annual_vol if annual_vol > 0 else UNKNOWN_VOL)
    else:
        worst = float(max_loss)
        sigma = worst / _WORST_DAY_SIGMAS
    if greeks is not None:
        delta = greeks.delta_usd
        return Stake(symbol, delta, delta, worst, sigma, greeks.gamma_usd, greeks.vega_usd, greeks.theta_usd)
    own = size if leverage == _ONE else size / float(leverage or 1)
    falls = short != (len(legs) == 1 and _moves_against(name))
    return Stake(symbol, -size if falls else size, -own if short else own, worst, sigma)


def _moves_against(name: str) -> bool:
    """Whether holding it gains when its market falls: an inverse fund, or a put whose Greeks are not known."""
    return name in INVERSE or (is_occ(name) and parse_occ(name).right is OptionRight.PUT)
