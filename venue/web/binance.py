"""Binance's public endpoints: `BTCUSDT` stands for the feed's `BTC/USD`. Data only, nothing trades here."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import orjson

from venue.feed import Asset, AssetKind, MarketBar, MarketQuote
from venue.web.call import Call, Reply, from_epoch, reply, text

_UNITS = {"m": 1, "h": 60, "d": 1440, "w": 10_080}


def refuse(code: int, message: str) -> Reply:
    """Return an error as Binance words it."""
    return reply({"code": code, "msg": message}, 400)


def _milliseconds(ts: datetime) -> int:
    return int(ts.timestamp() * 1000)


def markets(call: Call) -> dict[str, Asset]:
    """Return the pairs by Binance's symbol."""
    crypto = [asset for asset in call.exchange.assets.values() if asset.kind is AssetKind.CRYPTO]
    return {f"{asset.symbol.partition('/')[0]}USDT": asset for asset in crypto}


def ping(_: Call) -> Reply:
    """Say nothing."""
    return reply({})


def get_time(call: Call) -> Reply:
    """Tell the venue's time."""
    return reply({"serverTime": _milliseconds(call.told_time)})


def exchange_info(call: Call) -> Reply:
    """List markets."""
    return reply(
        {
            "timezone": "UTC",
            "serverTime": _milliseconds(call.exchange.now),
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [_market(name, asset) for name, asset in markets(call).items()],
        },
    )


def no_markets(call: Call) -> Reply:
    """List the futures markets: there are none."""
    return reply({"timezone": "UTC", "serverTime": _milliseconds(call.exchange.now), "symbols": []})


def _market(name: str, asset: Asset) -> dict[str, object]:
    tick, lot = text(asset.tick_size), text(asset.lot_size)
    return {
        "symbol": name,
        "status": "TRADING",
        "baseAsset": asset.symbol.partition("/")[0],
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": text(asset.min_qty), "maxQty": "9000000", "stepSize": lot},
            {"filterType": "NOTIONAL", "minNotional": "5"},
        ],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }


def get_klines(call: Call) -> Reply:
    """Return finished candles."""
    asset = markets(call).get(call.params.get("symbol", ""))
    raw = call.params.get("interval", "")
    if asset is None or raw[-1:] not in _UNITS or not raw[:-1].isdigit():
        return refuse(-1121 if asset is None else -1120, "Invalid symbol." if asset is None else "Invalid interval.")
    minutes = int(raw[:-1]) * _UNITS[raw[-1]]
    limit, now = call.whole("limit", 500, 1000), call.exchange.now
    start = _instant(call, "startTime")
    end = _instant(call, "endTime") or now
    since = start or end - timedelta(minutes=minutes * (limit + 1))
    bars = call.exchange.feed.bars(asset.symbol, minutes, since, end + timedelta(milliseconds=1))
    bars = bars[:limit] if start is not None else bars[-limit:]
    return reply([_kline(call, asset, minutes, bar=bar) for bar in bars])


def _instant(call: Call, name: str) -> datetime | None:
    raw = call.params.get(name)
    return from_epoch(raw, name, per_second=1000) if raw else None


def _kline(call: Call, asset: Asset, minutes: int, *, bar: MarketBar) -> object:
    made = call.cache.bars.setdefault((f"binance:{asset.symbol}", minutes), {})
    if bar.start not in made:
        prices = [text(price) for price in (bar.open, bar.high, bar.low, bar.close)]
        close_time = _milliseconds(bar.start + timedelta(minutes=minutes)) - 1
        worth = text((bar.volume * bar.close).quantize(Decimal("0.00000001")))
        row = [_milliseconds(bar.start), *prices, text(bar.volume), close_time, worth, 0, "0", "0", "0"]
        made[bar.start] = (bar.start, orjson.dumps(row))
    return orjson.Fragment(made[bar.start][1])


