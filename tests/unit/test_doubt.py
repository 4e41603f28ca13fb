"""An order in doubt freezes its symbol for every module from the moment that its own cycle knows of the doubt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from orchestrator.adapters.memory.faults import Fault
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import DESK_EXPOSURE, ExposureDoc, ModuleExposure
from orchestrator.domain.orders import Order
from orchestrator.ports import Broker, Replace, VenueOrder
from tests.desk import TestDesk


def exposure(desk: TestDesk) -> ExposureDoc:
    return decode(ExposureDoc, desk.store.get_many([DESK_EXPOSURE])[DESK_EXPOSURE].data, where=DESK_EXPOSURE)


def entering() -> TestDesk:
    desk = TestDesk()
    desk.module.entries = ["XLK"]
    desk.broker.faults.add("submit", Fault.LOST_AFTER_ACCEPTANCE)
    return desk


def test_the_cycle_that_lost_the_answer_tells_the_others() -> None:
    desk = entering()
    report = desk.cycle()
    assert report.summary.round_trips <= 3
    assert list(exposure(desk).modules[ModuleName.STOCKS].frozen) == ["XLK"]


def test_the_freeze_ends_when_the_order_is_found() -> None:
    desk = entering()
    desk.cycle()
    desk.module.entries = []
    desk.cycle()
    assert exposure(desk).modules[ModuleName.STOCKS].frozen == {}


def test_a_share_that_another_module_changed_meanwhile_is_kept() -> None:
    desk = entering()
    held = ModuleExposure(held_usd=Decimal(700))

    class Busy:
        """The venue; another module commits while it is asked."""

        def __getattr__(self, name: str) -> Any:
            return getattr(desk.broker, name)

        def submit(self, order: Order) -> VenueOrder:
            seen = exposure(desk)
            after = seen.model_copy(update={"modules": {**seen.modules, ModuleName.CRYPTO: held}})
            version = desk.store.get_many([DESK_EXPOSURE])[DESK_EXPOSURE].version
            desk.store.commit([Replace(DESK_EXPOSURE, encode(after), version)])
            return desk.broker.submit(order)

    desk.cycle(broker=cast("Broker", Busy()))
    told = exposure(desk).modules
    assert list(told[ModuleName.STOCKS].frozen) == ["XLK"]
    assert told[ModuleName.CRYPTO] == held
