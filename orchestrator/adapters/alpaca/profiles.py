"""What Alpaca knows of itself that code has to respect, as data. Sources: docs/venues, Alpaca's OpenAPI files."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from orchestrator.domain.orders import Side


@dataclass(frozen=True, slots=True)
class AlpacaProfile:
    """Client ids, price grid, sizes and limits of rate.

    `client_id_is_unique_for_ever`: a used id is refused even after the order ended, so sending twice cannot trade
    twice. `requests_per_minute` is Alpaca's default for a trading account.
    """

    client_id_max_length: int = 128
    client_id_is_unique_for_ever: bool = True
    finds_by_client_id: bool = True
    min_qty: Decimal = Decimal(1)
    min_legs: int = 2
    max_legs: int = 4
    requests_per_minute: int = 200
    activities_page: int = 100
    orders_page: int = 500
    tick: Decimal = Decimal("0.01")
    tick_below_one_usd: Decimal = Decimal("0.0001")

    def tick_of(self, price: Decimal, *, option: bool) -> Decimal:
        """Return the grid of a price: a cent; a hundredth of one for a stock below one dollar."""
        return self.tick_below_one_usd if not option and abs(price) < 1 else self.tick

    def on_grid(self, price: Decimal, side: Side, *, option: bool) -> Decimal:
        """Return the nearest price on the grid that is no worse for us than `price`."""
        tick = self.tick_of(price, option=option)
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return (price / tick).to_integral_value(rounding=rounding) * tick


PROFILE = AlpacaProfile()
