"""Long call: the underlying rises and options are cheap. The premium is all that can be lost."""

from __future__ import annotations

from modules.options.parameters import OptionsParameters
from modules.options.regime import Regime
from modules.options.selection import by_delta, expiries, first_fitting, tradable
from modules.options.structures import Pick, Picks
from orchestrator.domain.chains import ChainView
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Side


def legs(view: ChainView, regime: Regime, parameters: OptionsParameters) -> Picks:
    """Return the call nearest to the wanted delta whose premium fits the budget."""
    wanted = parameters.selection.long_delta
    return first_fitting(
        (
            (Pick(call, Side.BUY),)
            for expiry in expiries(view, parameters)
            if view.days_to_expiry(expiry) >= parameters.selection.long_min_days
            for call in by_delta(tradable(view, expiry, OptionRight.CALL, parameters), wanted, parameters)
        ),
        parameters,
    )
