"""Limits that holdings outgrow: told once, kept until they are back under, and cut by plan."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.commands import execute
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_REDUCTION,
    DESK_STATE,
    CommandKind,
    DeskStateDoc,
    ReductionDoc,
    RiskLimitsDoc,
)
from orchestrator.domain.orders import plan
from orchestrator.domain.positions import PositionLeg
from orchestrator.domain.reduction import Cut
from orchestrator.domain.risk import DeskState, RiskLimits
from orchestrator.ports import Put
from orchestrator.posttrade import assess, on_order_written
from orchestrator.reduction import to_leave, watch
from orchestrator.status import load
from orchestrator.sweep import sweep
from tests.builders import position
from tests.watched_desk import (
    NOW,
    brake,
    documents,
    intent,
    new_desk,
    put_book,
    put_command,
    put_user,
    read,
    stored,
    working,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store() -> MemoryDataLayer:
    desk = new_desk()
    assert isinstance(desk, MemoryDataLayer)
    return desk


def hold(store, usd: int, *, symbols=("XLK",), units: int = 100, orders=None) -> None:
    """Let the stocks module hold that many USD of each symbol, 100 units of it."""
    held = {}
    for symbol in symbols:
        leg = PositionLeg(symbol=symbol, qty=Decimal(units), avg_px=Decimal(usd) / 100)
        held[symbol] = position(id=symbol, symbol=symbol, legs=(leg,))
    put_book(store, ModuleName.STOCKS, equity=80_000, positions=held, orders=orders or {})


def set_limits(store, **given) -> None:
    limits = RiskLimits.model_validate(given)
    store.commit([Put(CONFIG_RISK, encode(RiskLimitsDoc(limits=limits, updated_at=NOW)))])


def told(store, kind: str) -> list[str]:
    return [event["text"] for event in documents(store, "events").values() if event["kind"] == kind]


def plan_of(store) -> ReductionDoc:
    return read(store, ReductionDoc, DESK_REDUCTION)


def test_growth_by_a_tenth_is_no_breach(store):
    hold(store, 16_500)
    assert watch(load(store), NOW).reduction == ReductionDoc()


def test_a_breach_is_told_once_when_it_begins_and_once_when_it_is_over(store):
    hold(store, 16_600)
    for minute in range(3):
        sweep(store, NOW + minute * MINUTE)
    assert told(store, "limit_breached") == [
        "XLK: symbol concentration is $16,600.00, the limit is $15,000.00. Nothing is added to it for now."
    ]
    hold(store, 15_100)
    sweep(store, NOW + 4 * MINUTE)
    assert told(store, "limit_kept") == []
    hold(store, 15_000)
    for minute in range(5, 8):
        sweep(store, NOW + minute * MINUTE)
    assert told(store, "limit_kept") == ["XLK: symbol concentration is back under its limit."]
    assert len(told(store, "limit_breached")) == 1
    assert plan_of(store).breaches == {}


def test_a_second_breach_is_told_again(store):
    for minute, usd in enumerate((16_600, 15_000, 16_600)):
        hold(store, usd)
        sweep(store, NOW + minute * MINUTE)
    assert len(told(store, "limit_breached")) == 2


def test_reservations_breach_a_limit_but_are_not_cut(store):
    order = plan(intent(qty=600), NOW)
    put_book(store, ModuleName.STOCKS, equity=80_000, orders={order.id: order})
    watched = watch(load(store), NOW)
    assert {"module allocation: stocks", "symbol concentration: XLK"} <= set(watched.reduction.breaches)
    assert watched.reduction.cuts == ()


def test_the_same_desk_again_changes_and_tells_nothing(store):
    hold(store, 25_000)
    sweep(store, NOW)
    before = documents(store)
    again = watch(load(store), NOW + MINUTE)
    assert (again.reduction, again.events) == (plan_of(store), ())
    sweep(store, NOW)
    assert documents(store) == before


def test_gross_exposure_grown_past_its_limit_asks_for_reducing_until_it_is_back_under(store):
    set_limits(store, gross_exposure="0.4", symbol_concentration=1)
    hold(store, 43_000)
    assert assess(load(store), NOW).state is DeskState.ACTIVE
    hold(store, 45_000)
    sweep(store, NOW)
    state = read(store, DeskStateDoc, DESK_STATE)
    assert (state.state, state.by, state.breach) == (DeskState.REDUCING, "risk", "")
    assert state.reason == "gross exposure is $45,000.00, the limit is $40,000.00"
    hold(store, 41_000)
    sweep(store, NOW + MINUTE)
    assert assess(load(store), NOW).state is DeskState.REDUCING
    hold(store, 40_000)
    sweep(store, NOW + 2 * MINUTE)
    assert assess(load(store), NOW).state is DeskState.ACTIVE
    assert brake(store) is DeskState.REDUCING


def test_the_owner_cannot_resume_above_a_limit_of_the_desk(store):
    put_user(store, "olga", role="owner")
    set_limits(store, gross_exposure="0.4", symbol_concentration=1)
    hold(store, 45_000)
    sweep(store, NOW)
    asked = put_command(store, CommandKind.RESUME, args={"accept_loss": "yes"})
    assert execute(store, asked, NOW).result.message == (
        "gross exposure is $45,000.00, the limit is $40,000.00; "
        "bring it back under the limit, or raise the limit, then resume"
    )
    hold(store, 40_000)
    again = put_command(store, CommandKind.RESUME, command_id="again")
    assert (execute(store, again, NOW).status, brake(store)) == ("done", DeskState.ACTIVE)


def test_concentration_alone_leaves_the_desk_active(store):
    hold(store, 45_000)
    sweep(store, NOW)
    assert brake(store) is DeskState.ACTIVE


def test_what_has_outgrown_its_limit_by_a_quarter_is_cut_to_it(store):
    hold(store, 18_700)
    sweep(store, NOW)
    assert plan_of(store).cuts == ()
    hold(store, 20_000)
    sweep(store, NOW + MINUTE)
    (cut,) = plan_of(store).cuts
    assert (cut.units, cut.keep, cut.cause) == (100, 75, "symbol concentration: XLK")
    assert told(store, "reduction_planned") == [
        "Holdings have outgrown their limits and are cut back: XLK from 100 to 75 (stocks)."
    ]


def test_a_plan_is_kept_until_it_is_carried_out_and_then_not_made_again(store):
    hold(store, 20_000)
    sweep(store, NOW)
    hold(store, 22_000)
    sweep(store, NOW + MINUTE)
    assert (plan_of(store).number, plan_of(store).cuts[0].keep) == (1, 75)
    hold(store, 20_000, units=75)
    sweep(store, NOW + 2 * MINUTE)
    assert (plan_of(store).number, plan_of(store).cuts, plan_of(store).breaches) == (1, (), {})
    assert len(told(store, "reduction_planned")) == 1


def test_a_plan_that_a_day_has_not_carried_out_is_made_anew(store):
    hold(store, 20_000)
    sweep(store, NOW)
    hold(store, 25_000)
    for hours, number, keep in ((23, 1, 75), (24, 2, 60)):
        sweep(store, NOW + timedelta(hours=hours))
        assert (plan_of(store).number, plan_of(store).cuts[0].keep) == (number, keep)


def test_shares_with_options_on_them_are_not_planned(store):
    legs = (
        PositionLeg(symbol="XLK", qty=Decimal(200), avg_px=Decimal(150)),
        PositionLeg(symbol="XLK260918C00160000", qty=Decimal(-2), avg_px=Decimal(3), multiplier=Decimal(100)),
    )
    put_book(store, ModuleName.STOCKS, equity=80_000, positions={"p": position(id="p", legs=legs)})
    sweep(store, NOW)
    assert "symbol concentration: XLK" in plan_of(store).breaches
    assert plan_of(store).cuts == ()


def test_a_plan_whose_cause_went_by_itself_is_dropped(store):
    hold(store, 20_000)
    sweep(store, NOW)
    hold(store, 14_000)
    sweep(store, NOW + MINUTE)
    assert plan_of(store).cuts == ()


def test_prices_that_run_on_after_a_plan_make_the_next_one(store):
    hold(store, 20_000)
    sweep(store, NOW)
    hold(store, 30_000, units=75)
    sweep(store, NOW + MINUTE)
    assert (plan_of(store).number, plan_of(store).cuts[0].units, plan_of(store).cuts[0].keep) == (2, 75, 50)


@pytest.mark.parametrize(
    "limits",
    [
        {"sectors": {"AAA": "mines", "BBB": "mines"}, "sector_concentration": "0.1"},
        {"groups": {"metals": ("AAA", "BBB")}, "group_concentration": "0.1"},
    ],
)
def test_a_sector_or_group_that_was_outgrown_is_cut_in_all_its_symbols(store, limits):
    set_limits(store, symbol_concentration=1, strategy_concentration=1, **limits)
    hold(store, 10_000, symbols=("AAA", "BBB", "CCC"))
    sweep(store, NOW)
    assert {cut.symbol: cut.keep for cut in plan_of(store).cuts} == {"AAA": 50, "BBB": 50}


def test_nothing_is_concluded_while_a_book_cannot_be_read(store):
    hold(store, 20_000)
    sweep(store, NOW)
    before = plan_of(store)
    store.commit([Put("books/stocks", {"schema": 1, "module": "stocks", "positions": 7})])
    sweep(store, NOW + MINUTE)
    assert plan_of(store) == before
    assert told(store, "limit_kept") == []


def test_nothing_is_concluded_while_equity_is_unknown(store):
    hold(store, 20_000)
    sweep(store, NOW)
    before = plan_of(store)
    exposure = store.get_many(["desk/exposure"])["desk/exposure"].data
    store.commit([Put("desk/exposure", {**exposure, "venue_equity": {}})])
    for module in ModuleName:
        put_book(store, module, equity=0)
    sweep(store, NOW + MINUTE)
    assert plan_of(store) == before


def test_a_limit_lowered_below_what_is_held_is_outgrown_at_once(store):
    hold(store, 14_000)
    sweep(store, NOW)
    assert DESK_REDUCTION not in store.get_many([DESK_REDUCTION])
    set_limits(store, symbol_concentration="0.07")
    sweep(store, NOW + MINUTE)
    assert plan_of(store).cuts[0].keep == 50


def test_switched_off_it_still_tells_but_does_not_cut(store):
    set_limits(store, auto_reduce=False)
    hold(store, 30_000)
    sweep(store, NOW)
    assert plan_of(store).cuts == ()
    assert len(told(store, "limit_breached")) == 1


def test_an_order_event_weighs_the_limits_too(store):
    hold(store, 20_000)
    on_order_written(store, stored(working()[-1]), NOW)
    assert len(plan_of(store).cuts) == 1


def test_a_damaged_plan_is_made_anew(store):
    hold(store, 20_000)
    store.commit([Put(DESK_REDUCTION, {"schema": 1, "cuts": "all"})])
    sweep(store, NOW)
    assert len(plan_of(store).cuts) == 1


def test_a_module_leaves_its_own_rows_only():
    cuts = tuple(
        Cut(module=module, position_id=key, symbol="XLK", units=Decimal(10), keep=Decimal(4), cause="gross")
        for module, key in ((ModuleName.STOCKS, "mine"), (ModuleName.CRYPTO, "theirs"), (ModuleName.STOCKS, "gone"))
    )
    desk = new_desk()
    put_book(desk, ModuleName.STOCKS, equity=1, positions={key: position(id=key) for key in ("mine", "theirs")})
    assert to_leave(ReductionDoc(cuts=cuts), load(desk).books[ModuleName.STOCKS]) == {"mine": 6}
