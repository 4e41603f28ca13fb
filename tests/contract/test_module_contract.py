"""The contract of a trading module: the same tests for each, on markets and books of its own kind."""

import copy
import typing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.errors import DomainError, ParameterOutOfBoundsError
from orchestrator.domain.market import MarketSnapshot, SessionState
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.orders import OrderType, Purpose, client_order_id
from orchestrator.domain.parameters import Parameters
from orchestrator.module import Context, ModuleConfig, TradingModule
from tests.contract.module_cases import CASES, ModuleCase

pytestmark = pytest.mark.parametrize("case", CASES, ids=str)


def module_of(case: ModuleCase, executor: object = None) -> TradingModule:
    return case.kind(None, None, executor, ModuleConfig(universe=case.universe))


def empty_book(case: ModuleCase) -> BookDoc:
    return case.holding.model_copy(update={"positions": {}, "orders": {}})


def seeing(case: ModuleCase, market: MarketSnapshot, book: BookDoc | None = None) -> Context:
    return Context(book or empty_book(case), market, case.kind.parameters_model(), case.now)


def wanted(case: ModuleCase) -> list[TradeOpportunity]:
    return module_of(case).analyze(seeing(case, case.wanted_market))


def watched(case: ModuleCase, market: MarketSnapshot | None = None) -> list[TradeOpportunity]:
    return module_of(case).monitor(seeing(case, market or case.held_market, case.holding))


def id_of(wish: TradeOpportunity) -> str:
    legs = [f"{leg.symbol}:{leg.side}:{leg.ratio}" for leg in wish.legs]
    strategy = f"{wish.strategy}/{wish.purpose}"
    return client_order_id(wish.module, desk="desk", strategy=strategy, legs=legs, decided_at=wish.decided_at)


