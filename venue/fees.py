"""What the venues charge, as data. The numbers are published schedules; none is negotiated or tiered here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

from venue.feed import AssetKind
from venue.orders import Side

CENT = Decimal("0.01")
KRAKEN_UNIT = Decimal("0.0001")
COIN_UNIT = Decimal("0.00000001")
_BPS = Decimal(10_000)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Regulatory fees of US brokers (passed on, rounded up to the cent) and Kraken's maker and taker rates.

    `sec_per_usd` and `taf_per_share` are due on sales of stock, `taf_per_contract` on sales of options,
    `orf_per_contract` (options regulatory fee and clearing) on both sides.
    """

    stock_commission: Decimal = Decimal(0)
    sec_per_usd: Decimal = Decimal("0.0000278")
    taf_per_share: Decimal = Decimal("0.000166")
    taf_max: Decimal = Decimal("8.30")
    orf_per_contract: Decimal = Decimal("0.04685")
    taf_per_contract: Decimal = Decimal("0.00279")
    kraken_maker_bps: Decimal = Decimal(25)
    kraken_taker_bps: Decimal = Decimal(40)

    def fee(self, kind: AssetKind, side: Side, qty: Decimal, price: Decimal, *, maker: bool = False) -> Decimal:
        """Return the fee in USD of one execution, never negative.

        Parameters
        ----------
        kind, side
            What was traded, and which way.
        qty
            Shares, contracts or coins, positive.
        price
            USD per share, per share of the contract, or per coin.
        maker
            Whether the order rested before it filled (Kraken only).
        """
        if kind is AssetKind.CRYPTO:
            rate = self.kraken_maker_bps if maker else self.kraken_taker_bps
            return (qty * price * rate / _BPS).quantize(KRAKEN_UNIT, ROUND_HALF_EVEN)
        if kind is AssetKind.OPTION:
            sale = self.taf_per_contract if side is Side.SELL else Decimal(0)
            return (qty * (self.orf_per_contract + sale)).quantize(CENT, ROUND_UP)
        fee = self.stock_commission
        if side is Side.SELL:
            fee += qty * price * self.sec_per_usd + min(qty * self.taf_per_share, self.taf_max)
        return fee.quantize(CENT, ROUND_UP)

    def fee_in_coins(self, qty: Decimal, *, maker: bool) -> Decimal:
        """Return the fee of a purchase in the coin bought, rounded up to its smallest unit as such venues do."""
        return (qty * (self.kraken_maker_bps if maker else self.kraken_taker_bps) / _BPS).quantize(COIN_UNIT, ROUND_UP)
