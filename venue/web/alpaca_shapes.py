"""How Alpaca's trading API writes orders, positions, accounts, assets and refusals. Reads nothing from a request."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from venue.acceptance import buying_power
from venue.accounts import Account, Activity, Position
from venue.feed import Asset, AssetKind, ContractQuote
from venue.ids import uuid_of
from venue.margin import requirement
from venue.orders import ZERO, Order, Refusal, RefusedError
from venue.web.call import Reply, cents, maybe, reply, stamp, text

if TYPE_CHECKING:
    from venue.exchange import Exchange

ASSET_CLASS = {AssetKind.STOCK: "us_equity", AssetKind.OPTION: "us_option", AssetKind.CRYPTO: "crypto"}
EXCHANGE = {AssetKind.STOCK: "ARCA", AssetKind.OPTION: "", AssetKind.CRYPTO: "CRYPTO"}
REFUSALS = {
    Refusal.BAD_REQUEST: (422, 42210000),
    Refusal.BELOW_MINIMUM: (403, 40310000),
    Refusal.DUPLICATE_ID: (422, 40010001),
    Refusal.INSUFFICIENT_FUNDS: (403, 40310000),
    Refusal.INSUFFICIENT_QTY: (403, 40310000),
    Refusal.NOT_ALLOWED: (403, 40310000),
    Refusal.NOT_CANCELABLE: (422, 42210000),
    Refusal.NOT_FOUND: (404, 40410000),
    Refusal.POST_ONLY: (422, 42210000),
    Refusal.UNKNOWN_SYMBOL: (422, 42210000),
}


def refusal(error: RefusedError) -> Reply:
    """Return a refusal as Alpaca words it: {"code", "message"} and what else helps."""
    status, code = REFUSALS[error.refusal]
    return reply({"code": code, "message": error.message, **error.details}, status)


@lru_cache(maxsize=4096)
def asset_id(symbol: str) -> str:
    """Return the UUID of a stock or a contract."""
    return uuid_of("asset", symbol)


def order(one: Order, *, nested: bool = True) -> dict[str, object]:
    """Return an order; `legs` of a multi-leg order are always there, exits only if nested."""
    show_legs = bool(one.legs) and (nested or one.is_mleg)
    finished = one.finished
    by_status = {"filled_at": "filled", "expired_at": "expired", "canceled_at": "canceled"}
    return {
        "id": one.id,
        "client_order_id": one.client_order_id,
        "created_at": stamp(one.created),
        "updated_at": stamp(one.updated),
        "submitted_at": stamp(one.created),
        **{name: maybe(finished) if one.status == status else None for name, status in by_status.items()},
        "expires_at": maybe(one.expires),
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": asset_id(one.symbol) if one.symbol else "",
        "symbol": one.symbol,
        "asset_class": ASSET_CLASS[one.kind] if one.symbol else "",
        "notional": text(one.notional) if one.notional is not None else None,
        "qty": text(one.qty) if one.notional is None else None,
        "filled_qty": text(one.filled_qty),
        "filled_avg_price": _price(one.avg_price),
        "order_class": one.order_class.value,
        "order_type": one.type.value,
        "type": one.type.value,
        "side": one.side.value if one.side is not None else "",
        "time_in_force": one.tif.value,
        "limit_price": _price(one.limit),
        "stop_price": _price(one.stop),
        "status": one.status.value,
        "extended_hours": one.extended_hours,
        "legs": [order(leg) for leg in one.legs] if show_legs else None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "position_intent": one.intent.value if one.intent is not None else "",
        **({"ratio_qty": text(one.ratio)} if one.is_leg else {}),
    }


def _price(value: Decimal | None) -> str | None:
    return None if value is None else text(value.quantize(Decimal("0.000001")))


def position(exchange: Exchange, account: Account, held: Position) -> dict[str, object]:
    """Return a position, valued at the venue's mark."""
    price = exchange.mark(held.symbol)
    value = held.qty * price * held.multiplier
    gain = value - held.cost
    before = account.last_prices.get(held.symbol, held.avg_price)
    intraday = held.qty * (price - before) * held.multiplier
    return {
        "asset_id": asset_id(held.symbol),
        "symbol": held.symbol,
        "exchange": EXCHANGE[held.kind],
        "asset_class": ASSET_CLASS[held.kind],
        "asset_marginable": held.kind is AssetKind.STOCK,
        "avg_entry_price": text(held.avg_price.quantize(Decimal("0.000001"))),
        "qty": text(held.qty),
        "qty_available": text(abs(held.qty) - account.held_for_orders(held.symbol)),
        "side": "long" if held.qty > 0 else "short",
        "market_value": text(value),
        "cost_basis": text(held.cost.quantize(Decimal("0.000001"))),
        "unrealized_pl": text(gain.quantize(Decimal("0.000001"))),
        "unrealized_plpc": _ratio(gain, abs(held.cost)),
        "unrealized_intraday_pl": text(intraday.quantize(Decimal("0.000001"))),
        "unrealized_intraday_plpc": _ratio(intraday, abs(held.qty * before * held.multiplier)),
        "current_price": text(price),
        "lastday_price": text(before.quantize(Decimal("0.000001"))),
        "change_today": _ratio(price - before, before),
    }


