"""Covered call: shares are held and options are rich. It finds the call; `modules.options.lots` keeps the pair."""

from __future__ import annotations

from modules.options.parameters import OptionsParameters
from modules.options.regime import Regime
from modules.options.selection import by_delta, expiries, first_fitting, tradable
from modules.options.structures import Pick, Picks
from orchestrator.domain.chains import ChainView
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Side


def legs(view: ChainView, regime: Regime, parameters: OptionsParameters) -> Picks:
    """Return the call to sell against each lot of 100 shares: out of the money, so that the shares may still gain."""
    wanted = parameters.selection.covered_delta
    return first_fitting(
        (
            (Pick(call, Side.SELL),)
            for expiry in expiries(view, parameters)
            for call in by_delta(tradable(view, expiry, OptionRight.CALL, parameters), wanted, parameters)
            if call.quote.strike > view.spot
        ),
        parameters,
    )
