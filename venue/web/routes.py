"""Which handler answers which method and path. Fixed paths are looked up, the others matched in order."""

from __future__ import annotations

from collections.abc import Callable

from venue.web import (
    alpaca_account,
    alpaca_actions,
    alpaca_data,
    alpaca_orders,
    binance,
    kraken_private,
    kraken_public,
)
from venue.web.call import Call, Reply
from venue.web.control import Control

Handler = Callable[[Call], Reply]

_ALPACA: dict[tuple[str, str], Handler] = {
    ("GET", "/v2/account"): alpaca_account.get_account,
    ("GET", "/v2/account/configurations"): alpaca_account.get_configurations,
    ("GET", "/v2/account/activities"): alpaca_account.get_activities,
    ("GET", "/v2/clock"): alpaca_orders.get_clock,
    ("GET", "/v2/calendar"): alpaca_account.get_calendar,
    ("GET", "/v2/assets"): alpaca_account.get_assets,
    ("GET", "/v2/positions"): alpaca_account.get_positions,
    ("DELETE", "/v2/positions"): alpaca_orders.delete_positions,
    ("GET", "/v2/orders"): alpaca_orders.get_orders,
    ("POST", "/v2/orders"): alpaca_orders.post_order,
    ("DELETE", "/v2/orders"): alpaca_orders.delete_orders,
    ("GET", "/v2/orders:by_client_order_id"): alpaca_orders.get_order_by_client_id,
    ("GET", "/v2/options/contracts"): alpaca_account.get_contracts,
    ("GET", "/v2/corporate_actions/announcements"): alpaca_actions.get_announcements,
    ("GET", "/v1/corporate-actions"): alpaca_actions.get_corporate_actions,
    ("GET", "/v2/stocks/bars"): alpaca_data.get_bars,
    ("GET", "/v2/stocks/bars/latest"): alpaca_data.get_latest_bars,
    ("GET", "/v2/stocks/quotes/latest"): alpaca_data.get_latest_quotes,
    ("GET", "/v2/stocks/trades/latest"): alpaca_data.get_latest_trades,
    ("GET", "/v2/stocks/snapshots"): alpaca_data.get_snapshots,
    ("GET", "/v1beta1/options/snapshots"): alpaca_data.get_option_snapshots,
    ("GET", "/v1beta1/options/quotes/latest"): alpaca_data.get_latest_quotes,
    ("GET", "/v1beta1/options/trades/latest"): alpaca_data.get_latest_trades,
    ("GET", "/v1beta1/options/meta/exchanges"): alpaca_data.get_exchanges,
}
_KRAKEN_PUBLIC: dict[str, Handler] = {
    "Time": kraken_public.get_time,
    "SystemStatus": kraken_public.get_status,
    "Assets": kraken_public.get_assets,
    "AssetPairs": kraken_public.get_asset_pairs,
    "Ticker": kraken_public.get_ticker,
    "OHLC": kraken_public.get_ohlc,
    "Depth": kraken_public.get_depth,
    "Trades": kraken_public.get_trades,
}
_KRAKEN_PRIVATE: dict[str, Handler] = {
    "Balance": kraken_private.balance,
    "BalanceEx": kraken_private.balance_ex,
    "TradeBalance": kraken_private.trade_balance,
    "AddOrder": kraken_private.add_order,
    "CancelOrder": kraken_private.cancel_order,
    "CancelAll": kraken_private.cancel_all,
    "OpenOrders": kraken_private.open_orders,
    "ClosedOrders": kraken_private.closed_orders,
    "QueryOrders": kraken_private.query_orders,
    "TradesHistory": kraken_private.trades_history,
    "Ledgers": kraken_private.ledgers,
    "QueryTrades": kraken_private.query_trades,
    "TradeVolume": kraken_private.trade_volume,
}
_BINANCE: dict[tuple[str, str], Handler] = {
    ("GET", "/api/v3/ping"): binance.ping,
    ("GET", "/api/v3/time"): binance.get_time,
    ("GET", "/api/v3/exchangeInfo"): binance.exchange_info,
    ("GET", "/api/v3/klines"): binance.get_klines,
    ("GET", "/api/v3/ticker/24hr"): binance.get_ticker,
    ("GET", "/api/v3/ticker/bookTicker"): binance.get_book_ticker,
    ("GET", "/api/v3/ticker/price"): binance.get_price,
    ("GET", "/api/v3/depth"): binance.get_depth,
    # ccxt lists futures too when it loads Binance's markets.
    ("GET", "/fapi/v1/exchangeInfo"): binance.no_markets,
    ("GET", "/dapi/v1/exchangeInfo"): binance.no_markets,
}
_PATTERNS: list[tuple[str, str, Handler]] = [
    ("GET", r"/v2/orders/(?P<order_id>[^/]+)", alpaca_orders.get_order),
    ("DELETE", r"/v2/orders/(?P<order_id>[^/]+)", alpaca_orders.delete_order),
    ("GET", r"/v2/positions/(?P<symbol>[^/]+)", alpaca_account.get_position),
    ("DELETE", r"/v2/positions/(?P<symbol>[^/]+)", alpaca_orders.delete_position),
    ("GET", r"/v2/assets/(?P<symbol>[^/]+)", alpaca_account.get_asset),
    ("GET", r"/v2/account/activities/(?P<type>[^/]+)", alpaca_account.get_activities),
    ("GET", r"/v2/options/contracts/(?P<symbol>[^/]+)", alpaca_account.get_contract),
    ("GET", r"/v1beta1/options/snapshots/(?P<symbol>[^/]+)", alpaca_data.get_option_chain),
]


def routes(
    control: Control, nonces: dict[str, int]
) -> tuple[dict[tuple[str, str], Handler], list[tuple[str, str, Handler]]]:
    """Return the handlers of fixed paths, and (method, pattern, handler) of the others."""
    exact = {**_ALPACA, **_BINANCE}
    exact.update({("GET", f"/0/public/{name}"): handler for name, handler in _KRAKEN_PUBLIC.items()})
    for name, handler in _KRAKEN_PRIVATE.items():
        exact["POST", f"/0/private/{name}"] = kraken_private.guarded(handler, nonces)
    exact.update(
        {
            ("GET", "/venue/clock"): control.get_clock,
            ("POST", "/venue/clock"): control.post_clock,
            ("GET", "/venue/schedule"): control.get_schedule,
            ("GET", "/venue/ledger"): control.get_ledger,
            ("POST", "/venue/reset"): control.post_reset,
            ("GET", "/venue/halts"): control.get_halts,
            ("POST", "/venue/halts"): control.post_halts,
            ("POST", "/venue/actions"): control.post_actions,
            ("POST", "/venue/transfers"): control.post_transfers,
            ("GET", "/venue/profiles"): control.get_profiles,
            ("POST", "/venue/profiles"): control.post_profiles,
            ("GET", "/venue/faults"): control.get_faults,
            ("POST", "/venue/faults"): control.post_faults,
            ("DELETE", "/venue/faults"): control.delete_faults,
        },
    )
    return exact, list(_PATTERNS)
