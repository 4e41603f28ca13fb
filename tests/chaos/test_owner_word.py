"""An order in doubt that the owner ends: what the venue tells later under ids of its own is the same order's."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.adapters.memory.faults import Fault
from orchestrator.commands import CONSOLE, execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CommandDoc, CommandKind
from orchestrator.domain.orders import OrderState
from orchestrator.domain.paths import command_path
from orchestrator.ports import Create
from tests.chaos.owner import in_doubt, what_became_of
from tests.chaos.world import CADENCE, World, new_world


def told_without_a_name() -> World:
    """Return a world in which an exit filled at a venue that tells fills by its own ids only, and gave no answer."""
    world = new_world()
    script, account = world.scripts[ModuleName.CRYPTO], world.accounts["crypto"]
    script.entries.append("BTC/USD")
    world.wait(CADENCE)
    world.run(ModuleName.CRYPTO)
    world.wait(CADENCE)
    script.entries.clear()
    script.exits.add("BTC/USD")
    account.manners.list_age = timedelta(minutes=30)
    account.inner.faults.add("submit", Fault.LOST_AFTER_ACCEPTANCE)
    account.inner.faults.add("find", *[Fault.UNAVAILABLE] * 3)
    world.run(ModuleName.CRYPTO)
    return world


def resolve(world: World) -> None:
    (order,) = in_doubt([world.book(ModuleName.CRYPTO)])
    args = what_became_of(order, world.accounts["crypto"])
    assert args["outcome"] == "filled"
    doc = CommandDoc(
        kind=CommandKind.RESOLVE, by=CONSOLE, role="owner", args=args, reason="seen there", created_at=world.now
    )
    world.store.commit([Create(command_path("c1"), encode(doc))])
    assert execute(world.store, "c1", world.now).status == "done"


def test_a_fill_that_waited_for_its_order_belongs_to_the_one_the_owner_ended() -> None:
    world = told_without_a_name()
    world.wait(CADENCE)
    world.run(ModuleName.CRYPTO)
    assert [one.fill.symbol for one in world.book(ModuleName.CRYPTO).unmatched] == ["BTC/USD"]
    resolve(world)
    world.settle()
    assert world.book(ModuleName.CRYPTO).foreign == {}


def test_a_fill_that_comes_hours_after_the_owners_word_is_still_that_orders() -> None:
    world = told_without_a_name()
    world.accounts["crypto"].manners.fills_late = timedelta(hours=5)
    resolve(world)
    for _ in range(14):
        world.wait(timedelta(minutes=30))
        world.run(ModuleName.CRYPTO)
    world.accounts["crypto"].manners.fills_late = timedelta(0)
    world.settle()
    ended = [order for order in world.book(ModuleName.CRYPTO).orders.values() if order.state is OrderState.FILLED]
    assert all(fill.trade_id.startswith("crypto-") for order in ended for fill in order.fills)


def test_what_was_traded_long_after_the_owners_word_is_not_that_orders() -> None:
    world = told_without_a_name()
    account = world.accounts["crypto"]
    account.manners.fills_late = account.manners.list_age = timedelta(hours=5)
    resolve(world)
    world.wait(timedelta(minutes=30))
    happened = account.inner._happened
    late = [(event.model_copy(update={"ts_event": world.now}), broker_id) for event, broker_id in happened[-1:]]
    account.inner._happened = [*happened[:-1], *late]
    account.manners.fills_late = timedelta(0)
    world.run(ModuleName.CRYPTO)
    book = world.book(ModuleName.CRYPTO)
    assert book.foreign["BTC/USD"].qty < 0
