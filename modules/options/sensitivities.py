"""The Greeks of what is held: from this cycle's priced chain, from the feed where the chain was not priced there."""

from __future__ import annotations

import math

from modules.options.marks import open_legs
from modules.options.reading import Reading
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.positions import Position

_NAMES = ("delta", "gamma", "vega", "theta")


def unit_greeks(position: Position, reading: Reading) -> Greeks | None:
    """Return the Greeks of one unit in USD; None for shares, and when a contract has none now."""
    legs, spot = open_legs(position), float(reading.spot)
    if not legs or not all(is_occ(leg.symbol) for leg in legs):
        return None
    totals = dict.fromkeys(_NAMES, 0.0)
    for leg in legs:
        known = _contract_greeks(leg.symbol, reading)
        if known is None:
            return None
        contracts = float(leg.qty * leg.multiplier / position.units)
        totals = {name: totals[name] + contracts * known[name] for name in _NAMES}
    return Greeks(
        delta_usd=totals["delta"] * spot,
        gamma_usd=totals["gamma"] * spot**2,
        vega_usd=totals["vega"],
        theta_usd=totals["theta"],
    )


def _contract_greeks(symbol: str, reading: Reading) -> dict[str, float] | None:
    """Return what one contract's Greeks are per share of its underlying, None unless all are known."""
    priced = next((one for one in reading.view.contracts if one.quote.symbol == symbol), None)
    for source in (priced, reading.quotes.get(symbol)):
        values = {name: getattr(source, name, None) for name in _NAMES}
        if all(value is not None and math.isfinite(value) for value in values.values()):
            return {name: float(value) for name, value in values.items() if value is not None}
    return None
