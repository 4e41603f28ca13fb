"""A desk on the real Alpaca adapter through corporate actions at the local venue, with a stop resting in the symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.alpaca.broker import AlpacaBroker
from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.domain.orders import Order, OrderState, Purpose
from orchestrator.domain.positions import Position
from tests.contract.broker_stage import _VenueTime
from tests.contract.venue_market import HOUR, OPEN, Venue, market, open_venue
from tests.desk import TestDesk
from venue.feed import CorporateAction
from venue.scripted import quote

EX = date(2026, 7, 17)
BEFORE_OPEN = OPEN + timedelta(days=1, minutes=-1)
NEXT_DAY = OPEN + timedelta(days=1, minutes=5)


@dataclass
class Scene:
    """A desk that trades at the local venue in the venue's time."""

    desk: TestDesk
    venue: Venue
    broker: AlpacaBroker

    def cycle(self, price: str, minutes: int = 1) -> None:
        self.venue.advance(self.venue.exchange.now + timedelta(minutes=minutes))
        self.desk.now = self.venue.exchange.now - timedelta(minutes=5)
        self.desk.cycle(prices={"XLK": Decimal(price)}, broker=self.broker)

    def act(self, **action: str) -> None:
        """Let the venue split, pay or rename the stock, now."""
        self.venue.http.post("/venue/actions", json={"symbol": "XLK", **action}).raise_for_status()

    @property
    def position(self) -> Position:
        (held,) = self.desk.book.positions.values()
        return held

    @property
    def resting(self) -> list[Order]:
        return [order for order in self.desk.book.orders.values() if not order.state.terminal]

    def shown(self, symbol: str = "XLK") -> Decimal:
        return self.broker.state("").positions.get(symbol, Decimal(0))


def scene_with(*actions: CorporateAction, price: str) -> Iterator[Scene]:
    """Let XLK be bought and protected, and the actions happen before the next open."""
    feed = market()
    feed.events = [(BEFORE_OPEN, action) for action in actions]
    feed.say("XLK", quote(OPEN + timedelta(seconds=30), "99.99", "100.01", size="5000"))
    feed.say("XLK", quote(BEFORE_OPEN, price, str(Decimal(price) + Decimal("0.02"))))
    with open_venue(feed) as venue:
        keys = AlpacaKeys("key", "secret", base_url=venue.url, data_url=venue.url)
        broker = AlpacaBroker(keys, clock=_VenueTime(venue), sleep=lambda _: None)
        scene = Scene(TestDesk(now=OPEN), venue, broker)
        scene.desk.module.entries = ["XLK"]
        scene.cycle("100")
        scene.desk.module.entries, scene.desk.module.protects = [], True
        scene.cycle("100")
        scene.cycle("100")
        assert [order.intent.purpose for order in scene.resting] == [Purpose.PROTECT]
        venue.advance(NEXT_DAY)
        yield scene
        broker.close()


@pytest.fixture
def split() -> Iterator[Scene]:
    yield from scene_with(CorporateAction("XLK", EX, ratio=Decimal(2)), price="50.00")


@pytest.fixture
def reverse() -> Iterator[Scene]:
    yield from scene_with(CorporateAction("XLK", EX, ratio=Decimal("0.5")), price="200.00")


@pytest.fixture
def dividend() -> Iterator[Scene]:
    yield from scene_with(CorporateAction("XLK", EX, cash=Decimal("0.75")), price="99.00")


@pytest.fixture
def calm() -> Iterator[Scene]:
    yield from scene_with(price="100.00")


def settled(scene: Scene, price: str) -> None:
    """Let two more cycles pass: nothing is left to explain, one stop rests for all that is held."""
    scene.cycle(price)
    scene.cycle(price)
    book = scene.desk.book
    assert (book.quarantine, book.drift, book.foreign, book.cash_drift) == ({}, {}, {}, 0)
    assert scene.position.units == scene.shown(scene.position.symbol)
    (stop,) = scene.resting
    assert stop.state is OrderState.WORKING
    assert stop.intent.qty == scene.position.units


def test_a_split_ends_with_the_scaled_stop_that_rests_at_the_venue(split: Scene) -> None:
    before, (stop,) = split.position, split.resting
    assert stop.intent.stop_price is not None
    split.cycle("50")
    assert "split of 2 for 1" in split.desk.book.quarantine["XLK"]
    assert split.position.units == 2 * before.units
    assert split.position.legs[0].cost == before.legs[0].cost
    settled(split, "50")
    (after,) = split.resting
    assert after.id == stop.id, "the venue scaled it, so nothing is replaced"
    found = split.broker.find(after)
    assert found is not None
    assert (found.qty, found.stop_price) == (after.intent.qty, after.intent.stop_price)
    assert after.intent.stop_price == stop.intent.stop_price / 2


def test_a_reverse_split_halves_what_is_held_and_doubles_the_stop(reverse: Scene) -> None:
    before, (stop,) = reverse.position, reverse.resting
    reverse.cycle("200")
    assert reverse.position.units == before.units / 2
    settled(reverse, "200")
    (after,) = reverse.resting
    assert stop.intent.stop_price is not None
    assert after.intent.stop_price == 2 * stop.intent.stop_price


def test_a_dividend_is_income_once(dividend: Scene) -> None:
    units = dividend.position.units
    dividend.cycle("99")
    settled(dividend, "99")
    assert dividend.desk.book.income == Decimal("0.75") * units


def test_a_split_that_the_desk_slept_through_is_taken_in_before_any_level_is_judged(split: Scene) -> None:
    split.venue.advance(NEXT_DAY + 3 * HOUR)
    split.cycle("50")
    assert split.position.stop_price is not None
    assert split.position.stop_price < 50
    settled(split, "50")


def test_a_reverse_split_pays_a_fraction_and_cancels_the_stop_which_is_placed_anew(calm: Scene) -> None:
    before, (stop,) = calm.position, calm.resting
    calm.act(ratio="0.03125")
    calm.cycle("3200")
    whole, fraction = divmod(before.units / 32, 1)
    assert fraction, f"{before.units} is a case without a fraction"
    assert calm.position.units == whole
    paid = calm.desk.book.realized_pnl + fraction * calm.position.legs[0].avg_px
    assert paid > 0
    settled(calm, "3200")
    (after,) = calm.resting
    assert after.id != stop.id


def test_a_change_of_symbol_takes_position_and_protection_with_it(calm: Scene) -> None:
    before, (stop,) = calm.position, calm.resting
    calm.act(becomes="TECH")
    calm.cycle("100")
    assert (calm.position.symbol, calm.position.units, calm.position.id) == ("TECH", before.units, before.id)
    assert {"XLK", "TECH"} <= set(calm.desk.book.quarantine)
    settled(calm, "100")
    (after,) = calm.resting
    assert after.intent.legs[0].symbol == "TECH"
    assert after.id != stop.id
    assert calm.shown("XLK") == 0
