"""Markets for the tests of options: chains made with the pricing model, and the recorded ones of `chains_2026`."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from modules.options.parameters import OptionsParameters
from orchestrator.domain.base import ModuleName
from orchestrator.domain.chains import expiry_moment
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import OptionRight, is_occ, occ_symbol
from orchestrator.domain.market import Bars, MarketSnapshot, OptionChain, OptionQuote, Quote, SessionState, panel_of
from orchestrator.domain.orders import Leg, Order, OrderIntent, OrderState, OrderType, Purpose, Side
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.domain.pricing import price, terms
from orchestrator.module import Context

NEW_YORK = ZoneInfo("America/New_York")
CENT = Decimal("0.01")
NOW = datetime(2026, 7, 15, 19, 0, tzinfo=UTC)
"""A Wednesday, 15:00 in New York."""
OPEN = SessionState(
    is_open=True,
    close=datetime(2026, 7, 15, 20, 0, tzinfo=UTC),
    next_open=datetime(2026, 7, 16, 13, 30, tzinfo=UTC),
)
RATE = OptionsParameters().rate


def cents(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(CENT)


def option_quote(
    underlying: str,
    expiry: date,
    right: OptionRight,
    strike: Decimal,
    *,
    mid: float,
    half: float = 0.02,
    now: datetime = NOW,
    size: int = 0,
    **more: object,
) -> OptionQuote:
    """A contract quoted `half` on both sides of `mid`; without a bid when that is not positive."""
    bid = cents(mid - half)
    return OptionQuote(
        symbol=occ_symbol(underlying, expiry, right, strike),
        expiry=expiry,
        right=right,
        strike=strike,
        ts=now,
        bid=bid if bid > 0 else None,
        ask=max(cents(mid + half), CENT),
        bid_size=Decimal(size),
        ask_size=Decimal(size),
        **more,
    )


@cache
def chain_of(
    underlying: str = "SPY",
    *,
    spot: float = 100.0,
    vol: float = 0.2,
    days: Iterable[int] = (7, 16, 30, 44),
    step: float = 1.0,
    skew: float = 0.0,
    now: datetime = NOW,
    **more: object,
) -> OptionChain:
    """A chain priced by the model, each once; `skew` is what volatility loses per unit of log-moneyness."""
    quotes = []
    for left in days:
        expiry = now.astimezone(NEW_YORK).date() + timedelta(days=left)
        years = max((expiry_moment(expiry) - now).total_seconds(), 0) / (365 * 86400)
        for strike in np.arange(math.ceil(spot * 0.8 / step) * step, spot * 1.2, step).tolist():
            sigma = vol - skew * math.log(strike / spot)
            for right in OptionRight:
                of = terms(spot=spot, strike=strike, years=years, rate=RATE, is_call=right is OptionRight.CALL)
                mid = float(np.nan_to_num(price(of, sigma)))
                quotes.append(
                    option_quote(underlying, expiry, right, Decimal(repr(strike)), mid=mid, now=now, **more)  # type: ignore[arg-type]
                )
    return OptionChain(underlying=underlying, ts=now, spot=cents(spot), contracts=tuple(quotes))


def daily_bars(closes: Iterable[float], *, last: datetime = NOW) -> Bars:
    """Daily bars that end one day apart, the last at the midnight before `last`."""
    close = np.array(list(closes), dtype=np.float64)
    newest = int(last.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    ends = newest - 86400 * np.arange(len(close) - 1, -1, -1, dtype=np.int64)
    return Bars(ends, close, close, close, close, np.ones(len(close)))


def closes(
    *, drift: float = 0.0, vol: float = 0.2, count: int = 120, last: float = 100.0, seed: int = 7
) -> list[float]:
    """Closes that end at `last`, of exactly this yearly drift and (over the last 20) this yearly volatility."""
    noise = np.random.default_rng(seed).normal(size=count - 1)
    recent = noise[-20:]
    noise = (noise - recent.mean()) / recent.std(ddof=1)
    steps = noise * vol / math.sqrt(252) + drift / 252
    path = np.exp(np.concatenate([[0.0], np.cumsum(steps)]))
    return [float(value) for value in path / path[-1] * last]


def market_of(
    chains: Iterable[OptionChain],
    history: Mapping[str, Iterable[float]],
    *,
    session: SessionState = OPEN,
    now: datetime = NOW,
    half: float = 0.01,
) -> MarketSnapshot:
    """A market with these chains, daily closes by symbol, and quotes of the underlyings at the chains' spot."""
    known = {chain.underlying: chain for chain in chains}
    quotes = {
        symbol: Quote(symbol=symbol, ts=now, bid=chain.spot - cents(half), ask=chain.spot + cents(half))
        for symbol, chain in known.items()
    }
    panel = panel_of({symbol: daily_bars(values, last=now) for symbol, values in history.items()})
    return MarketSnapshot(session=session, quotes=quotes, panels={1440: panel}, chains=known)


def context_of(
    market: MarketSnapshot,
    *,
    book: BookDoc | None = None,
    parameters: OptionsParameters | None = None,
    now: datetime = NOW,
) -> Context:
    empty = BookDoc(module=ModuleName.OPTIONS, updated_at=now)
    return Context(book=book or empty, market=market, parameters=parameters or OptionsParameters(), now=now)


@dataclass(frozen=True)
class Recorded:
    """One recorded snapshot: the chain as known, and the sessions around it."""

    chain: OptionChain
    now: datetime
    rows: tuple[Mapping[str, str], ...]


def recorded_closes(data_root: Path, symbol: str) -> dict[date, float]:
    """Official closes by session."""
    with gzip.open(data_root / "equity" / "daily" / "recent" / f"{symbol}.csv.gz", "rt") as file:
        return {date.fromisoformat(row["date"]): float(row["close"]) for row in csv.DictReader(file)}