def numbers(model: type[Parameters], where: str = "") -> typing.Iterator[tuple[str, object]]:
    """Yield every numeric field of a parameter model with its annotation, nested ones by their path."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Parameters):
            yield from numbers(kind, f"{where}{name}.")
        elif kind in (int, float):
            yield f"{where}{name}", kind


def nested(path: str, value: float) -> dict[str, object]:
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


def test_it_has_a_name_and_parameters(case):
    assert case.kind.module_name in set(ModuleName)
    assert issubclass(case.kind.parameters_model, Parameters)


def test_every_number_is_bounded_and_defaults_lie_inside(case):
    model = case.kind.parameters_model
    assert {path for path, _ in numbers(model)} == set(model.bounds())
    assert model.parse(model().model_dump(mode="json"), where="defaults") == model()


def test_a_number_out_of_bounds_is_refused(case):
    model = case.kind.parameters_model
    for path, bounds in model.bounds().items():
        for value in (bounds.low - 1, bounds.high + 1):
            number = int(value) if bounds.integer else value
            with pytest.raises(ParameterOutOfBoundsError, match=path.split(".", maxsplit=1)[0]):
                model.parse(nested(path, number), where="parameters")


def test_it_asks_only_for_its_universe_and_what_is_held(case):
    request = module_of(case).request(case.holding, case.kind.parameters_model(), case.now)
    held = {leg.symbol for position in case.holding.positions.values() for leg in position.legs}
    held |= {position.symbol for position in case.holding.positions.values()}
    allowed = held | {symbol for listed in case.universe.values() for symbol in listed}
    named = {*request.quotes, *request.chains, *(symbol for listed in request.bars.values() for symbol in listed)}
    assert named <= allowed
    assert {position.symbol for position in case.holding.positions.values()} <= named
    assert set(request.lookback_days) == set(request.bars)
    assert all(days > 0 for days in request.lookback_days.values())


def test_it_asks_at_any_hour_without_failing(case):
    for hours in range(24):
        module_of(case).request(
            empty_book(case), case.kind.parameters_model(), case.now + timedelta(hours=hours, minutes=7)
        )


def test_entries_are_fully_priced(case):
    found = wanted(case)
    assert found
    for wish in found:
        assert wish.module is case.kind.module_name
        assert wish.purpose is Purpose.ENTRY
        assert wish.decided_at == case.now
        assert wish.order_type is OrderType.LIMIT
        assert wish.limit_px is not None
        assert wish.decision_px != 0
        assert wish.notional_usd > 0
        assert wish.annual_vol > 0
        assert 0 <= wish.confidence <= 1
        assert wish.reason
        assert wish.legs
        assert wish.stop_price is not None or wish.max_loss_usd is not None
        assert (wish.qty, wish.position_id, wish.replaces) == (None, None, ())
        assert wish.features
        assert all(np.isfinite(value) for value in wish.features.values())
        assert encode(wish)
    assert len({wish.symbol for wish in found}) == len(found)


def test_entries_rest_on_quotes_the_risk_rules_can_judge(case):
    assert all(wish.two_sided and wish.quote_ts is not None for wish in wanted(case))


def test_departures_are_complete(case):
    found = watched(case)
    assert {wish.position_id for wish in found} <= set(case.holding.positions)
    assert len({wish.position_id for wish in found}) == len(found)
    for wish in found:
        assert wish.purpose in {Purpose.EXIT, Purpose.PROTECT}
        assert wish.module is case.kind.module_name
        assert wish.qty == case.holding.positions[wish.position_id].units
        assert wish.notional_usd > 0
        assert wish.reason
        assert wish.order_type is not OrderType.STOP or wish.stop_price is not None
        assert wish.order_type is not OrderType.LIMIT or wish.limit_px is not None
        assert encode(wish)


def test_what_must_be_left_is_left_though_everything_else_is_missing(case):
    exits = [wish.position_id for wish in watched(case) if wish.purpose is Purpose.EXIT]
    assert exits == [case.leaving]


def test_what_is_held_is_not_entered_again(case):
    held = {position.symbol for position in case.holding.positions.values()}
    found = module_of(case).analyze(seeing(case, case.wanted_market, case.holding))
    assert not held & {wish.symbol for wish in found}


def test_decisions_are_pure(case):
    for decide, market, book in (
        ("analyze", case.wanted_market, empty_book(case)),
        ("analyze", case.wanted_market, case.holding),
        ("monitor", case.wanted_market, case.holding),
        ("monitor", case.held_market, case.holding),
    ):
        before, book_before = copy.deepcopy(market), encode(book)
        first = getattr(module_of(case), decide)(seeing(case, market, book))
        assert getattr(module_of(case), decide)(seeing(case, market, book)) == first
        same_module = module_of(case)
        assert [getattr(same_module, decide)(seeing(case, market, book)) for _ in range(2)] == [first, first]
        assert encode(book) == book_before
        assert market.quotes == before.quotes
        assert market.chains == before.chains
        for minutes, panel in market.panels.items():
            for column in ("ends", "open", "high", "low", "close", "volume"):
                np.testing.assert_array_equal(getattr(panel, column), getattr(before.panels[minutes], column))


def test_ids_are_stable_and_differ(case):
    for decide in (wanted, watched):
        ids = [id_of(wish) for wish in decide(case)]
        assert ids == [id_of(wish) for wish in decide(case)]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("is_open", [True, False])
def test_an_empty_market_offers_nothing(case, is_open):
    nothing = MarketSnapshot(session=SessionState(is_open=is_open))
    assert module_of(case).analyze(seeing(case, nothing)) == []
    assert module_of(case).monitor(seeing(case, nothing)) == []


def test_a_closed_market_offers_nothing(case):
    closed = replace(case.wanted_market, session=SessionState(is_open=False))
    assert module_of(case).analyze(seeing(case, closed)) == []
    assert module_of(case).monitor(seeing(case, replace(case.held_market, session=closed.session), case.holding)) == []


def test_without_history_nothing_is_entered(case):
    assert module_of(case).analyze(seeing(case, replace(case.wanted_market, panels={}))) == []


def test_without_quotes_and_chains_nothing_passes_for_fresh(case):
    blind = replace(case.wanted_market, quotes={}, chains={})
    for wish in module_of(case).analyze(seeing(case, blind)):
        assert wish.quote_ts is None
        assert not wish.two_sided


def test_an_empty_universe_and_an_empty_book_need_nothing(case):
    idle = case.kind(None, None, None, ModuleConfig(universe={}))
    request = idle.request(empty_book(case), case.kind.parameters_model(), case.now)
    assert not [*request.quotes, *request.chains, *(symbol for listed in request.bars.values() for symbol in listed)]
    assert idle.analyze(seeing(case, case.wanted_market)) == []


def test_memory_is_text_and_pure(case):
    ctx = seeing(case, case.held_market, case.holding)
    remembered = module_of(case).remember(ctx)
    assert remembered == module_of(case).remember(ctx)
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in remembered.items())


class Recorder:
    """Stands in for execution and keeps what it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def execute(self, context, opportunities, risk):
        self.asked.append((context, tuple(opportunities), risk))
        return []


def test_the_base_class_decides_on_the_running_cycle_and_hands_over_to_execution(case):
    recorder = Recorder()
    module = module_of(case, recorder)
    with pytest.raises(DomainError, match="outside a cycle"):
        module.analyze_opportunities()
    ctx = seeing(case, case.wanted_market)
    module.begin(ctx)
    assert module.analyze_opportunities() == wanted(case)
    assert module.monitor_positions() == []
    assert module.execute_trades(wanted(case)) == []
    assert recorder.asked == [(ctx, tuple(wanted(case)), None)]
