"""Documents of a desk as its watchers find them: books, orders, people, commands. Any store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import BaseModel

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import (
    DESK_EXPOSURE,
    DESK_STATE,
    AccountView,
    BookDoc,
    CommandDoc,
    CommandKind,
    DeskStateDoc,
    ExposureDoc,
    UserDoc,
    book_path,
    order_path,
)
from orchestrator.domain.orders import (
    Evidence,
    Fill,
    Leg,
    Order,
    OrderIntent,
    OrderType,
    Purpose,
    Side,
    apply,
    apply_fills,
    plan,
)
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.paths import command_path, user_path
from orchestrator.domain.risk import DeskState
from orchestrator.ports import Put, Store
from orchestrator.seed import seed
from orchestrator.unit import order_doc

NOW = datetime(2026, 7, 16, 15, 0, tzinfo=UTC)
M = TypeVar("M", bound=BaseModel)


def new_desk(store: Store | None = None, *, equity: int = 100_000, now: datetime = NOW) -> Store:
    """A desk that is set up, holds nothing, and whose books have seen both venues (80 % and 20 % of `equity`)."""
    store = MemoryDataLayer() if store is None else store
    seed(store, {module: Parameters() for module in ModuleName}, now=now)
    exposure = ExposureDoc(
        venue_equity={"alpaca": Decimal(equity) * 8 / 10, "kraken": Decimal(equity) * 2 / 10},
        peak_equity=Decimal(equity),
        day=now.date(),
        day_start_equity=Decimal(equity),
        updated_at=now,
    )
    store.commit([Put(DESK_EXPOSURE, encode(exposure))])
    for module in ModuleName:
        put_book(store, module, equity=Decimal(equity) * (2 if module is ModuleName.CRYPTO else 8) / 10, now=now)
    return store


def put_book(store: Store, module: ModuleName, *, equity: Decimal | int, now: datetime = NOW, **more: Any) -> None:
    """Write a book whose venue shows this equity."""
    venue = "kraken" if module is ModuleName.CRYPTO else "alpaca"
    money = Decimal(equity)
    account = AccountView(venue=venue, cash=money, equity=money, buying_power=money, as_of=now)
    book = BookDoc(module=module, account=account, last_slot=more.pop("last_slot", now), updated_at=now, **more)
    store.commit([Put(book_path(module), encode(book))])


def lose(store: Store, usd: int, *, now: datetime = NOW, start: int = 100_000) -> None:
    """Let the stocks' venue show a loss of that many USD of the start."""
    for module in (ModuleName.STOCKS, ModuleName.OPTIONS):
        put_book(store, module, equity=start * 8 // 10 - usd, now=now)


def intent(
    number: int = 0, *, symbol: str = "XLK", qty: int = 10, module: ModuleName = ModuleName.STOCKS
) -> OrderIntent:
    """What was decided."""
    name = f"{module.value[0]}test{number:013d}"
    return OrderIntent(
        client_order_id=name,
        module=module,
        strategy="momentum",
        purpose=Purpose.ENTRY,
        symbol=symbol,
        legs=(Leg(symbol=symbol, side=Side.BUY),),
        side=Side.BUY,
        qty=Decimal(qty),
        order_type=OrderType.LIMIT,
        limit_price=Decimal(101),
        decided_at=NOW,
        valid_until=NOW + timedelta(hours=1),
        decision_px=Decimal(100),
        position_id=name,
        reserved_usd=Decimal(qty * 100),
    )


def life(order: Order, *steps: Evidence | int, now: datetime = NOW) -> list[Order]:
    """The order after each step: evidence, or a number of units filled at 100."""
    states = [order]
    for number, step in enumerate(steps, start=1):
        at = now + timedelta(seconds=number)
        current = states[-1]
        if isinstance(step, int):
            done = Fill(
                trade_id=f"{order.id}-{number}",
                client_order_id=order.id,
                symbol=order.intent.symbol,
                side=Side.BUY,
                qty=Decimal(step),
                price=Decimal(100),
                ts_event=at,
            )
            states.append(apply_fills(current, [done], at))
        else:
            states.append(apply(current, step, at, note="said so" if step is Evidence.REFUSED else ""))
    return states


def working(number: int = 0, **more: Any) -> list[Order]:
    """An order from its plan to resting at the venue."""
    return life(plan(intent(number, **more), NOW), Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED)


def filled(number: int = 0, **more: Any) -> list[Order]:
    """An order from its plan to its fill."""
    return life(plan(intent(number, **more), NOW), Evidence.SUBMIT_STARTED, Evidence.ACKNOWLEDGED, 4, 6)


def stored(order: Order) -> dict[str, Any]:
    """The order's document."""
    return encode(order_doc(order))


def put_order(store: Store, order: Order) -> dict[str, Any]:
    """Write the order's document and return it."""
    store.commit([Put(order_path(order.id), stored(order))])
    return stored(order)


def put_user(store: Store, uid: str, **more: Any) -> None:
    """Write a person."""
    store.commit([Put(user_path(uid), encode(UserDoc(**more)))])


def put_command(store: Store, kind: CommandKind, *, by: str = "olga", role: str = "owner", **more: Any) -> str:
    """Write a command and return its id."""
    command_id: str = more.pop("command_id", f"{kind}-1")
    command = CommandDoc(kind=kind, by=by, role=role, created_at=more.pop("created_at", NOW), **more)
    store.commit([Put(command_path(command_id), encode(command))])
    return command_id


def put_state(store: Store, state: DeskState, *, by: str = "olga") -> None:
    """Put the brake into a state."""
    store.commit([Put(DESK_STATE, encode(DeskStateDoc(state=state, by=by, reason="test", changed_at=NOW)))])


def read(store: Store, model: type[M], path: str) -> M:
    """Read a document that must exist."""
    return decode(model, store.get_many([path])[path].data, where=path)


def brake(store: Store) -> DeskState:
    """The state of the desk."""
    return read(store, DeskStateDoc, DESK_STATE).state


def documents(store: MemoryDataLayer, *collections: str) -> Mapping[str, dict[str, Any]]:
    """Everything in some collections (all: of those the watchers write), by path."""
    wanted = collections or ("desk", "events", "notifications", "commands", "audit", "equity", "users")
    return {found.path: found.data for name in wanted for found in _all(store, name)}


def _all(store: MemoryDataLayer, collection: str) -> Sequence[Any]:
    return store.query(collection, limit=10_000)
