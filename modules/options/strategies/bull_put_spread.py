"""Bull put spread: the underlying does not fall and options are rich. A further put bounds the loss of the one sold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from modules.options.parameters import OptionsParameters
from modules.options.regime import Regime
from modules.options.selection import by_delta, expiries, first_fitting, tradable
from modules.options.structures import Pick, Picks
from orchestrator.domain.chains import ChainView
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Side


def legs(view: ChainView, regime: Regime, parameters: OptionsParameters) -> Picks:
    """Return a sold put and a bought one of the same expiry at a lower strike."""
    return first_fitting(
        (picks for expiry in expiries(view, parameters) for picks in _spreads(view, expiry, parameters)), parameters
    )


def _spreads(view: ChainView, expiry: date, parameters: OptionsParameters) -> Iterator[Picks]:
    puts = tradable(view, expiry, OptionRight.PUT, parameters)
    for sold in by_delta(puts, -parameters.selection.credit_short_delta, parameters)[:1]:
        for bought in by_delta(puts, -parameters.selection.credit_long_delta, parameters):
            if bought.quote.strike < sold.quote.strike:
                yield (Pick(sold, Side.SELL), Pick(bought, Side.BUY))
