"""Kraken's public endpoints as ccxt uses them. Only finished candles are given: an unfinished one would be invented."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime

import orjson

from venue.exchange import Exchange
from venue.feed import MarketBar
from venue.web.call import Call, Reply, from_epoch, stamp, text
from venue.web.kraken_names import Pair, answer, currency, decimals, find, fixed, pairs, rate

VOLUME = Decimal("0.00000001")
CANDLES = 720


def names_of(call: Call) -> dict[str, Pair]:
    """Return the pairs by every name."""
    return pairs(call.exchange.assets)


def get_time(call: Call) -> Reply:
    """Tell the venue's time."""
    now = call.told_time
    return answer({"unixtime": int(now.timestamp()), "rfc1123": format_datetime(now)})


def get_status(call: Call) -> Reply:
    """Say that the exchange is online."""
    return answer({"status": "online", "timestamp": stamp(call.exchange.now)})


def get_assets(call: Call) -> Reply:
    """List currencies."""
    codes = {code for pair in names_of(call).values() for code in pair.asset.symbol.split("/")}
    found = {}
    for code in sorted(codes):
        name = currency(code)
        places = 4 if name.startswith("Z") else 10
        shown = name[1:] if len(name) == 4 and name[0] in "XZ" else name
        found[name] = {
            "aclass": "currency",
            "altname": shown,
            "decimals": places,
            "display_decimals": min(places, 5),
            "status": "enabled",
        }
    return answer(found)


def get_asset_pairs(call: Call) -> Reply:
    """List all pairs, or those asked for, with their tick, lot, least order, fees and state."""
    return answer({pair.id: _pair(pair, call.exchange) for pair in _asked(call)})


def _pair(pair: Pair, exchange: Exchange) -> dict[str, object]:
    asset, fees = pair.asset, exchange.fees
    taker, maker = [[0, rate(fees.kraken_taker_bps)]], [[0, rate(fees.kraken_maker_bps)]]
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base,
        "aclass_quote": "currency",
        "quote": pair.quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": decimals(asset.tick_size),
        "lot_decimals": decimals(asset.lot_size),
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": taker,
        "fees_maker": maker,
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": text(asset.min_qty),
        "costmin": "0.5",
        "tick_size": text(asset.tick_size),
        "status": "cancel_only" if asset.symbol in exchange.halted else "online",
    }


def _asked(call: Call) -> list[Pair]:
    names = names_of(call)
    wanted = call.params.get("pair")
    if wanted:
        return [find(names, name) for name in wanted.split(",")]
    return list({pair.id: pair for pair in names.values()}.values())


def get_ticker(call: Call) -> Reply:
    """Return touch, last trade and the figures of the last day."""
    found = {}
    for pair in _asked(call):
        quote = call.quote(pair.asset.symbol)
        if quote is not None:
            tick = pair.asset.tick_size
            bars = _day_of(call, pair)
            day = _figures(bars, quote.last, tick)
            found[pair.id] = {
                "a": [fixed(quote.ask or Decimal(0), tick), "1", fixed(quote.ask_size, Decimal("0.001"))],
                "b": [fixed(quote.bid or Decimal(0), tick), "1", fixed(quote.bid_size, Decimal("0.001"))],
                "c": [fixed(quote.last, tick), "0.00000000"],
                **day,
            }
    return answer(found)


def _day_of(call: Call, pair: Pair) -> list[MarketBar]:
    now = call.exchange.now
    for minutes in (1, 5, 15, 60, 1440):
        bars = call.exchange.feed.bars(pair.asset.symbol, minutes, now - timedelta(days=1), now)
        if bars:
            return bars
    return []


def _figures(bars: list[MarketBar], last: Decimal, tick: Decimal) -> dict[str, object]:
    high, low = max((b.high for b in bars), default=last), min((b.low for b in bars), default=last)
    volume = sum((b.volume for b in bars), Decimal(0))
    worth = sum((b.volume * b.close for b in bars), Decimal(0))
    average = worth / volume if volume else last
    return {
        "v": [fixed(volume, VOLUME)] * 2,
        "p": [fixed(average, tick)] * 2,
        "t": [len(bars), len(bars)],
        "l": [fixed(low, tick)] * 2,
        "h": [fixed(high, tick)] * 2,
        "o": fixed(bars[0].open if bars else last, tick),
    }


def get_ohlc(call: Call) -> Reply:
    """Return finished candles that start after `since`, the latest 720 at most."""
    pair = find(names_of(call), call.params.get("pair", ""))
    minutes = call.whole("interval", 1, 21_600)
    now = call.exchange.now
    since = call.params.get("since")
    start = now - timedelta(minutes=minutes * (CANDLES + 1))
    if since:
        start = from_epoch(since, "since") + timedelta(seconds=1)
    bars = call.exchange.feed.bars(pair.asset.symbol, minutes, start, now + timedelta(seconds=1))[-CANDLES:]
    last = int(bars[-1].start.timestamp()) if bars else int(now.timestamp())
    return answer({pair.id: [_candle(call, pair, minutes, bar=bar) for bar in bars], "last": last})


def _candle(call: Call, pair: Pair, minutes: int, *, bar: MarketBar) -> object:
    made = call.cache.bars.setdefault((pair.id, minutes), {})
    if bar.start not in made:
        made[bar.start] = (bar.start, orjson.dumps(_candle_row(pair, bar)))
    return orjson.Fragment(made[bar.start][1])


def _candle_row(pair: Pair, bar: MarketBar) -> list[object]:
    tick = pair.asset.tick_size
    prices = [fixed(price, tick) for price in (bar.open, bar.high, bar.low, bar.close)]
    return [int(bar.start.timestamp()), *prices, fixed(bar.close, tick), fixed(bar.volume, VOLUME), 0]


def get_depth(call: Call) -> Reply:
    """Return the touch as a book of one level a side."""
    pair = find(names_of(call), call.params.get("pair", ""))
    quote = call.quote(pair.asset.symbol)
    sides: dict[str, list[list[object]]] = {"asks": [], "bids": []}
    if quote is not None:
        ts, tick = int(quote.ts.timestamp()), pair.asset.tick_size
        if quote.ask is not None:
            sides["asks"].append([fixed(quote.ask, tick), fixed(quote.ask_size, VOLUME), ts])
        if quote.bid is not None:
            sides["bids"].append([fixed(quote.bid, tick), fixed(quote.bid_size, VOLUME), ts])
    return answer({pair.id: sides})


def get_trades(call: Call) -> Reply:
    """Return the last trade; its size and side are not known and given as 0 and a purchase."""
    pair = find(names_of(call), call.params.get("pair", ""))
    quote = call.quote(pair.asset.symbol)
    rows: list[list[object]] = []
    if quote is not None:
        seconds = quote.ts.timestamp()
        rows.append([fixed(quote.last, pair.asset.tick_size), fixed(Decimal(0), VOLUME), seconds, "b", "m", "", 1])
    last = str(int(rows[-1][2] * 1_000_000_000)) if rows and isinstance(rows[-1][2], float) else "0"
    return answer({pair.id: rows, "last": last})