def _asked(call: Call) -> list[tuple[str, Asset, MarketQuote]] | None:
    """Return what a ticker call asks for, None if it names an unknown symbol."""
    listed = markets(call)
    wanted = list(listed)
    if call.params.get("symbols"):
        wanted = _names(call.params["symbols"])
    elif call.params.get("symbol"):
        wanted = [call.params["symbol"]]
    if any(name not in listed for name in wanted):
        return None
    quotes = [(name, listed[name], call.quote(listed[name].symbol)) for name in wanted]
    return [(name, asset, quote) for name, asset, quote in quotes if quote is not None]


def _names(raw: str) -> list[str]:
    """Return the symbols of a JSON list; what is no such list names an unknown one."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return [raw]
    return [str(name) for name in found] if isinstance(found, list) else [raw]


def _ticker_reply(call: Call, rows: list[dict[str, object]]) -> Reply:
    return reply(rows[0] if call.params.get("symbol") and rows else rows)


def _touch(name: str, quote: MarketQuote) -> dict[str, object]:
    return {
        "symbol": name,
        "bidPrice": text(quote.bid or Decimal(0)),
        "bidQty": text(quote.bid_size),
        "askPrice": text(quote.ask or Decimal(0)),
        "askQty": text(quote.ask_size),
    }


def get_ticker(call: Call) -> Reply:
    """Return the figures of the last day."""
    asked = _asked(call)
    if asked is None:
        return refuse(-1121, "Invalid symbol.")
    return _ticker_reply(call, [_day(call, name, asset, quote=quote) for name, asset, quote in asked])


def _day(call: Call, name: str, asset: Asset, *, quote: MarketQuote) -> dict[str, object]:
    now = call.exchange.now
    bars: list[MarketBar] = []
    for minutes in (15, 60, 1440):
        bars = bars or call.exchange.feed.bars(asset.symbol, minutes, now - timedelta(days=1), now)
    first = bars[0].open if bars else quote.last
    volume = sum((bar.volume for bar in bars), Decimal(0))
    change = quote.last - first
    return {
        **_touch(name, quote),
        "priceChange": text(change),
        "priceChangePercent": text((change / first * 100).quantize(Decimal("0.001"))) if first else "0",
        "weightedAvgPrice": text(quote.last),
        "prevClosePrice": text(first),
        "lastPrice": text(quote.last),
        "lastQty": "0",
        "openPrice": text(first),
        "highPrice": text(max((bar.high for bar in bars), default=quote.last)),
        "lowPrice": text(min((bar.low for bar in bars), default=quote.last)),
        "volume": text(volume),
        "quoteVolume": text(sum((bar.volume * bar.close for bar in bars), Decimal(0))),
        "openTime": _milliseconds(now - timedelta(days=1)),
        "closeTime": _milliseconds(now),
        "firstId": 0,
        "lastId": 0,
        "count": len(bars),
    }


def get_book_ticker(call: Call) -> Reply:
    """Return the touch."""
    asked = _asked(call)
    if asked is None:
        return refuse(-1121, "Invalid symbol.")
    return _ticker_reply(call, [_touch(name, quote) for name, _, quote in asked])


def get_price(call: Call) -> Reply:
    """Return the last price."""
    asked = _asked(call)
    if asked is None:
        return refuse(-1121, "Invalid symbol.")
    return _ticker_reply(call, [{"symbol": name, "price": text(quote.last)} for name, _, quote in asked])


def get_depth(call: Call) -> Reply:
    """Return the touch as a book of one level a side."""
    asked = _asked(call)
    if not asked or not call.params.get("symbol"):
        return refuse(-1121, "Invalid symbol.")
    quote = asked[0][2]
    bids = [[text(quote.bid), text(quote.bid_size)]] if quote.bid is not None else []
    asks = [[text(quote.ask), text(quote.ask_size)]] if quote.ask is not None else []
    return reply({"lastUpdateId": _milliseconds(quote.ts), "bids": bids, "asks": asks})
