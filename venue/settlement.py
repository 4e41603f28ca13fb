"""What happens to positions without an order: splits, dividends, exercise, assignment, expiry; and its activities.

An option on a stock that splits by a whole ratio becomes that many contracts with the strike divided; for any other
ratio the contract is left as it is, which the venue says in the activity.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from venue.accounts import ALPACA, Account, Position
from venue.feed import AssetKind, CorporateAction, Session
from venue.hours import NEW_YORK
from venue.ids import uuid_of
from venue.occ import MULTIPLIER, Contract, parse, spell
from venue.orders import ZERO, Fill, Order, OrderRequest, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from venue.exchange import Exchange

AUTO_EXERCISE = Decimal("0.01")
CENT = Decimal("0.01")


def new_york_day(ts: datetime) -> date:
    """Return the date in New York."""
    return ts.astimezone(NEW_YORK).date()


def note_fill(account: Account, order: Order, fill: Fill) -> None:
    """Write the FILL activity, and a FEE activity if the broker charged one (Kraken shows fees in the trade)."""
    if account.spec.broker != ALPACA:
        return
    account.note("FILL", fill.ts, {
        "transaction_time": fill.ts.isoformat().replace("+00:00", "Z"),
        "type": "fill" if not order.leaves_qty else "partial_fill",
        "price": f"{fill.price:f}", "qty": f"{fill.qty:f}", "side": fill.side.value, "symbol": fill.symbol,
        "leaves_qty": f"{order.leaves_qty:f}", "order_id": fill.order_id, "cum_qty": f"{order.filled_qty:f}",
        "order_status": order.status.value, "execution_id": fill.trade_id,
    })  # fmt: skip
    if fill.fee:
        # The fill took the fee from cash already, so this entry moves nothing.
        account.note("FEE", fill.ts, {
            "date": new_york_day(fill.ts).isoformat(), "net_amount": f"{-fill.fee:f}", "status": "executed",
            "symbol": fill.symbol, "qty": f"{fill.qty:f}", "group_id": fill.trade_id,
            "description": f"regulatory fees of execution {fill.trade_id}",
        })  # fmt: skip


def apply_action(exchange: Exchange, action: CorporateAction) -> None:
    """Apply a split and a cash dividend to every account that holds the stock before its ex-date."""
    for account in exchange.accounts.values():
        if action.cash is not None:
            _dividend(exchange, account, action, action.cash)
        if action.ratio is not None:
            _split(exchange, account, action, action.ratio)


def _dividend(exchange: Exchange, account: Account, action: CorporateAction, cash: Decimal) -> None:
    qty = account.qty(action.symbol)
    if qty:
        account.enter(
            "DIV", exchange.now, action.ex_date, cash=(qty * cash).quantize(CENT),
            symbol=action.symbol, qty=f"{qty:f}", per_share_amount=f"{cash:f}",
        )  # fmt: skip


def _split(exchange: Exchange, account: Account, action: CorporateAction, ratio: Decimal) -> None:
    position = account.positions.get(action.symbol)
    if position is not None and position.qty:
        before, fraction = position.qty, position.qty * ratio % 1 if ratio < 1 else ZERO
        position.qty, position.avg_price = position.qty * ratio - fraction, position.avg_price / ratio
        account.enter(
            "SPLIT", exchange.now, action.ex_date, cash=(fraction * exchange.mark(action.symbol)).quantize(CENT),
            symbol=action.symbol, qty=f"{position.qty - before:f}", description=f"split {ratio:f} for 1",
        )  # fmt: skip
    if action.symbol in account.last_prices:
        account.last_prices[action.symbol] /= ratio
    for order in [one for root in account.open.values() for one in (root, *root.legs)]:
        if order.symbol == action.symbol and order.is_open:
            _split_order(order, ratio)
    for held in account.held():
        contract = parse(held.symbol)
        if contract is not None and contract.underlying == action.symbol:
            _split_contract(exchange, account, held, contract=contract, ratio=ratio)


def _split_order(order: Order, ratio: Decimal) -> None:
    order.qty *= ratio
    order.filled_qty *= ratio
    order.reserve /= ratio
    order.limit = None if order.limit is None else (order.limit / ratio).quantize(CENT)
    order.stop = None if order.stop is None else (order.stop / ratio).quantize(CENT)


def _split_contract(
    exchange: Exchange, account: Account, held: Position, *, contract: Contract, ratio: Decimal
) -> None:
    if ratio % 1 or ratio < 1:
        account.enter("SPLIT", exchange.now, exchange.today(), symbol=held.symbol, qty="0",
                      description=f"split {ratio:f} for 1 of the underlying leaves the contract as it is")  # fmt: skip
        return
    symbol = spell(contract.underlying, contract.expiry, contract.right, contract.strike / ratio)
    renamed = account.position(symbol, AssetKind.OPTION)
    renamed.qty, renamed.avg_price = held.qty * ratio, held.avg_price / ratio
    held.qty, held.avg_price = ZERO, ZERO
    account.enter(
        "SPLIT", exchange.now, exchange.today(), symbol=symbol, qty=f"{renamed.qty:f}",
        description=f"{held.symbol} became {symbol}, {ratio:f} for 1",
    )  # fmt: skip


def expire(exchange: Exchange, session: Session) -> None:
    """Settle every contract that expires with the session: in the money by a cent is exercised or assigned."""
    for account in exchange.accounts.values():
        dead = [(p, c) for p in account.held() if (c := parse(p.symbol)) is not None and c.expiry <= session.day]
        for position, contract in dead:
            _liquidate_if_not_carried(exchange, account, position, contract)
        for position, contract in dead:
            if position.qty:
                _settle(exchange, account, position, contract)


def _close_price(exchange: Exchange, contract: Contract) -> Decimal | None:
    quote = exchange.quote(contract.underlying)
    return None if quote is None else quote.last


def _settle(exchange: Exchange, account: Account, position: Position, contract: Contract) -> None:
    price = _close_price(exchange, contract)
    qty = position.qty
    group = uuid_of(account.name, "expiry", contract.symbol)
    if price is None or contract.intrinsic(price) < AUTO_EXERCISE:
        position.trade(-qty, ZERO)
        account.enter("OPEXP", exchange.now, contract.expiry, symbol=contract.symbol, qty=f"{-qty:f}", group_id=group)
        return
    kind = "OPEXC" if qty > 0 else "OPASN"
    account.enter(kind, exchange.now, contract.expiry, symbol=contract.symbol, qty=f"{-qty:f}", group_id=group)
    position.trade(-qty, ZERO)
    shares = qty * MULTIPLIER * (1 if contract.right == "C" else -1)
    account.position(contract.underlying, AssetKind.STOCK).trade(shares, contract.strike)
    account.enter(
        "OPTRD", exchange.now, contract.expiry, cash=-shares * contract.strike, symbol=contract.underlying,
        qty=f"{shares:f}", price=f"{contract.strike:f}", group_id=group,
    )  # fmt: skip


def _liquidate_if_not_carried(exchange: Exchange, account: Account, position: Position, contract: Contract) -> None:
    """Close a contract whose settlement would leave the account without the shares or the cash, as brokers do.

    A long contract is sold at the bid (for nothing, if there is none), a short one bought at the ask or its worth.
    """
    price = _close_price(exchange, contract)
    if price is None or contract.intrinsic(price) < AUTO_EXERCISE or _carries(exchange, account, contract):
        return
    quote = exchange.quote(contract.symbol)
    long = position.qty > 0
    touch = None if quote is None else (quote.bid if long else quote.ask)
    request = OrderRequest(
        contract.symbol,
        Side.SELL if long else Side.BUY,
        abs(position.qty),
        OrderType.MARKET,
        TimeInForce.DAY,
        client_order_id=f"venue-liquidation-{contract.symbol}-{contract.expiry}",
    )
    exchange.liquidate(account, request, touch or (ZERO if long else contract.intrinsic(price)))


def _carries(exchange: Exchange, account: Account, contract: Contract) -> bool:
    """Tell whether the shares no order holds, and the cash, cover the settlement of all that expires with it."""
    shares, cash = account.qty(contract.underlying) - account.held_for_orders(contract.underlying), account.cash
    for other, qty in account.options():
        price = _close_price(exchange, other)
        settles = other.underlying == contract.underlying and other.expiry <= contract.expiry
        if not settles or price is None or other.intrinsic(price) < AUTO_EXERCISE:
            continue
        moved = qty * MULTIPLIER * (1 if other.right == "C" else -1)
        shares += moved
        cash -= moved * other.strike
    return shares >= 0 and cash >= 0
