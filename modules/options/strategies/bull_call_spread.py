"""Bull call spread: the underlying rises and options are not cheap, so a further call pays part of the one bought."""

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
    """Return a bought call and a sold one of the same expiry at a higher strike."""
    return first_fitting(
        (picks for expiry in expiries(view, parameters) for picks in _spreads(view, expiry, parameters)), parameters
    )


def _spreads(view: ChainView, expiry: date, parameters: OptionsParameters) -> Iterator[Picks]:
    calls = tradable(view, expiry, OptionRight.CALL, parameters)
    for bought in by_delta(calls, parameters.selection.long_delta, parameters)[:1]:
        for sold in by_delta(calls, parameters.selection.debit_short_delta, parameters):
            if sold.quote.strike > bought.quote.strike:
                yield (Pick(bought, Side.BUY), Pick(sold, Side.SELL))
