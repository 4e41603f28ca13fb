"""An account that a venue tells senselessly: nothing is bought, and everything else goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from orchestrator.domain.documents import CycleStatus
from orchestrator.domain.orders import Purpose
from orchestrator.domain.risk import Denied
from orchestrator.ports import Broker, Trouble, TroubleKind, VenueState
from tests.desk import TestDesk


@pytest.fixture
def desk() -> TestDesk:
    return TestDesk()


@dataclass
class Moneyless:
    """A venue whose answer about the account's money cannot be read."""

    inner: Broker

    def __post_init__(self) -> None:
        self.name, self.profile = self.inner.name, self.inner.profile
        self.submit, self.cancel, self.find = self.inner.submit, self.inner.cancel, self.inner.find

    def state(self, cursor: str) -> VenueState:
        trouble = Trouble(TroubleKind.ACCOUNT, self.name, "cash is null, no number", raw='{"cash": null}')
        return replace(self.inner.state(cursor), account=None, troubles=[trouble])


def test_nothing_is_entered_and_what_is_held_is_protected_and_left(desk: TestDesk) -> None:
    desk.module.entries, desk.module.protects = ["XLK"], False
    desk.cycle()
    equity = desk.book.account.equity
    desk.module.entries, desk.module.protects = ["XLF"], True
    report = desk.cycle(broker=Moneyless(desk.broker))
    verdicts = {one.opportunity.purpose: one.verdict for one in report.results}
    assert verdicts[Purpose.ENTRY].code == "ACCOUNT_MISSING"
    assert not isinstance(verdicts[Purpose.PROTECT], Denied)
    assert (desk.book.account.unread, desk.book.account.equity) == (True, equity)
    assert report.status is CycleStatus.TRADED


def test_fills_are_booked_and_the_cash_explained_once_it_can_be_read_again(desk: TestDesk) -> None:
    desk.broker.fill_fraction = Decimal(0)
    desk.module.entries = ["XLK"]
    desk.cycle()
    desk.module.entries = []
    (order,) = desk.book.orders.values()
    desk.broker.fill(order.id, order.intent.qty)
    desk.cycle(minutes=1, broker=Moneyless(desk.broker))
    assert desk.book.positions[order.intent.position_id].units == order.intent.qty
    desk.cycle(minutes=1)
    assert not desk.book.account.unread
    assert desk.book.cash_drift == 0


def test_an_account_never_read_is_none(desk: TestDesk) -> None:
    desk.module.entries = ["XLK"]
    report = desk.cycle(broker=Moneyless(desk.broker))
    assert [one.verdict.code for one in report.results] == ["ACCOUNT_MISSING"]
    assert desk.book.account is None
    desk.module.entries = []
    desk.cycle(minutes=1)
    assert desk.book.cash_expected == desk.book.account.cash
