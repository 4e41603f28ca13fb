"""Alpaca's market data endpoints: stock bars, quotes, trades and snapshots; option quotes and chain snapshots.

A side without a quote is price 0 and size 0, as Alpaca sends it. Trade counts and volume-weighted prices are null:
the feed does not know them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from datetime import UTC, datetime, timedelta

import orjson

from venue.feed import ContractQuote, MarketBar, MarketQuote
from venue.hours import NEW_YORK
from venue.occ import parse
from venue.orders import Refusal, RefusedError
from venue.web import adjust
from venue.web.alpaca_account import ContractFilter, any_expiry
from venue.web.call import Call, ChainPage, Reply, reply, stamp, when, written

DAY = 1440
_UNITS = {"Min": 1, "T": 1, "Hour": 60, "H": 60, "Day": DAY, "D": DAY, "Week": 7 * DAY, "W": 7 * DAY}
Stamped = tuple[datetime, bytes]


def timeframe(raw: str) -> int:
    """Return the minutes of a time frame such as `15Min`, `1Hour`, `1Day`.

    Raises
    ------
    RefusedError
        If it is none.
    """
    digits = raw.rstrip("MinTHourDayWek")
    minutes = _UNITS.get(raw[len(digits) :])
    if minutes is None or not (digits or "1").isdigit():
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid timeframe: {raw}")
    return int(digits or 1) * minutes


def _symbols(call: Call) -> list[str]:
    names = sorted({name.strip().upper() for name in call.params.get("symbols", "").split(",") if name.strip()})
    if not names:
        raise RefusedError(Refusal.BAD_REQUEST, "symbols is required")
    return names


def get_bars(call: Call) -> Reply:
    """Return finished bars of several symbols, by symbol and time, in pages of `limit` bars over all symbols."""
    params = call.params
    minutes = timeframe(params.get("timeframe", "1Day"))
    start = call.moment("start") or datetime.combine(call.exchange.today(), datetime.min.time(), UTC)
    end = _inclusive(params.get("end"), call.exchange.now)
    left = call.whole("limit", 1000, 10_000)
    token_symbol, token_time = _read_token(params.get("page_token", ""))
    pages: list[bytes] = []
    token: str | None = None
    for symbol in _symbols(call):
        if symbol < token_symbol:
            continue
        bars = _stamped(call, symbol, minutes, start=start, end=end)
        if params.get("sort") == "desc":
            bars.reverse()
        if symbol == token_symbol:
            bars = _after(bars, token_time, descending=params.get("sort") == "desc")
        taken = bars[:left]
        left -= len(taken)
        if taken:
            pages.append(orjson.dumps(symbol) + b":[" + b",".join(body for _, body in taken) + b"]")
        if len(bars) > len(taken):
            token = _token(symbol, stamp(taken[-1][0]) if taken else "")
            break
    more = orjson.dumps(token)
    return Reply(b'{"bars":{' + b",".join(pages) + b'},"next_page_token":' + more + b"}")


def _inclusive(raw: str | None, now: datetime) -> datetime:
    if not raw:
        return now
    end = when(raw, "end")
    return end + timedelta(days=1, microseconds=-1) if len(raw) == len("2026-01-01") else end


def _stamped(call: Call, symbol: str, minutes: int, *, start: datetime, end: datetime) -> list[Stamped]:
    """Return (time, JSON) of the bars whose time lies in [start, end]; a daily bar's time is midnight New York."""
    feed = call.exchange.feed
    kinds = adjust.wanted(call.params.get("adjustment", "raw"))
    version = f"{symbol}|{','.join(sorted(kinds))}|{len(feed.actions(symbol))}" if kinds else symbol
    made = call.cache.bars.setdefault((version, minutes), {})
    slack = timedelta(days=1) if minutes >= DAY else timedelta(0)
    bars = feed.bars(symbol, minutes, start - slack, end + slack + timedelta(microseconds=1))
    unknown = [bar for bar in bars if bar.start not in made]
    factors = adjust.factors(feed, symbol, kinds) if kinds and unknown else []
    for bar in unknown:
        made[bar.start] = _bar(adjust.adjusted(bar, factors), daily=minutes >= DAY)
    return [entry for entry in (made[bar.start] for bar in bars) if start <= entry[0] <= end]


def _bar(bar: MarketBar, *, daily: bool) -> Stamped:
    start = bar.start
    if daily:
        start = start.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    prices = {"o": float(bar.open), "h": float(bar.high), "l": float(bar.low), "c": float(bar.close)}
    return start, written({"t": start, **prices, "v": float(bar.volume), "n": None, "vw": None})


def _after(bars: list[Stamped], token: str, *, descending: bool) -> list[Stamped]:
    if not token:
        return bars
    time = when(token, "page_token")
    return [bar for bar in bars if (bar[0] < time if descending else bar[0] > time)]


def _token(symbol: str, time: str) -> str:
    return urlsafe_b64encode(f"{symbol}|{time}".encode()).decode()


def _read_token(token: str) -> tuple[str, str]:
    if not token:
        return "", ""
    try:
        symbol, _, time = urlsafe_b64decode(token.encode()).decode().partition("|")
    except ValueError as error:
        raise RefusedError(Refusal.BAD_REQUEST, f"invalid page_token: {token}") from error
    return symbol, time


