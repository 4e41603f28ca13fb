"""Kraken's private endpoints as ccxt uses them: balances, orders, trades. A signature is demanded, not verified.

The nonce must grow with every call of a key, else `EAPI:Invalid nonce`. Purchases hold USD, sales hold coins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from orchestrator.domain.venues import PROFILES, LookUp, VenueProfile
from venue.accounts import KRAKEN, Account, Activity
from venue.fees import KRAKEN_UNIT
from venue.matching import floor_to
from venue.orders import (
    ZERO,
    Fill,
    Order,
    OrderRequest,
    OrderType,
    Refusal,
    RefusedError,
    Side,
    Status,
    TimeInForce,
)
from venue.web.call import Call, Reply, from_epoch, number, optional, text
from venue.web.kraken_names import Pair, answer, currency, fail, find, fixed
from venue.web.kraken_public import VOLUME, names_of

Handler = Callable[[Call], Reply]
PAGE = 50
POSITION = "TKH2SE-M7IF5-CFI7LT"
"""Kraken names the same position in every spot trade: it is no id of the trade."""
_TYPES = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop-loss": OrderType.STOP,
    "stop-loss-limit": OrderType.STOP_LIMIT,
    "take-profit": OrderType.TAKE_PROFIT,
    "take-profit-limit": OrderType.TAKE_PROFIT_LIMIT,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_TIFS = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_CLIENT_ID = re.compile(
    r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[\x21-\x7e]{1,18})$",
)
_TRANSFERS = {"CSD": "deposit", "CSW": "withdrawal"}
_STATES = {Status.FILLED: "closed", Status.CANCELED: "canceled", Status.EXPIRED: "expired"}


def guarded(handler: Handler, nonces: dict[str, int]) -> Handler:
    """Return the handler behind Kraken's checks of key, signature and nonce."""

    def checked(call: Call) -> Reply:
        key = call.headers.get("api-key", "")
        if not key or not call.headers.get("api-sign"):
            return fail("EAPI:Invalid key")
        nonce = call.form().get("nonce", "")
        if not nonce.isdigit() or int(nonce) <= nonces.get(key, -1):
            return fail("EAPI:Invalid nonce")
        nonces[key] = int(nonce)
        return handler(call)

    return checked


def account_of(call: Call) -> Account:
    """Return the account of the call's API key."""
    return call.account(KRAKEN, call.headers.get("api-key", ""))


def _holds(call: Call, account: Account) -> dict[str, Decimal]:
    """Return what open orders hold, by Kraken's currency id."""
    held = {"ZUSD": account.reserved()}
    for position in account.held():
        held[_base(call, position.symbol)] = account.held_for_orders(position.symbol)
    return held


def _base(call: Call, symbol: str) -> str:
    return find(names_of(call), symbol).base


def _balances(call: Call, account: Account) -> dict[str, Decimal]:
    return {"ZUSD": account.cash, **{_base(call, p.symbol): p.qty for p in account.held()}}


def balance(call: Call) -> Reply:
    """Return balances."""
    found = _balances(call, account_of(call))
    return answer({name: _amount(name, qty) for name, qty in found.items()})


def balance_ex(call: Call) -> Reply:
    """Return balances and what orders hold of them."""
    account = account_of(call)
    holds = _holds(call, account)
    return answer(
        {
            name: {"balance": _amount(name, qty), "hold_trade": _amount(name, holds.get(name, ZERO))}
            for name, qty in _balances(call, account).items()
        },
    )


def _amount(name: str, qty: Decimal) -> str:
    return f"{qty:.4f}" if name == "ZUSD" else f"{qty:.10f}"


def trade_balance(call: Call) -> Reply:
    """Return the account's equity in USD."""
    account = account_of(call)
    equity = call.exchange.equity(account)
    cost = sum((p.cost for p in account.held()), ZERO)
    worth = equity - account.cash
    values = {"eb": equity, "tb": equity, "m": ZERO, "n": ZERO, "c": cost, "v": worth, "e": equity, "mf": equity}
    return answer({name: f"{value:.4f}" for name, value in values.items()})


def add_order(call: Call) -> Reply:
    """Take an order, or only check it."""
    account = account_of(call)
    form = call.form()
    pair = find(names_of(call), form.get("pair", ""))
    request = _request(call, pair, form, account.rules)
    words = {"order": _words(pair, request)}
    if form.get("validate", "").lower() == "true":
        return answer({"descr": words})
    order = call.accept(account, request)
    return answer({"txid": [order.id], "descr": words})


def _request(call: Call, pair: Pair, form: dict[str, str], rules: VenueProfile) -> OrderRequest:
    kind = _TYPES.get(form.get("ordertype", ""))
    if kind is None or form.get("type") not in {"buy", "sell"}:
        raise _invalid("ordertype" if kind is None else "type")
    side, flags = Side(form["type"]), form.get("oflags", "").split(",")
    price, price2 = _price(form, "price"), _price(form, "price2")
    triggered = kind not in {OrderType.MARKET, OrderType.LIMIT}
    limit = price2 if triggered else price
    if kind in {OrderType.MARKET, OrderType.STOP, OrderType.TAKE_PROFIT}:
        limit = None
    return OrderRequest(
        pair.asset.symbol,
        side,
        _volume(call, pair, form, in_usd="viqc" in flags),
        kind,
        _TIFS.get(form.get("timeinforce", "GTC").upper(), TimeInForce.GTC),
        client_order_id=_client_id(form.get("cl_ord_id", ""), rules),
        limit=limit,
        stop=price if triggered else None,
        post_only="post" in flags,
    )


