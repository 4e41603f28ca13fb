"""The options module on the five recorded weeks of SPY, QQQ, AAPL and NVDA chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal

import numpy as np
import pytest

from modules.options.module import OptionsModule
from modules.options.parameters import OptionsParameters
from modules.options.universe import UNIVERSE
from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.instruments import parse_occ
from orchestrator.domain.market import Bars, MarketSnapshot, OptionChain, panel_of
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import Side
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.module import ModuleConfig
from tests.options_market import NEW_YORK, context_of, recorded_chains, recorded_closes, session_at

KNOBS = OptionsParameters()
CLOSE = time(15, 59, 59)


@pytest.fixture(scope="module")
def weeks(data_root) -> list[tuple[datetime, MarketSnapshot]]:
    """The market at every moment a chain was recorded, with the bars complete by then."""
    symbols = UNIVERSE["underlyings"]
    closes = {symbol: recorded_closes(data_root, symbol) for symbol in symbols}
    chains: dict[datetime, dict[str, OptionChain]] = {}
    for symbol in symbols:
        for recorded in recorded_chains(data_root, symbol):
            chains.setdefault(recorded.now, {})[symbol] = recorded.chain
    return [(now, _market(found, closes, now)) for now, found in sorted(chains.items())]


def _market(chains: dict[str, OptionChain], closes: dict[str, dict[date, float]], now: datetime) -> MarketSnapshot:
    bars = {}
    for symbol, by_day in closes.items():
        ends = {datetime.combine(day, CLOSE, NEW_YORK): close for day, close in sorted(by_day.items())}
        close = np.array([close for end, close in ends.items() if end <= now])
        stamps = np.array([int(end.timestamp()) for end in ends if end <= now], dtype=np.int64)
        bars[symbol] = Bars(stamps, close, close, close, close, close)
    session = session_at(now, closes["SPY"])
    return MarketSnapshot(session=session, panels={1440: panel_of(bars)}, chains=chains)


def trade(weeks) -> Iterator[tuple[datetime, MarketSnapshot, TradeOpportunity, BookDoc]]:
    """Decide at every moment and fill one unit of everything at its limit; yields each decision."""
    module = OptionsModule(None, None, None, ModuleConfig(universe=UNIVERSE))  # type: ignore[arg-type]
    book = BookDoc(module=ModuleName.OPTIONS, updated_at=weeks[0][0])
    for now, market in weeks:
        context = context_of(market, book=book, now=now)
        positions = dict(book.positions)
        for wish in [*module.monitor(context), *module.analyze(context)]:
            yield now, market, wish, book
            if wish.position_id is not None:
                del positions[wish.position_id]
            else:
                positions[f"{wish.symbol}{now:%m%d%H}"] = _filled(wish, market, f"{wish.symbol}{now:%m%d%H}")
        book = book.model_copy(update={"positions": positions, "memory": dict(module.remember(context))})


def _filled(wish: TradeOpportunity, market: MarketSnapshot, key: str) -> Position:
    quotes = {quote.symbol: quote for quote in market.chains[wish.symbol].contracts}
    legs = tuple(
        PositionLeg(
            symbol=leg.symbol,
            qty=Decimal(leg.side.sign),
            avg_px=_touch(quotes[leg.symbol], leg.side),
            multiplier=leg.multiplier,
        )
        for leg in wish.legs
    )
    return Position(
        id=key,
        module=wish.module,
        strategy=wish.strategy,
        symbol=wish.symbol,
        side=wish.side,
        legs=legs,
        opened_at=wish.decided_at,
        entry_px=wish.limit_px or Decimal(0),
        decision_px=wish.decision_px,
    )


def _touch(quote, side: Side) -> Decimal:
    price = quote.ask if side is Side.BUY else quote.bid
    assert price is not None
    return price


@pytest.fixture(scope="module")
def decisions(weeks):
    """Everything the module decided over the five weeks."""
    return list(trade(weeks))


def test_the_recorded_weeks_offer_trades_that_could_have_been_made(decisions):
    told, seen = [], Counter()
    for now, market, wish, book in decisions:
        seen[(wish.purpose.value, wish.strategy)] += 1
        told.append(f"{now:%m-%d %H:%M} {wish.purpose.value} {wish.symbol} {wish.reason} at {wish.limit_px}")
        chain = market.chains[wish.symbol]
        quotes = {quote.symbol: quote for quote in chain.contracts}
        held = None if wish.position_id is None else book.positions[wish.position_id]
        net = Decimal(0)
        for leg in wish.legs:
            assert leg.symbol in quotes
            net += leg.side.sign * _touch(quotes[leg.symbol], leg.side)
        # The venue fills all legs at their own touch or none: the limit is that net.
        assert wish.limit_px == (net if len(wish.legs) > 1 else abs(net))
        if held is None:
            _check_entry(wish, quotes, chain)
        else:
            assert {(leg.symbol, leg.qty > 0) for leg in held.legs} == {
                (leg.symbol, leg.side is Side.SELL) for leg in wish.legs
            }
    print("\n".join(told))
    assert {strategy for purpose, strategy in seen if purpose == "entry"} >= {"bull_call_spread", "bull_put_spread"}
    assert sum(count for (purpose, _), count in seen.items() if purpose == "entry") >= 5
    assert sum(count for (purpose, _), count in seen.items() if purpose == "exit") >= 3


def _check_entry(wish, quotes, chain):
    today = wish.decided_at.astimezone(NEW_YORK).date()
    for leg in wish.legs:
        quote = quotes[leg.symbol]
        assert quote.bid is not None
        assert quote.bid > 0
        assert quote.ask - quote.bid <= quote.mid * Decimal(repr(KNOBS.liquidity.max_spread))
        assert quote.open_interest >= KNOBS.liquidity.min_open_interest
        assert abs(quote.strike / chain.spot - 1) < Decimal("0.25")
        assert KNOBS.selection.min_days <= (quote.expiry - today).days <= KNOBS.selection.max_days
    assert wish.max_loss_usd is not None
    assert 0 < wish.max_loss_usd <= Decimal(900)


def test_no_recorded_position_reaches_the_session_before_its_expiry(weeks, decisions):
    sessions = sorted({now.astimezone(NEW_YORK).date() for now, _ in weeks})
    for _, _, wish, book in decisions:
        day = wish.decided_at.astimezone(NEW_YORK).date()
        for position in book.positions.values():
            expiry = min(parse_occ(leg.symbol).expiry for leg in position.legs)
            assert sum(day < session <= expiry for session in sessions) > 1 or expiry > sessions[-1]


def test_later_chains_and_bars_change_no_decision(weeks, decisions):
    # What is decided on the first sessions is the same when the later ones are not there.
    early = [(now, wish) for now, _, wish, _ in trade(weeks[:20])]
    whole = [(now, wish) for now, _, wish, _ in decisions]
    assert early
    assert whole[: len(early)] == early
