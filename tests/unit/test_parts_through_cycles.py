"""Ladders and following stops through whole cycles: no crash, lost answer or partial fill oversells a position."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modules.stocks.module import StocksModule
from modules.stocks.parameters import StocksParameters
from modules.stocks.strategies.momentum import Momentum
from orchestrator.adapters.memory.broker import MemoryBroker
from orchestrator.adapters.memory.faults import Fault
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.cycle import Desk, ModularOrchestrator
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import BookDoc, book_path
from orchestrator.domain.market import Bars, Quote
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.positions import Position, PositionLeg
from orchestrator.domain.stops import ExitRules
from orchestrator.module import ModuleConfig
from orchestrator.ports import Put, VenueOrder
from orchestrator.seed import seed
from tests.builders import NOW

BOOK = book_path(ModuleName.STOCKS)
EXITS = ExitRules(
    ladder=({"at_r": 1, "part": 0.3}, {"at_r": 2, "part": 0.3}, {"at_r": 3, "part": 0.4}),  # type: ignore[arg-type]
    break_even_r=1,
    restop_r=0.1,
    trail_after_r=10,
    trail_r=5,
    target_r=10,
)


@dataclass
class LadderDesk:
    """Ten AAPL bought at 100 with a stop at 90, looked after by the stocks module."""

    exits: ExitRules = EXITS
    now: datetime = NOW
    store: MemoryDataLayer = field(default_factory=MemoryDataLayer)
    market: MemoryMarketData = field(default_factory=MemoryMarketData)
    broker: MemoryBroker = field(init=False)

    def __post_init__(self) -> None:
        self.broker = MemoryBroker(now=lambda: self.now, name="venue")
        self.broker.positions["AAPL"] = Decimal(10)
        seed(self.store, {ModuleName.STOCKS: StocksParameters(momentum=Momentum(exits=self.exits))}, now=self.now)
        held = Position(
            id="sopened00000000000",
            module=ModuleName.STOCKS,
            strategy="momentum",
            symbol="AAPL",
            legs=(PositionLeg(symbol="AAPL", qty=Decimal(10), avg_px=Decimal(100)),),
            opened_at=self.now - timedelta(days=1),
            entry_px=Decimal(100),
            decision_px=Decimal(100),
            stop_price=Decimal(90),
            features={"timeframe_minutes": 1440.0},
        )
        mine = self.book.model_copy(update={"positions": {held.id: held}, "cursors": {"venue": "0"}})
        self.store.commit([Put(BOOK, encode(mine))])

    @property
    def book(self) -> BookDoc:
        return decode(BookDoc, self.store.get_many([BOOK])[BOOK].data, where=BOOK)

    @property
    def held(self) -> Decimal:
        return self.broker.positions["AAPL"]

    def resting(self) -> dict[Purpose, list[Order]]:
        """What the book says is not finished, by purpose."""
        found: dict[Purpose, list[Order]] = {purpose: [] for purpose in Purpose}
        for order in self.book.orders.values():
            if not order.state.terminal:
                found[order.intent.purpose].append(order)
        return found

    def on_sale(self) -> Decimal:
        """What the venue would sell if every order there filled."""
        return sum((held.intent.qty - held.filled_qty for held in self.broker._orders if not held.state.terminal), ZERO)

    def cycle(self, price: float, *, days: int = 0, broker: object = None) -> None:
        self.now += timedelta(days=days, minutes=5)
        px = Decimal(str(price))
        self.broker.set_prices({"AAPL": px})
        cent = Decimal("0.01")
        self.market.put_quotes([Quote(symbol="AAPL", ts=self.now, bid=px - cent, ask=px + cent)])
        self.market.put_bars(1440, "AAPL", daily_bars(self.now, price))
        desk = Desk(StocksModule, ModuleConfig(universe={}), broker or self.broker, self.market)  # type: ignore[arg-type]
        ModularOrchestrator(self.store, {ModuleName.STOCKS: lambda: desk}).cycle(
            ModuleName.STOCKS, slot=self.now, now=self.now
        )


def daily_bars(now: datetime, price: float) -> Bars:
    """Calm daily bars that end at midnight; too few for the strategy to have an opinion."""
    midnight = int(now.timestamp()) // 86400 * 86400
    ends = midnight - np.arange(29, -1, -1, dtype=np.int64) * 86400
    close = price * (1 + 0.0001 * np.resize([1.0, -1.0], 30))
    return Bars(ends, close, close * 1.004, close * 0.996, close, np.ones(30))


@pytest.fixture
def desk() -> LadderDesk:
    """A desk whose position has its first stop."""
    made = LadderDesk()
    made.cycle(100)
    assert [(o.intent.qty, o.intent.stop_price) for o in made.resting()[Purpose.PROTECT]] == [(10, 90)]
    return made


def test_a_rung_is_sold_and_the_rest_protected_in_the_same_cycle(desk: LadderDesk) -> None:
    desk.cycle(110)
    assert (desk.held, desk.on_sale()) == (7, 7)
    (stop,) = desk.resting()[Purpose.PROTECT]
    assert (stop.state, stop.intent.qty, stop.intent.stop_price) == (OrderState.WORKING, 7, 100)
    desk.cycle(110)
    (held,) = desk.book.positions.values()
    assert (held.units, held.exit_qty, held.raised_stop) == (7, 3, 100)
    assert desk.on_sale() == 7


def test_a_whole_ladder_is_one_trade_and_leaves_nothing(desk: LadderDesk) -> None:
    for price in (110, 105, 120, 120, 131, 131):
        desk.cycle(price)
    assert (desk.held, desk.on_sale(), desk.book.positions) == (0, 0, {})
    assert desk.book.drift == {}
    (trade,) = desk.store.query("trades")
    assert Decimal(trade.data["trade"]["realized_pnl"]) == 3 * 10 + 3 * 20 + 4 * 31
    record = desk.book.records["momentum"]
    assert (record.trades, record.wins, record.sum_win_r) == (1, 1, pytest.approx(2.14))


def test_a_risen_stop_is_kept_through_falls_and_restarts_and_replaced_once_a_bar() -> None:
    desk = LadderDesk(exits=EXITS.model_copy(update={"ladder": (), "chandelier_moves": 2.0, "break_even_r": 0}))
    desk.cycle(100)
    (first,) = desk.resting()[Purpose.PROTECT]
    for _ in range(4):
        desk.cycle(120)
    assert desk.resting()[Purpose.PROTECT] == [desk.book.orders[first.id]]
    assert (desk.on_sale(), first.intent.stop_price) == (10, Decimal("98.40"))
    desk.cycle(121, days=1)
    (raised,) = desk.resting()[Purpose.PROTECT]
    assert Decimal(118) < (raised.intent.stop_price or 0) < Decimal(121)
    assert desk.on_sale() == 10
    known = next(iter(desk.book.positions.values())).raised_stop or ZERO
    desk.cycle(float(known) + 0.5, days=1)
    assert desk.resting()[Purpose.PROTECT] == [desk.book.orders[raised.id]]
    assert next(iter(desk.book.positions.values())).raised_stop == known


class Dying:
    """The venue of a process that dies at one of its calls: before the venue hears of it, or before it hears back."""

    def __init__(self, broker: MemoryBroker, *, at: int, after: bool) -> None:
        self._broker, self._left, self._after = broker, at, after
        self.name, self.profile, self.state, self.find = broker.name, broker.profile, broker.state, broker.find

    def _do(self, call: str, order: Order) -> VenueOrder:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise KeyboardInterrupt
        said: VenueOrder = getattr(self._broker, call)(order)
        if self._left == 0:
            raise KeyboardInterrupt
        return said

    def submit(self, order: Order) -> VenueOrder:
        return self._do("submit", order)

    def cancel(self, order: Order) -> VenueOrder:
        return self._do("cancel", order)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_crash_while_a_part_is_sold_neither_oversells_nor_leaves_the_rest_naked(at: int, after: bool) -> None:
    desk = LadderDesk()
    desk.cycle(100)
    with pytest.raises(KeyboardInterrupt):
        desk.cycle(110, broker=Dying(desk.broker, at=at, after=after))
    assert desk.on_sale() <= desk.held
    for _ in range(4):
        desk.cycle(110)
        assert desk.on_sale() <= desk.held
    assert (desk.held, desk.on_sale()) == (7, 7)
    (held,) = desk.book.positions.values()
    assert (held.units, desk.book.drift) == (7, {})


class SellsBeforeCancel(Dying):
    """The venue whose stop sells three units just before it is cancelled."""

    def cancel(self, order: Order) -> VenueOrder:
        self._broker.fill(order.id, Decimal(3))
        return self._broker.cancel(order)


def test_a_stop_that_sold_while_it_was_replaced_is_placed_anew_in_the_next_cycle(desk: LadderDesk) -> None:
    desk.cycle(110, broker=SellsBeforeCancel(desk.broker, at=0, after=False))
    assert (desk.held, desk.on_sale()) == (7, 0)
    desk.cycle(110)
    assert (desk.held, desk.on_sale()) == (7, 7)
    (held,) = desk.book.positions.values()
    assert (held.units, held.exit_qty, desk.book.drift) == (7, 3, {})


fault = st.sampled_from([None, None, *Fault])
step = st.tuples(
    st.floats(92, 135).map(lambda px: round(px, 2)),
    st.sampled_from(["1", "0.5", "0"]),
    st.sampled_from(["submit", "cancel"]),
    fault,
    st.integers(0, 1),
)


@settings(max_examples=25)
@given(steps=st.lists(step, min_size=1, max_size=8))
@example(
    steps=[
        (92.0, "1", "submit", None, 0),
        (92.0, "1", "cancel", Fault.UNAVAILABLE, 0),
        (110.0, "1", "submit", Fault.UNAVAILABLE, 0),
        (92.0, "1", "submit", None, 0),
        (92.0, "0.5", "submit", None, 0),
        (120.0, "0.5", "submit", None, 0),
    ]
)
def test_whatever_the_venue_does_no_more_is_on_sale_than_is_held(steps) -> None:  # type: ignore[no-untyped-def]
    desk = LadderDesk()
    desk.cycle(100)
    floor = ZERO
    for price, fraction, call, wrong, days in steps:
        desk.broker.fill_fraction = Decimal(fraction)
        if wrong is not None:
            desk.broker.faults.add(call, wrong)
        desk.cycle(price, days=days)
        assert desk.held >= 0
        assert desk.on_sale() <= desk.held
        for held in desk.book.positions.values():
            assert (held.raised_stop or ZERO) >= floor
            floor = held.raised_stop or ZERO
    desk.broker.fill_fraction = Decimal(1)
    desk.broker.faults = type(desk.broker.faults)()
    for _ in range(8):
        desk.cycle(101 if floor < 101 else float(floor) + 1, days=1)
    assert sum((held.units for held in desk.book.positions.values()), ZERO) == desk.held
    assert desk.book.drift == {}
    assert 0 <= desk.held - desk.on_sale() < 1  # less than a lot is no reason to replace a stop
