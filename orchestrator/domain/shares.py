"""A module's share of the desk's exposure: what the others must know of it to keep within common limits."""

from __future__ import annotations

from datetime import date

from orchestrator.domain.base import ZERO, Amount, Value
from orchestrator.domain.greeks import Greeks


class ModuleExposure(Value):
    """What a module holds and has reserved, in USD; updated when its orders or positions change."""

    held_usd: Amount = ZERO
    reserved_usd: Amount = ZERO
    symbols: dict[str, Amount] = {}
    """Held plus reserved plus foreign, by symbol."""
    open_positions: int = 0
    entering: int = 0
    """Unfinished entries that have opened no position so far."""
    foreign_usd: Amount = ZERO
    """What others hold and may buy in the account, as far as its worth is known; counts to no allocation."""
    quantities: dict[str, Amount] = {}
    """Signed quantity by leg: what of a shared account is this module's."""
    venue: str = ""
    """Venue of its account."""
    strategies: dict[str, Amount] = {}
    """Held plus reserved, by strategy."""
    long_usd: Amount = ZERO
    """Held plus reserved at delta, leveraged funds at their multiple: what gains when its market rises."""
    short_usd: Amount = ZERO
    """The same of what gains when its market falls; positive."""
    greeks: dict[str, Greeks] = {}
    """Held plus reserved, by underlying."""
    frozen: dict[str, str] = {}
    """Symbols in which nobody may add exposure, and why: an order in doubt, a quarantine."""
    buying: tuple[str, ...] = ()
    selling: tuple[str, ...] = ()
    """Symbols of legs that unfinished orders buy and sell."""
    shock_usd: tuple[float, ...] = ()
    """Loss under each stated move of price and volatility (`orchestrator.domain.stakes`)."""
    gains_day: date | None = None
    gains_usd: tuple[float, ...] = ()
    """What held and reserved would have gained on each business day up to `gains_day`."""
    unseen_sigma_usd: float = 0.0
    """One sigma of a day of what has no such history."""