def _invalid(name: str) -> RefusedError:
    return RefusedError(Refusal.BAD_REQUEST, name, kraken=f"EGeneral:Invalid arguments:{name}")


def _price(form: dict[str, str], name: str) -> Decimal | None:
    try:
        price = optional(form.get(name), name)
    except RefusedError as error:
        raise _invalid(name) from error
    return None if price == 0 else price


def _client_id(raw: str, rules: VenueProfile) -> str:
    fits = _CLIENT_ID.match(raw) is not None if rules is PROFILES[KRAKEN] else rules.takes_id(raw)
    if raw and not fits:
        raise _invalid("cl_ord_id")
    return raw


def _volume(call: Call, pair: Pair, form: dict[str, str], *, in_usd: bool) -> Decimal:
    try:
        volume = number(form.get("volume", ""), "volume")
    except RefusedError as error:
        raise _invalid("volume") from error
    if not in_usd:
        return floor_to(volume, pair.asset.lot_size)
    quote = call.exchange.quote(pair.asset.symbol)
    if quote is None:
        raise _invalid("viqc")
    return floor_to(volume / (quote.ask or quote.last), pair.asset.lot_size)


def _words(pair: Pair, order: OrderRequest | Order) -> str:
    """Return the sentence that describes an order; ccxt reads it word by word."""
    tick = pair.asset.tick_size
    start = f"{order.side} {fixed(order.qty, VOLUME)} {pair.altname} @ "
    limit = fixed(order.limit, tick) if order.limit is not None else ""
    stop = fixed(order.stop, tick) if order.stop is not None else ""
    spoken = _NAMES[order.type].replace("-limit", "").replace("-", " ")
    if order.stop is not None:
        return start + f"{spoken} {stop}" + (f" -> limit {limit}" if limit else "")
    return start + (f"limit {limit}" if limit else "market")


def cancel_order(call: Call) -> Reply:
    """Cancel an order by its id or its client order id."""
    account, form = account_of(call), call.form()
    wanted = form.get("txid") or form.get("cl_ord_id") or ""
    order = account.orders.get(wanted) or _open_by_client_id(account, wanted)
    if order is None or not order.is_open:
        raise RefusedError(Refusal.NOT_FOUND, wanted)
    call.exchange.cancel(order)
    return answer({"count": 1})


def _open_by_client_id(account: Account, wanted: str) -> Order | None:
    return next((order for order in account.client_ids.get(wanted, []) if order.is_open), None)


def cancel_all(call: Call) -> Reply:
    """Cancel every open order."""
    orders = list(account_of(call).open.values())
    for order in orders:
        call.exchange.cancel(order)
    return answer({"count": len(orders)})


def open_orders(call: Call) -> Reply:
    """Return the open orders."""
    account, form = account_of(call), call.form()
    listed = [o for o in call.as_listed(account.orders.values()) if o.is_open and _client_matches(form, o)]
    return answer({"open": {order.id: _order(call, order, account.rules) for order in listed}})


def closed_orders(call: Call) -> Reply:
    """Return finished orders, the latest first, 50 a page."""
    account, form = account_of(call), call.form()
    if form.get("cl_ord_id") and LookUp.CLOSED not in account.rules.look_up:
        raise _invalid(f"cl_ord_id, an ended order is not found by it at {account.rules.name}")
    done = [o for o in account.orders.values() if not o.is_open and _client_matches(form, o)]
    done = [o for o in done if o.finished is not None and _in_range(form, o.finished)]
    done.sort(key=lambda o: o.finished or o.created, reverse=True)
    page = done[_offset(form) : _offset(form) + PAGE]
    return answer({"closed": {order.id: _order(call, order, account.rules) for order in page}, "count": len(done)})


def _client_matches(form: dict[str, str], order: Order) -> bool:
    wanted = form.get("cl_ord_id")
    return not wanted or order.client_order_id == wanted


def _offset(form: dict[str, str]) -> int:
    return int(number(form.get("ofs") or 0, "ofs"))


def _in_range(form: dict[str, str], ts: datetime) -> bool:
    start, end = form.get("start"), form.get("end")
    if start and ts <= from_epoch(start, "start"):
        return False
    return not (end and ts > from_epoch(end, "end"))


def query_orders(call: Call) -> Reply:
    """Return orders by id."""
    account = account_of(call)
    wanted = [name for name in call.form().get("txid", "").split(",") if name]
    missing = [name for name in wanted if name not in account.orders]
    if missing or not wanted:
        raise RefusedError(Refusal.NOT_FOUND, ",".join(missing), kraken="EOrder:Invalid order")
    return answer({name: _order(call, account.orders[name], account.rules) for name in wanted})


