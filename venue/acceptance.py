"""The rules an order must pass before the venue takes it: form, hours, cover, buying power.

Each rule is a function of (desk, account, request) that raises `RefusedError` or returns. Nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from orchestrator.domain.venues import IdUniqueness
from venue.accounts import KRAKEN, Account
from venue.feed import Asset, AssetKind, MarketQuote
from venue.fees import FeeSchedule
from venue.hours import Hours
from venue.margin import Held, requirement
from venue.occ import MULTIPLIER, Contract, parse
from venue.orders import (
    ZERO,
    Intent,
    OrderClass,
    OrderRequest,
    OrderType,
    Refusal,
    RefusedError,
    Side,
    TimeInForce,
)


class Desk(Protocol):
    """What the rules may look at."""

    hours: Hours
    fees: FeeSchedule

    def asset(self, symbol: str) -> Asset | None:
        """Return a stock or pair."""

    def quote(self, symbol: str) -> MarketQuote | None:
        """Return the latest quote."""

    def is_open(self, kind: AssetKind) -> bool:
        """Tell whether that kind of asset trades now."""

    def expiring(self, contract: Contract) -> bool:
        """Tell whether contracts of that expiry may no longer be opened."""


Rule = Callable[[Desk, Account, OrderRequest], None]


def kind_of(desk: Desk, symbol: str) -> AssetKind:
    """Return what a symbol is, or raise `RefusedError` if the venue does not list it."""
    asset = desk.asset(symbol)
    if asset is not None:
        return asset.kind
    if parse(symbol) is not None and desk.quote(symbol) is not None:
        return AssetKind.OPTION
    raise RefusedError(Refusal.UNKNOWN_SYMBOL, f'asset "{symbol}" not found')


def lot_of(desk: Desk, symbol: str) -> Decimal:
    """Return the quantity step of a symbol; contracts trade whole."""
    asset = desk.asset(symbol)
    return asset.lot_size if asset is not None else Decimal(1)


def infer_intent(account: Account, symbol: str, side: Side) -> Intent:
    """Return what a trade of that side would do to the position that is held."""
    held = account.qty(symbol)
    if side is Side.BUY:
        return Intent.BUY_TO_CLOSE if held < 0 else Intent.BUY_TO_OPEN
    return Intent.SELL_TO_CLOSE if held > 0 else Intent.SELL_TO_OPEN


def check(desk: Desk, account: Account, request: OrderRequest) -> None:
    """Raise `RefusedError` with the first rule that the request breaks."""
    for rule in RULES:
        rule(desk, account, request)


def _client_id(_: Desk, account: Account, request: OrderRequest) -> None:
    earlier = account.client_ids.get(request.client_order_id, [])
    if account.rules.id_uniqueness is not IdUniqueness.FOR_EVER:
        earlier = [order for order in earlier if order.is_open]
    if earlier and request.client_order_id:
        raise RefusedError(Refusal.DUPLICATE_ID, "client_order_id must be unique")
    longest = account.rules.client_id_max_length
    if account.spec.broker != KRAKEN and len(request.client_order_id) > longest:
        raise RefusedError(Refusal.BAD_REQUEST, f"client_order_id must be no more than {longest} characters")


def _listed(desk: Desk, account: Account, request: OrderRequest) -> None:
    symbols = [leg.symbol for leg in request.legs] or [request.symbol]
    for symbol in symbols:
        crypto = kind_of(desk, symbol) is AssetKind.CRYPTO
        if crypto != (account.spec.broker == KRAKEN):
            raise RefusedError(Refusal.UNKNOWN_SYMBOL, f'asset "{symbol}" not found')


def _quantity(desk: Desk, _: Account, request: OrderRequest) -> None:
    if request.qty <= 0:
        raise RefusedError(Refusal.BAD_REQUEST, "qty must be > 0")
    if request.legs:
        _whole(request.qty)
        return
    asset = desk.asset(request.symbol)
    step = lot_of(desk, request.symbol)
    if request.qty % step:
        raise RefusedError(Refusal.BAD_REQUEST, f'asset "{request.symbol}" is not fractionable: qty step is {step}')
    if asset is not None and request.qty < asset.min_qty:
        raise RefusedError(Refusal.BELOW_MINIMUM, f"minimum qty of {request.symbol} is {asset.min_qty}")
    fractional = asset is not None and asset.kind is AssetKind.STOCK and request.qty % 1
    if fractional and (request.order_class is not OrderClass.SIMPLE or request.tif is not TimeInForce.DAY):
        raise RefusedError(Refusal.BAD_REQUEST, "fractional orders must be simple DAY orders")


def _whole(qty: Decimal) -> None:
    if qty % 1:
        raise RefusedError(Refusal.BAD_REQUEST, "qty must be a whole number of contracts")


def _prices(_: Desk, __: Account, request: OrderRequest) -> None:
    needs_limit = request.order_class is not OrderClass.OCO and request.type in {
        OrderType.LIMIT,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
    if needs_limit and request.limit is None:
        raise RefusedError(Refusal.BAD_REQUEST, f"{request.type} orders require a limit price")
    needs_stop = request.type not in {OrderType.MARKET, OrderType.LIMIT}
    if needs_stop and request.stop is None:
        raise RefusedError(Refusal.BAD_REQUEST, f"{request.type} orders require a stop price")
    prices = [request.stop] if request.legs else [request.limit, request.stop]
    if any(price is not None and price <= 0 for price in prices):
        raise RefusedError(Refusal.BAD_REQUEST, "prices must be > 0")


def _ticks(desk: Desk, _: Account, request: OrderRequest) -> None:
    exits = [e for e in (request.take_profit, request.stop_loss) if e is not None]
    prices = [request.limit, request.stop, *(p for e in exits for p in (e.limit, e.stop))]
    for price in prices:
        if price is None:
            continue
        tick = tick_of(desk, request.symbol, price)
        if price % tick:
            name = "limit_price" if price == request.limit else "stop_price"
            raise RefusedError(
                Refusal.BAD_REQUEST,
                f"invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria",
            )


def tick_of(desk: Desk, symbol: str, price: Decimal) -> Decimal:
    """Return the price step of a symbol at that price in USD: finer below a dollar for stocks, a cent for contracts."""
    asset = desk.asset(symbol)
    if asset is not None and asset.kind is AssetKind.CRYPTO:
        return asset.tick_size
    stock_below_a_dollar = asset is not None and abs(price) < 1
    return Decimal("0.0001") if stock_below_a_dollar else Decimal("0.01")


def _exits(_: Desk, __: Account, request: OrderRequest) -> None:
    take, stop = request.take_profit, request.stop_loss
    if request.order_class in {OrderClass.BRACKET, OrderClass.OCO} and (take is None or stop is None):
        raise RefusedError(
            Refusal.BAD_REQUEST,
            f"{request.order_class} orders require take_profit.limit_price and stop_loss.stop_price",
        )
    if request.order_class is OrderClass.OTO and (take is None) == (stop is None):
        raise RefusedError(Refusal.BAD_REQUEST, "oto orders require either take_profit or stop_loss")
    if take is None or stop is None or take.limit is None or stop.stop is None:
        return
    entry = request.side if request.order_class is not OrderClass.OCO else _other(request.side)
    sane = take.limit > stop.stop if entry is Side.BUY else take.limit < stop.stop
    if not sane:
        raise RefusedError(Refusal.BAD_REQUEST, "take_profit.limit_price must be beyond stop_loss.stop_price")


def _other(side: Side | None) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def _bracket_tif(_: Desk, __: Account, request: OrderRequest) -> None:
    advanced = request.order_class in {OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO}
    if advanced and request.tif not in {TimeInForce.DAY, TimeInForce.GTC}:
        raise RefusedError(Refusal.BAD_REQUEST, f"{request.order_class} orders must be DAY or GTC orders")


def _option_form(desk: Desk, _: Account, request: OrderRequest) -> None:
    if not request.legs and parse(request.symbol) is None:
        return
    if request.tif is not TimeInForce.DAY:
        raise RefusedError(Refusal.BAD_REQUEST, "order_time_in_force provided not supported for options trading")
    if request.type not in {OrderType.MARKET, OrderType.LIMIT}:
        raise RefusedError(Refusal.BAD_REQUEST, "options orders must be market or limit orders")
    if request.type is OrderType.MARKET and not desk.is_open(AssetKind.OPTION):
        raise RefusedError(Refusal.BAD_REQUEST, "options market orders are only allowed during market hours")
    if request.order_class not in {OrderClass.SIMPLE, OrderClass.MLEG}:
        raise RefusedError(Refusal.BAD_REQUEST, "complex orders not supported for options trading")


def _legs(desk: Desk, _: Account, request: OrderRequest) -> None:
    if request.order_class is not OrderClass.MLEG:
        return
    if not 2 <= len(request.legs) <= 4:
        raise RefusedError(Refusal.BAD_REQUEST, "mleg orders require 2 to 4 legs")
    if len({leg.symbol for leg in request.legs}) != len(request.legs):
        raise RefusedError(Refusal.BAD_REQUEST, "all legs must have unique symbols")
    if any(parse(leg.symbol) is None for leg in request.legs):
        raise RefusedError(Refusal.BAD_REQUEST, "all legs of an mleg order must be option contracts")
    for leg in request.legs:
        _whole(leg.ratio)
        if leg.ratio <= 0:
            raise RefusedError(Refusal.BAD_REQUEST, "ratio_qty must be > 0")


def _intents(_: Desk, account: Account, request: OrderRequest) -> None:
    for symbol, side, intent, _qty in wanted(request):
        inferred = infer_intent(account, symbol, side)
        if intent is not None and parse(symbol) is not None and intent is not inferred:
            raise RefusedError(
                Refusal.BAD_REQUEST,
                f"position intent mismatch, inferred: {inferred}, specified: {intent}",
            )


def _expiry_day(desk: Desk, account: Account, request: OrderRequest) -> None:
    for symbol, side, _intent, _qty in wanted(request):
        contract = parse(symbol)
        if contract is None or not infer_intent(account, symbol, side).opens:
            continue
        if desk.expiring(contract):
            raise RefusedError(
                Refusal.NOT_ALLOWED,
                f"{symbol} expires today: new positions are not accepted in the last 45 minutes",
            )


def _sellable(_: Desk, account: Account, request: OrderRequest) -> None:
    for symbol, side, _intent, qty in wanted(request):
        opens = infer_intent(account, symbol, side).opens
        if parse(symbol) is not None and opens:
            continue
        if side is Side.BUY and opens:
            continue
        existing = abs(account.qty(symbol)) if account.qty(symbol) * side.sign < 0 else ZERO
        held = account.held_for_orders(symbol)
        if qty > existing - held:
            raise RefusedError(
                Refusal.INSUFFICIENT_QTY,
                f"insufficient qty available for order (requested: {qty}, available: {max(existing - held, ZERO)})",
                available=str(max(existing - held, ZERO)),
                existing_qty=str(existing),
                held_for_orders=str(held),
                symbol=symbol,
            )


def _funds(desk: Desk, account: Account, request: OrderRequest) -> None:
    if request.order_class is OrderClass.OCO:
        return
    need = cash_need(desk, account, request)
    free = buying_power(account)
    if need > 0 and need > free:
        raise RefusedError(
            Refusal.INSUFFICIENT_FUNDS,
            "insufficient buying power",
            buying_power=str(free),
            cost_basis=str(need),
        )


def wanted(request: OrderRequest) -> list[tuple[str, Side, Intent | None, Decimal]]:
    """Return (symbol, side, stated intent, quantity) of everything a request would trade first."""
    if request.legs:
        return [(leg.symbol, leg.side, leg.intent, leg.ratio * request.qty) for leg in request.legs]
    side = request.side if request.side is not None else Side.BUY
    return [(request.symbol, side, request.intent, request.qty)]


def buying_power(account: Account) -> Decimal:
    """Return the cash in USD free for new orders: cash, less collateral of short options, less open orders."""
    collateral = requirement(account.options(), account.shares()) or ZERO
    return account.cash - collateral - account.reserved()


def cash_need(desk: Desk, account: Account, request: OrderRequest) -> Decimal:
    """Return what the request takes from buying power in USD, negative if it frees some.

    Raises
    ------
    RefusedError
        If it leaves a short call uncovered, or has no price to reckon with.
    """
    before = requirement(*_after(account, [])) or ZERO
    after = requirement(*_after(account, wanted(request)))
    if after is None:
        raise RefusedError(Refusal.NOT_ALLOWED, "account not eligible to trade uncovered option contracts")
    return _cost(desk, request) + after - before


def _after(
    account: Account, trades: list[tuple[str, Side, Intent | None, Decimal]]
) -> tuple[list[Held], dict[str, Decimal]]:
    """Return option positions and free shares as they would be, with open sales taken as done."""
    shares = {symbol: qty - account.held_for_orders(symbol) for symbol, qty in account.shares().items()}
    options = dict(account.options())
    for symbol, side, _intent, qty in [*_open_openings(account), *trades]:
        contract = parse(symbol)
        if contract is not None:
            options[contract] = options.get(contract, ZERO) + side.sign * qty
        elif side is Side.SELL:
            shares[symbol] = shares.get(symbol, ZERO) - qty
    return list(options.items()), shares


def _open_openings(account: Account) -> list[tuple[str, Side, Intent | None, Decimal]]:
    """Return what open orders to sell options would still add; it may not be covered twice."""
    found: list[tuple[str, Side, Intent | None, Decimal]] = []
    for order in account.open.values():
        parts = order.legs if order.is_mleg else [order]
        found += [
            (part.symbol, part.side, part.intent, part.leaves_qty)
            for part in parts
            if part.side is not None and part.intent is Intent.SELL_TO_OPEN and parse(part.symbol) is not None
        ]
    return found


def _cost(desk: Desk, request: OrderRequest) -> Decimal:
    """Return the cash an order pays at its limit, or at the touch; negative for a credit."""
    if request.legs:
        net = request.limit if request.limit is not None else _net_touch(desk, request)
        return net * request.qty * MULTIPLIER + _leg_fees(desk, request)
    symbol, side, _intent, qty = wanted(request)[0]
    kind = kind_of(desk, symbol)
    price = _worst_price(desk, request, side)
    fee = desk.fees.fee(kind, side, qty, price)
    return side.sign * qty * price * (MULTIPLIER if kind is AssetKind.OPTION else 1) + fee


def _worst_price(desk: Desk, request: OrderRequest, side: Side) -> Decimal:
    if request.limit is not None:
        return request.limit
    quote = desk.quote(request.symbol)
    if quote is None:
        raise RefusedError(Refusal.BAD_REQUEST, f"no quote for {request.symbol}")
    price = (quote.ask if side is Side.BUY else quote.bid) or quote.last
    return max(price, request.stop) if request.stop is not None and side is Side.BUY else price


def _net_touch(desk: Desk, request: OrderRequest) -> Decimal:
    net = ZERO
    for leg in request.legs:
        quote = desk.quote(leg.symbol)
        price = None if quote is None else (quote.ask if leg.side is Side.BUY else quote.bid)
        if price is None:
            raise RefusedError(Refusal.BAD_REQUEST, f"no quote for {leg.symbol}")
        net += leg.side.sign * leg.ratio * price
    return net


def _leg_fees(desk: Desk, request: OrderRequest) -> Decimal:
    one = Decimal(1)
    return sum(
        (desk.fees.fee(AssetKind.OPTION, leg.side, leg.ratio * request.qty, one) for leg in request.legs),
        ZERO,
    )


RULES: tuple[Rule, ...] = (
    _client_id,
    _legs,
    _listed,
    _quantity,
    _prices,
    _ticks,
    _exits,
    _bracket_tif,
    _option_form,
    _intents,
    _expiry_day,
    _sellable,
    _funds,
)