def recorded_chains(data_root: Path, symbol: str) -> Iterator[Recorded]:
    """Snapshots of `chains_2026` in time order; those at the close are moved one second before it."""
    path = next((data_root / "options" / "chains_2026").glob(f"{symbol}_*.csv.gz"))
    official = recorded_closes(data_root, symbol)
    with gzip.open(path, "rt") as file:
        near = filter(_within_reach, csv.DictReader(file))
        for stamp, group in groupby(near, key=lambda row: row["asof_ny"]):
            rows = tuple(group)
            taken = datetime.fromisoformat(stamp).replace(tzinfo=NEW_YORK)
            now = min(taken, datetime.combine(taken.date(), time(15, 59, 59), NEW_YORK)).astimezone(UTC)
            closing = taken.time() >= time(15, 59)
            spot = official[taken.date()] if closing else float(rows[0]["underlying_price"])
            quotes = tuple(_recorded_quote(symbol, row, now) for row in rows)
            yield Recorded(OptionChain(underlying=symbol, ts=now, spot=cents(spot), contracts=quotes), now, rows)


def _within_reach(row: Mapping[str, str]) -> bool:
    """Strikes that the desk's market data shows: reading the others takes most of the time."""
    return abs(float(row["strike"]) / float(row["underlying_price"]) - 1) <= 0.20


def _recorded_quote(symbol: str, row: Mapping[str, str], now: datetime) -> OptionQuote:
    return OptionQuote(
        **_contract(symbol, row["expiration"], row["right"], row["strike"]),
        ts=now,
        bid=Decimal(row["bid"]) if float(row["bid"]) > 0 else None,
        ask=Decimal(row["ask"]) if float(row["ask"]) > 0 else None,
        iv=float(row["iv"]) or None,
        open_interest=int(float(row["open_interest"])),
    )


@cache
def _contract(symbol: str, expiration: str, side: str, price: str) -> dict[str, Any]:
    """The terms of a contract, which every snapshot repeats."""
    expiry, right, strike = date.fromisoformat(expiration), OptionRight(side), Decimal(price)
    return {"symbol": occ_symbol(symbol, expiry, right, strike), "expiry": expiry, "right": right, "strike": strike}


def session_at(now: datetime, sessions: Iterable[date]) -> SessionState:
    """The session of `now`, closing at 16:00 New York, and the next of `sessions`."""
    day = now.astimezone(NEW_YORK).date()
    following = min((s for s in sessions if s > day), default=day + timedelta(days=1))
    return SessionState(
        is_open=True,
        close=datetime.combine(day, time(16), NEW_YORK),
        next_open=datetime.combine(following, time(9, 30), NEW_YORK),
    )


def with_quotes(chain: OptionChain, changed: Mapping[str, Mapping[str, object]]) -> OptionChain:
    """The chain with fields of some contracts changed, by symbol."""
    contracts = tuple(q.model_copy(update=dict(changed.get(q.symbol, {}))) for q in chain.contracts)
    return chain.model_copy(update={"contracts": contracts})


def with_session(market: MarketSnapshot, session: SessionState) -> MarketSnapshot:
    return replace(market, session=session)


def quoted(chain: OptionChain, *, days: int, right: OptionRight, strike: int) -> OptionQuote:
    """The contract of a chain with these terms."""
    expiry = chain.ts.astimezone(NEW_YORK).date() + timedelta(days=days)
    name = occ_symbol(chain.underlying, expiry, right, Decimal(strike))
    return next(quote for quote in chain.contracts if quote.symbol == name)


def holding(
    strategy: str,
    legs: Iterable[tuple[str, int, str]],
    *,
    underlying: str = "SPY",
    key: str = "p1",
    opened: datetime = NOW - timedelta(days=3),
    stop_price: str | None = None,
) -> Position:
    """A position of (symbol, signed quantity, entry price) legs."""
    held = tuple(
        PositionLeg(
            symbol=symbol,
            qty=Decimal(qty),
            avg_px=Decimal(paid),
            multiplier=Decimal(100 if is_occ(symbol) else 1),
        )
        for symbol, qty, paid in legs
    )
    return Position(
        id=key,
        module=ModuleName.OPTIONS,
        strategy=strategy,
        symbol=underlying,
        side=Side.SELL if len(held) == 1 and held[0].qty < 0 else Side.BUY,
        legs=held,
        opened_at=opened,
        entry_px=Decimal(0),
        decision_px=Decimal(0),
        stop_price=None if stop_price is None else Decimal(stop_price),
    )


def book_of(*positions: Position, memory: Mapping[str, str] | None = None, orders: Iterable[Order] = ()) -> BookDoc:
    return BookDoc(
        module=ModuleName.OPTIONS,
        positions={position.id: position for position in positions},
        orders={order.id: order for order in orders},
        memory=dict(memory or {}),
        updated_at=NOW,
    )


def working(symbol: str, *, purpose: Purpose, position_id: str = "p1", strategy: str = "long_call") -> Order:
    """An order that rests at the venue."""
    intent = OrderIntent(
        client_order_id=f"o-{symbol}-{purpose.value}",
        module=ModuleName.OPTIONS,
        strategy=strategy,
        purpose=purpose,
        symbol=symbol,
        legs=(Leg(symbol=symbol, side=Side.BUY),),
        side=Side.BUY,
        qty=Decimal(1),
        order_type=OrderType.LIMIT,
        decided_at=NOW,
        valid_until=NOW + timedelta(minutes=15),
        decision_px=Decimal(1),
        position_id=position_id,
    )
    return Order(intent=intent, state=OrderState.WORKING, updated_at=NOW)
