"""Prices what a strategy picked: net mid, the net price that trades now, and the most one unit can lose or gain.

Net prices are per share: bought minus sold, negative = credit. A single leg has a positive price whichever way it goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from modules.options.universe import MULTIPLIER
from orchestrator.domain.base import ZERO
from orchestrator.domain.chains import PricedContract, touch
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import OptionRight
from orchestrator.domain.orders import Leg, Side


@dataclass(frozen=True, slots=True)
class Pick:
    """One contract of a structure and the way it is traded; one contract per unit."""

    contract: PricedContract
    side: Side


Picks = tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A structure as it can be ordered now."""

    picks: Picks
    mid: Decimal
    limit: Decimal
    """The net of the far touches: what fills at once."""
    quote_ts: datetime
    max_units: Decimal | None
    """Units at the touch by the participation asked for; None where the feed tells no sizes."""
    spread: Decimal
    """Ask less bid of all legs together."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs of one unit."""
        return tuple(Leg(symbol=p.contract.quote.symbol, side=p.side, multiplier=MULTIPLIER) for p in self.picks)

    @property
    def side(self) -> Side:
        """BUY opens several legs as they say; a single leg has its own side."""
        return self.picks[0].side if len(self.picks) == 1 else Side.BUY

    @property
    def concession(self) -> Decimal:
        """What is given up from mid to limit, as a fraction of mid; a structure worth nothing costs everything."""
        return abs(self.limit - self.mid) / abs(self.mid) if self.mid else Decimal(1)

    @property
    def cost(self) -> Decimal:
        """Signed price paid per share at the limit: negative = received."""
        return self.side.sign * self.limit if len(self.picks) == 1 else self.limit

    @property
    def max_loss(self) -> Decimal | None:
        """Largest loss per share, None if it has no bound by itself."""
        low, _ = payoff_range(self.picks)
        return None if low is None else self.cost - low

    @property
    def max_profit(self) -> Decimal | None:
        """Largest profit per share, None if it has no bound."""
        _, high = payoff_range(self.picks)
        return None if high is None else high - self.cost

    def greeks(self, spot: Decimal) -> Greeks:
        """Return the Greeks of one unit in USD, the underlying at `spot`; NaN where a contract has none."""
        price, size = float(spot), float(MULTIPLIER)
        return Greeks(
            delta_usd=self.greek("delta") * price * size,
            gamma_usd=self.greek("gamma") * price**2 * size,
            vega_usd=self.greek("vega") * size,
            theta_usd=self.greek("theta") * size,
        )

    def greek(self, name: str) -> float:
        """Return the sum of a Greek over the legs, per share."""
        return sum(pick.side.sign * float(getattr(pick.contract, name)) for pick in self.picks)


def ticket(picks: Picks, *, participation: float) -> Ticket | None:
    """Return the priced structure, None when a leg cannot be traded at its touch or the prices make no sense.

    Parameters
    ----------
    participation
        Share of the size at the touch that may be taken, 0 to 1.
    """
    quotes = [pick.contract.quote for pick in picks]
    mids = [quote.mid for quote in quotes]
    touches = [touch(pick.contract.quote, buying=pick.side is Side.BUY) for pick in picks]
    known = [(mid, at) for mid, at in zip(mids, touches, strict=True) if mid is not None and at is not None]
    if not picks or len(known) < len(picks):
        return None
    signs = [1] if len(picks) == 1 else [pick.side.sign for pick in picks]
    mid, limit = (sum((sign * pair[i] for sign, pair in zip(signs, known, strict=True)), ZERO) for i in (0, 1))
    spread = 2 * sum((abs(at - mid) for mid, at in known), ZERO)
    oldest = min(quote.ts for quote in quotes)
    return Ticket(picks, mid, limit, oldest, _units_at_touch(picks, participation), spread)


def _units_at_touch(picks: Picks, participation: float) -> Decimal | None:
    sizes = [p.contract.quote.ask_size if p.side is Side.BUY else p.contract.quote.bid_size for p in picks]
    if min(sizes) <= 0:
        return None
    return (min(sizes) * Decimal(repr(participation))).to_integral_value(rounding=ROUND_FLOOR)


def payoff_range(picks: Picks) -> tuple[Decimal | None, Decimal | None]:
    """Return the lowest and highest payoff per share of what was picked; see `payoff_range_of`."""
    quotes = [(Decimal(pick.side.sign), pick.contract.quote) for pick in picks]
    return payoff_range_of([(sign, quote.right, quote.strike) for sign, quote in quotes])


def payoff_range_of(
    holdings: Sequence[tuple[Decimal, OptionRight, Decimal]],
) -> tuple[Decimal | None, Decimal | None]:
    """Return the lowest and highest payoff per share at one common expiry; None = without bound.

    Parameters
    ----------
    holdings
        Signed quantity, right and strike of each contract.

    Notes
    -----
    The payoff is piecewise linear in the price at expiry: its extremes lie at zero, at a strike, or out where only
    calls are left and their net quantity decides.
    """
    corners = [_payoff(holdings, price) for price in (ZERO, *(strike for _, _, strike in holdings))]
    calls = sum((qty for qty, right, _ in holdings if right is OptionRight.CALL), ZERO)
    return (None if calls < 0 else min(corners), None if calls > 0 else max(corners))


def _payoff(holdings: Sequence[tuple[Decimal, OptionRight, Decimal]], price: Decimal) -> Decimal:
    values = (
        qty * max(price - strike if right is OptionRight.CALL else strike - price, ZERO)
        for qty, right, strike in holdings
    )
    return sum(values, ZERO)
