"""The backtest of options: the module's own decisions at every recorded moment, screened and sized by the desk's rules.

No store, no network, no cycle. Entries, exits, risk rules, sizes and the arithmetic of the book are the desk's own
functions; what is here is their order, which is that of a cycle (`orchestrator.cycle`), and the account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial

import numpy as np

from ml.backtest.expiring import settle
from ml.backtest.outcome import Outcome
from ml.backtest.recorded import House, Recorded
from ml.backtest.wallet import Wallet
from orchestrator.domain.base import ZERO
from orchestrator.domain.documents import BookDoc, ExposureDoc
from orchestrator.domain.exposure import drawdown, rolled, with_account, with_module
from orchestrator.domain.intents import intent_of
from orchestrator.domain.market import MarketSnapshot, middles
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import plan
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import marked
from orchestrator.domain.risk import Denied, DeskState, RiskLimits
from orchestrator.domain.rules import Candidate
from orchestrator.domain.screening import screened
from orchestrator.domain.tape import tape_of
from orchestrator.module import Context, TradingModule

DESK = "backtest"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a backtest of options trades on: cash and limits, the venue, and what costs are multiplied by.

    Parameters
    ----------
    memory
        What the module remembers when it begins.
    """

    capital: Decimal
    limits: RiskLimits
    house: House
    cost_times: Decimal = Decimal(1)
    memory: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Walk:
    module: TradingModule
    parameters: Parameters
    recorded: Recorded
    terms: Terms
    wallet: Wallet
    exposure: ExposureDoc
    state: DeskState = DeskState.ACTIVE
    denied: dict[str, int] = field(default_factory=dict)


def run(module: TradingModule, parameters: Parameters, recorded: Recorded, terms: Terms) -> Outcome:
    """Return what a module would have made of the recorded moments; there is at least one."""
    walk = _begin(module, parameters, recorded, terms)
    rows, before = [], recorded.moments[0]
    for now in recorded.moments:
        for event in recorded.events(before, now):
            settle(walk.wallet, event)
        _moment(walk, now)
        held = walk.wallet.book.positions.values()
        rows.append((walk.wallet.equity(now), sum((one.gross_exposure for one in held), ZERO)))
        before = now
    values = np.array(rows, np.float64).reshape(-1, 2)
    return Outcome(
        ends=np.array([int(now.timestamp()) + 1 for now in recorded.moments], np.int64),
        equity=values[:, 0],
        gross=values[:, 1],
        ended=walk.wallet.ended,
        held=list(walk.wallet.book.positions.values()),
        denied=walk.denied,
    )


def _begin(module: TradingModule, parameters: Parameters, recorded: Recorded, terms: Terms) -> _Walk:
    start = recorded.moments[0]
    book = BookDoc(module=module.module_name, memory=dict(terms.memory), updated_at=start)
    wallet = Wallet(recorded, terms.house, terms.capital, book, terms.cost_times)
    return _Walk(module, parameters, recorded, terms, wallet, ExposureDoc(updated_at=start))


def _moment(walk: _Walk, now: datetime) -> None:
    """Do what one cycle does."""
    wallet, module = walk.wallet, walk.module
    wallet.work(now)
    wallet.book = wallet.book.model_copy(update={"account": wallet.view(now)})
    walk.exposure = with_account(rolled(walk.exposure, now), wallet.book.account, now)
    _brake(walk)
    market = walk.recorded.snapshot(module.request(wallet.book, walk.parameters, now), now)
    wallet.book = _marked(wallet.book, market)
    context = Context(book=wallet.book, market=market, parameters=walk.parameters, now=now)
    wanted = [*module.monitor(context), *module.analyze(context)]
    wallet.book = _remembered(module, context)
    overdue = [order for order in wallet.book.orders.values() if order.intent.valid_until <= now]
    _trade(walk, market, wanted, now)
    wallet.drop(overdue)


def _brake(walk: _Walk) -> None:
    """Open nothing any more once the fall from the peak would have halted the desk; what is held leaves as decided."""
    if drawdown(walk.exposure) >= walk.terms.limits.drawdown_halted:
        walk.state = DeskState.REDUCING


def _marked(book: BookDoc, market: MarketSnapshot) -> BookDoc:
    legs = {leg.symbol for position in book.positions.values() for leg in position.legs}
    marks = middles(market, legs)
    vague = {symbol for symbol in legs & market.quotes.keys() if not market.quotes[symbol].firm}
    positions = {key: marked(held, marks, vague=vague) for key, held in book.positions.items()}
    return book.model_copy(update={"positions": positions})


def _remembered(module: TradingModule, context: Context) -> BookDoc:
    """Return the book with the newest Greeks of what is held, and what the module wants remembered."""
    book, found = context.book, module.greeks(context)
    positions = {
        key: held.model_copy(update={"greeks": found[key]}) if key in found else held
        for key, held in book.positions.items()
    }
    return book.model_copy(update={"positions": positions, "memory": {**book.memory, **module.remember(context)}})


def _trade(walk: _Walk, market: MarketSnapshot, wanted: Sequence[TradeOpportunity], now: datetime) -> None:
    """Screen what is wanted and send what is granted."""
    if not wanted:
        return
    tape, book = tape_of(market), walk.wallet.book
    surroundings = partial(
        Candidate,
        state=walk.state,
        limits=walk.terms.limits,
        book=book,
        exposure=with_module(walk.exposure, book, now, tape.returns),
        session=market.session,
        now=now,
        tape=tape,
    )
    for opportunity, verdict in zip(wanted, screened(surroundings, wanted), strict=True):
        if isinstance(verdict, Denied):
            walk.denied[verdict.code.value] = walk.denied.get(verdict.code.value, 0) + 1
        else:
            walk.wallet.send(plan(intent_of(opportunity, verdict, desk=DESK, version=0), now), now)
