"""What the crypto venues know of themselves that code has to respect, as data. Sources: docs/venues."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from orchestrator.domain.orders import Side


@dataclass(frozen=True, slots=True)
class CcxtProfile:
    """Client ids, pages and limits of rate of one venue.

    Where `client_id_is_unique_for_ever` is False an id may be used again once its order has ended: a market order
    that is sent twice trades twice. `private_calls_per_minute` is what the smallest tier sustains.
    """

    venue: str
    trades: bool
    client_id_max_length: int
    client_id_is_unique_for_ever: bool
    finds_by_client_id: bool
    candles: int
    page: int
    private_calls_per_minute: int
    quote: str = "USD"


KRAKEN = CcxtProfile(
    venue="kraken",
    trades=True,
    client_id_max_length=18,
    client_id_is_unique_for_ever=False,
    finds_by_client_id=True,
    candles=720,
    page=50,
    private_calls_per_minute=20,
)

BINANCE = CcxtProfile(
    venue="binance",
    trades=False,
    client_id_max_length=36,
    client_id_is_unique_for_ever=False,
    finds_by_client_id=True,
    candles=1000,
    page=500,
    private_calls_per_minute=0,
    quote="USDT",
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Tick and lot of a market; `min_qty` in coins, `min_usd` in the quote currency."""

    tick: Decimal
    lot: Decimal
    min_qty: Decimal
    min_usd: Decimal = Decimal(0)

    def price(self, price: Decimal, side: Side) -> Decimal:
        """Return the nearest price on the grid that is no worse for us."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return (price / self.tick).to_integral_value(rounding=rounding) * self.tick

    def qty(self, qty: Decimal) -> Decimal:
        """Return the largest whole number of lots in `qty`."""
        return (qty / self.lot).to_integral_value(rounding=ROUND_FLOOR) * self.lot
