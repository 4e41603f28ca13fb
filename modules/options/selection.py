"""Finds contracts: an expiry by days, a strike by delta, only where there is a market. Shared by the strategies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from modules.options.parameters import OptionsParameters
from modules.options.structures import Picks, Ticket, ticket
from modules.options.universe import MULTIPLIER
from orchestrator.domain.chains import ChainView, PricedContract
from orchestrator.domain.instruments import OptionRight


def expiries(view: ChainView, parameters: OptionsParameters) -> list[date]:
    """Return the expiries within the wanted days, the one nearest to the target first."""
    wanted = parameters.selection
    found = [e for e in view.expiries() if wanted.min_days <= view.days_to_expiry(e) <= wanted.max_days]
    return sorted(found, key=lambda e: (abs(view.days_to_expiry(e) - wanted.target_days), e))


def tradable(view: ChainView, expiry: date, right: OptionRight, parameters: OptionsParameters) -> list[PricedContract]:
    """Return the contracts of an expiry that are liquid enough, by ascending strike."""
    limits = parameters.liquidity
    return [
        contract
        for contract in view.of(expiry, right)
        if contract.liquid(max_spread=limits.max_spread, min_open_interest=limits.min_open_interest)
    ]


def by_delta(contracts: Sequence[PricedContract], delta: float, parameters: OptionsParameters) -> list[PricedContract]:
    """Return the contracts within tolerance of a signed delta, the nearest first, lower strikes before equals."""
    near = [c for c in contracts if abs(c.delta - delta) <= parameters.selection.delta_tolerance]
    return sorted(near, key=lambda c: (abs(c.delta - delta), c.quote.strike))


def first_fitting(candidates: Iterable[Picks], parameters: OptionsParameters) -> Picks:
    """Return the first structure that is within the limits of price, loss and reward; empty if none is."""
    for picks in candidates:
        priced = ticket(picks, participation=parameters.liquidity.participation)
        if priced is not None and fits(priced, parameters):
            return picks
    return ()


def fits(priced: Ticket, parameters: OptionsParameters) -> bool:
    """Return whether a structure may be proposed.

    A sold call alone has no bounded loss: it fits by price only, and whoever proposes it holds the shares.
    """
    wanted = parameters.selection
    if priced.concession > Decimal(repr(parameters.liquidity.max_concession)):
        return False
    loss, profit = priced.max_loss, priced.max_profit
    if loss is None:
        return True
    if not 0 < loss * MULTIPLIER <= Decimal(repr(wanted.max_unit_loss_usd)):
        return False
    return profit is None or profit >= loss * Decimal(repr(wanted.min_reward))