def _ratio(part: Decimal, whole: Decimal) -> str:
    return text((part / whole).quantize(Decimal("0.000001"))) if whole else "0"


def account(exchange: Exchange, one: Account) -> dict[str, object]:
    """Return the account: a cash account, options level 3, no shorting."""
    return {
        "id": one.id,
        "account_number": one.name.upper(),
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        **{name: cents(value) for name, value in _money(exchange, one).items()},
        "pattern_day_trader": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": False,
        "multiplier": "1",
        "daytrade_count": 0,
        "created_at": stamp(one.opened),
        "options_approved_level": 3,
        "options_trading_level": 3,
    }


def _money(exchange: Exchange, one: Account) -> dict[str, Decimal]:
    values = [(p.qty * exchange.mark(p.symbol) * p.multiplier) for p in one.held()]
    long_value = sum((v for v in values if v > 0), ZERO)
    short_value = sum((v for v in values if v < 0), ZERO)
    equity = one.cash + long_value + short_value
    power = max(buying_power(one), ZERO)
    collateral = requirement(one.options(), one.shares()) or ZERO
    return {
        "buying_power": power,
        "regt_buying_power": power,
        "daytrading_buying_power": ZERO,
        "non_marginable_buying_power": power,
        "options_buying_power": power,
        "cash": one.cash,
        "portfolio_value": equity,
        "equity": equity,
        "last_equity": one.last_equity,
        "long_market_value": long_value,
        "short_market_value": short_value,
        "initial_margin": collateral,
        "maintenance_margin": collateral,
        "last_maintenance_margin": ZERO,
        "accrued_fees": ZERO,
        "sma": ZERO,
    }


def asset(one: Asset) -> dict[str, object]:
    """Return a stock as the assets API lists it."""
    return {
        "id": asset_id(one.symbol),
        "class": ASSET_CLASS[one.kind],
        "exchange": EXCHANGE[one.kind],
        "symbol": one.symbol,
        "name": one.name,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "maintenance_margin_requirement": 100,
        "shortable": False,
        "easy_to_borrow": False,
        "fractionable": one.lot_size < 1,
        "min_order_size": text(one.min_qty),
        "min_trade_increment": text(one.lot_size),
        "price_increment": text(one.tick_size),
        "attributes": ["has_options"],
    }


def contract(underlying: str, one: ContractQuote, day: str) -> dict[str, object]:
    """Return a contract as the option contracts API lists it; `day` dates its open interest and close."""
    return {
        "id": asset_id(one.symbol),
        "symbol": one.symbol,
        "name": f"{underlying} {one.expiry:%b %d %Y} {text(one.strike)} {'Call' if one.right == 'C' else 'Put'}",
        "status": "active",
        "tradable": True,
        "expiration_date": one.expiry.isoformat(),
        "root_symbol": underlying,
        "underlying_symbol": underlying,
        "underlying_asset_id": asset_id(underlying),
        "type": "call" if one.right == "C" else "put",
        "style": "american",
        "strike_price": text(one.strike),
        "multiplier": "100",
        "size": "100",
        "open_interest": str(one.open_interest),
        "open_interest_date": day,
        "close_price": text(one.last),
        "close_price_date": day,
    }


def activity(account_id: str, one: Activity) -> dict[str, object]:
    """Return an account activity."""
    return {"id": one.id, "account_id": account_id, "activity_type": one.type, **one.fields}
