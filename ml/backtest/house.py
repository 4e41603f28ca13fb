"""What a US broker charges for stocks and options, and the cash that sold options tie up.

The same as the local venue's (`venue.fees`, `venue.margin`), which this package does not know; a test compares them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_UP, Decimal

from orchestrator.domain.base import CENT, ZERO
from orchestrator.domain.instruments import Contract, OptionRight, is_occ, parse_occ
from orchestrator.domain.orders import Side

SEC_PER_USD = Decimal("0.0000278")
TAF_PER_SHARE, TAF_MOST = Decimal("0.000166"), Decimal("8.30")
ORF_PER_CONTRACT, TAF_PER_CONTRACT = Decimal("0.04685"), Decimal("0.00279")
_SHARES = Decimal(100)

_Held = list[tuple[Contract, Decimal]]


class UsBroker:
    """Regulatory fees, passed on and rounded up to the cent; cash for the worst loss at expiry.

    Fulfils `ml.backtest.recorded.House`.
    """

    def fee(self, symbol: str, side: Side, *, qty: Decimal, price: Decimal) -> Decimal:
        """Return the fee of an execution, USD."""
        sold = side is Side.SELL
        if is_occ(symbol):
            fee = qty * (ORF_PER_CONTRACT + (TAF_PER_CONTRACT if sold else ZERO))
        else:
            fee = qty * price * SEC_PER_USD + min(qty * TAF_PER_SHARE, TAF_MOST) if sold else ZERO
        return fee.quantize(CENT, ROUND_UP)

    def collateral(self, held: Mapping[str, Decimal]) -> Decimal | None:
        """Return the cash that sold options tie up, USD; None where a loss has no bound."""
        groups: dict[str, _Held] = defaultdict(list)
        for symbol, qty in held.items():
            if qty and is_occ(symbol):
                contract = parse_occ(symbol)
                groups[contract.underlying].append((contract, qty))
        losses = [_worst(legs, held.get(name, ZERO)) for name, legs in groups.items()]
        known = [loss for loss in losses if loss is not None]
        return sum(known, ZERO) if len(known) == len(losses) else None


def _worst(legs: _Held, shares: Decimal) -> Decimal | None:
    """Return the worst loss at the expiry of any sold contract: what was bought protects while it lives."""
    losses = [
        _loss([(one, qty) for one, qty in legs if one.expiry >= expiry], shares)
        for expiry in {contract.expiry for contract, qty in legs if qty < 0}
    ]
    known = [loss for loss in losses if loss is not None]
    return max(known, default=ZERO) if len(known) == len(losses) else None


def _loss(legs: _Held, shares: Decimal) -> Decimal | None:
    """Return what shares and contracts lose at the worst price; its corners are nothing and the strikes."""
    if shares + _SHARES * sum((qty for one, qty in legs if one.right is OptionRight.CALL), ZERO) < 0:
        return None
    return max(ZERO, -min(shares * price + _payoff(legs, price) for price in (ZERO, *(one.strike for one, _ in legs))))


def _payoff(legs: Iterable[tuple[Contract, Decimal]], price: Decimal) -> Decimal:
    values = (
        qty * max(price - one.strike if one.right is OptionRight.CALL else one.strike - price, ZERO)
        for one, qty in legs
    )
    return _SHARES * sum(values, ZERO)
