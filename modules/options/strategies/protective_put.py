"""Protective put: shares are held and insurance is cheap. It finds the put; `modules.options.lots` keeps the pair."""

from __future__ import annotations

from modules.options.parameters import OptionsParameters
from modules.options.regime import Regime
from modules.options.selection import by_delta, expiries, first_fitting, tradable
from modules.options.structures import Pick, Picks
from orchestrator.domain.chains import ChainView
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Side


def legs(view: ChainView, regime: Regime, parameters: OptionsParameters) -> Picks:
    """Return the put to buy for each lot of 100 shares."""
    wanted = -parameters.selection.protective_delta
    return first_fitting(
        (
            (Pick(put, Side.BUY),)
            for expiry in expiries(view, parameters)
            for put in by_delta(tradable(view, expiry, OptionRight.PUT, parameters), wanted, parameters)
        ),
        parameters,
    )