def get_latest_bars(call: Call) -> Reply:
    """Return the last finished minute bar of each symbol, or the finest there is."""
    return reply({"bars": {s: orjson.Fragment(b) for s in _symbols(call) if (b := _latest_bar(call, s)) is not None}})


def _latest_bar(call: Call, symbol: str) -> bytes | None:
    for minutes, reach in ((1, 1), (5, 1), (15, 1), (60, 5), (DAY, 10)):
        found = _recent(call, symbol, minutes, reach)
        if found:
            return found[-1]
    return None


def _recent(call: Call, symbol: str, minutes: int, days: int) -> list[bytes]:
    now = call.exchange.now
    return [body for _, body in _stamped(call, symbol, minutes, start=now - timedelta(days=days), end=now)]


def quote_json(quote: MarketQuote) -> dict[str, object]:
    """Return a quote as the data API writes it."""
    return {
        "t": quote.ts,
        "ax": "V",
        "ap": float(quote.ask or 0),
        "as": float(quote.ask_size),
        "bx": "V",
        "bp": float(quote.bid or 0),
        "bs": float(quote.bid_size),
        "c": ["R"],
        "z": "C",
    }


def trade_json(quote: MarketQuote) -> dict[str, object]:
    """Return the last trade as the data API writes it; its size is not known."""
    return {"t": quote.ts, "x": "V", "p": float(quote.last), "s": 0, "c": ["@"], "i": 0, "z": "C"}


def _quotes(call: Call) -> dict[str, MarketQuote]:
    return {symbol: quote for symbol in _symbols(call) if (quote := call.quote(symbol)) is not None}


def get_latest_quotes(call: Call) -> Reply:
    """Return the latest quote of each symbol, of stocks and of contracts alike."""
    return reply({"quotes": {symbol: quote_json(quote) for symbol, quote in _quotes(call).items()}})


def get_latest_trades(call: Call) -> Reply:
    """Return the last trade of each symbol."""
    return reply({"trades": {symbol: trade_json(quote) for symbol, quote in _quotes(call).items()}})


def get_snapshots(call: Call) -> Reply:
    """Return quote, trade and bars of each stock."""
    found: dict[str, object] = {}
    for symbol, quote in _quotes(call).items():
        minute = _recent(call, symbol, 1, 1)
        daily = _recent(call, symbol, DAY, 10)
        found[symbol] = {
            "latestTrade": trade_json(quote),
            "latestQuote": quote_json(quote),
            "minuteBar": orjson.Fragment(minute[-1]) if minute else None,
            "dailyBar": orjson.Fragment(daily[-1]) if daily else None,
            "prevDailyBar": orjson.Fragment(daily[-2]) if len(daily) > 1 else None,
        }
    return reply(found)


def get_option_chain(call: Call) -> Reply:
    """Return the latest snapshot of an underlying's contracts, filtered, in pages of at most 1000."""
    page = call.chain(call.args["symbol"])
    if page is None:
        return reply({"snapshots": {}, "next_page_token": None})
    wanted = ContractFilter.of(call, any_expiry(call))
    found = [one for one in page.contracts if wanted.passes(one)]
    start = bisect_right([one.symbol for one in found], _read_token(call.params.get("page_token", ""))[0])
    limit = call.whole("limit", 100, 1000)
    more = _token(found[start + limit - 1].symbol, "") if start + limit < len(found) else None
    return _snapshots({one.symbol: _snapshot(call, page, one) for one in found[start : start + limit]}, more)


def get_option_snapshots(call: Call) -> Reply:
    """Return the latest snapshots of named contracts."""
    found: dict[str, bytes] = {}
    for symbol in _symbols(call):
        contract = parse(symbol)
        page = call.chain(contract.underlying) if contract is not None else None
        if page is not None and symbol in page.chain.contracts:
            found[symbol] = _snapshot(call, page, page.chain.contracts[symbol])
    return _snapshots(found, None)


def _snapshots(found: dict[str, bytes], more: str | None) -> Reply:
    body = b",".join(b'"' + symbol.encode() + b'":' + one for symbol, one in found.items())
    return Reply(b'{"snapshots":{' + body + b'},"next_page_token":' + orjson.dumps(more) + b"}")


def _snapshot(call: Call, page: ChainPage, one: ContractQuote) -> bytes:
    if call.quote_fault is not None:
        return _write_snapshot(call.quote_fault.spoil(_quote_of(page, one)), one)
    if one.symbol not in page.written:
        page.written[one.symbol] = _write_snapshot(_quote_of(page, one), one)
    return page.written[one.symbol]


def _quote_of(page: ChainPage, one: ContractQuote) -> MarketQuote:
    return MarketQuote(page.chain.ts, one.bid, one.ask, one.bid_size, one.ask_size, one.last)


def _write_snapshot(quote: MarketQuote, one: ContractQuote) -> bytes:
    found: dict[str, object] = {"latestQuote": quote_json(quote)}
    if one.last:
        found["latestTrade"] = trade_json(quote)
    if one.iv is not None:
        found["impliedVolatility"] = one.iv
    greeks = {"delta": one.delta, "gamma": one.gamma, "rho": one.rho, "theta": one.theta, "vega": one.vega}
    if all(value is not None for value in greeks.values()):
        found["greeks"] = greeks
    return written(found)


def get_exchanges(_: Call) -> Reply:
    """Return the exchange codes: the venue is its own only one."""
    return reply({"V": "firedesk venue"})