def _order(call: Call, order: Order, rules: VenueProfile) -> dict[str, object]:
    pair = find(names_of(call), order.symbol)
    tick = pair.asset.tick_size
    first, second = (order.stop, order.limit) if order.stop is not None else (order.limit, None)
    price, price2 = (fixed(p, tick) if p is not None else "0" for p in (first, second))
    done = {} if order.finished is None else {"closetm": order.finished.timestamp(), "reason": order.reason or None}
    return {
        "refid": None,
        "userref": None,
        "cl_ord_id": order.client_order_id if order.is_open or LookUp.CLOSED in rules.look_up else None,
        "status": _STATES.get(order.status, "open"),
        "opentm": order.created.timestamp(),
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": pair.altname,
            "type": str(order.side),
            "ordertype": _NAMES[order.type],
            "price": price,
            "price2": price2,
            "leverage": "none",
            "order": _words(pair, order),
            "close": "",
        },
        "vol": fixed(order.qty, VOLUME),
        "vol_exec": fixed(order.filled_qty, VOLUME),
        "cost": f"{order.filled_cost:.5f}",
        "fee": f"{order.fees:.5f}",
        "price": text((order.avg_price or ZERO).quantize(VOLUME)),
        "stopprice": fixed(order.stop or ZERO, tick),
        "limitprice": fixed(order.limit or ZERO, tick),
        "misc": "",
        "oflags": "fciq,post" if order.post_only else "fciq",
        "trades": [fill.trade_id for fill in order.fills],
        **done,
    }


def trades_history(call: Call) -> Reply:
    """Return executions, the latest first, 50 a page."""
    account, form = account_of(call), call.form()
    found = [fill for fill in reversed(account.fills) if _in_range(form, fill.ts) and call.is_listed(fill.ts)]
    page = found[_offset(form) : _offset(form) + PAGE]
    return answer({"trades": _trades(call, account, page), "count": len(found)})


def ledgers(call: Call) -> Reply:
    """Return deposits and withdrawals, the latest first, 50 a page; what trades did to balances is left out."""
    account, form = account_of(call), call.form()
    moved = [one for one in reversed(account.activities) if one.type in _TRANSFERS]
    found = [one for one in moved if _in_range(form, one.ts) and call.is_listed(one.ts)]
    page = found[_offset(form) : _offset(form) + PAGE]
    return answer({"ledger": {one.id: _entry(account, one) for one in page}, "count": len(found)})


def _entry(account: Account, one: Activity) -> dict[str, object]:
    return {
        "refid": one.id,
        "time": one.ts.timestamp(),
        "type": _TRANSFERS[one.type],
        "subtype": "",
        "aclass": "currency",
        "asset": currency("USD"),
        "amount": one.fields["net_amount"],
        "fee": "0.0000",
        "balance": text(account.cash),
    }


def query_trades(call: Call) -> Reply:
    """Return executions by id."""
    account = account_of(call)
    wanted = [name for name in call.form().get("txid", "").split(",") if name]
    found = {fill.trade_id: fill for fill in account.fills}
    if not wanted or any(name not in found for name in wanted):
        raise RefusedError(Refusal.NOT_FOUND, "", kraken="EQuery:Unknown trade")
    return answer(_trades(call, account, [found[name] for name in wanted]))


def _trades(call: Call, account: Account, fills: Iterable[Fill]) -> dict[str, object]:
    return {fill.trade_id: _trade(call, account, fill) for fill in fills}


def _trade(call: Call, account: Account, fill: Fill) -> dict[str, object]:
    pair = find(names_of(call), fill.symbol)
    return {
        "ordertxid": fill.order_id,
        "postxid": POSITION,
        "pair": pair.id,
        "time": fill.ts.timestamp(),
        "type": str(fill.side),
        "ordertype": _NAMES[account.orders[fill.order_id].type],
        "price": text(fill.price),
        "cost": text((fill.qty * fill.price).quantize(KRAKEN_UNIT)),
        "fee": text(fill.fee_coins or fill.fee),
        "vol": fixed(fill.qty, VOLUME),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": account.fills.index(fill) + 1,
        "maker": fill.maker,
        **({"fee_currency": pair.base} if fill.fee_coins else {}),
        **({"cl_ord_id": fill.client_order_id} if LookUp.TRADES in account.rules.look_up else {}),
    }


def trade_volume(call: Call) -> Reply:
    """Return the fee rates of pairs."""
    fees = call.exchange.fees
    asked = [name for name in call.form().get("pair", "").split(",") if name]
    ids = [find(names_of(call), name).id for name in asked]
    taker, maker = f"{fees.kraken_taker_bps / 100:.4f}", f"{fees.kraken_maker_bps / 100:.4f}"
    return answer(
        {
            "currency": currency("USD"),
            "volume": "0.0000",
            "fees": {name: {"fee": taker} for name in ids},
            "fees_maker": {name: {"fee": maker} for name in ids},
        },
    )
