"""Whatever one field of a venue's answer says: no error but the tree's, no other row lost, no number that nobody said.

Every field of every row of a lived-in account is replaced by every nonsense in turn.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import pytest

from orchestrator.domain.errors import BrokerError, OutcomeUnknownError
from orchestrator.domain.orders import Side
from orchestrator.ports import VenueState
from tests.contract.broker_stage import Stage
from tests.spoilt import NONSENSE, Spoilt, spoilt_alpaca, spoilt_kraken

D = Decimal
Row = tuple[str, dict[str, Any]]
"""A row as its key and its fields."""
Case = tuple[str, str, object, bool]
"""A row, its field, what that says instead, and whether only the first of a list says so."""


@pytest.fixture(scope="module")
def alpaca() -> Iterator[Spoilt]:
    with spoilt_alpaca() as found:
        _live(found, "XLK", D(10), D(100))
        yield found


@pytest.fixture(scope="module")
def kraken() -> Iterator[Spoilt]:
    with spoilt_kraken() as found:
        _live(found, "BTC/USD", D("0.01"), D(60000))
        yield found


def _live(found: Spoilt, symbol: str, qty: Decimal, price: Decimal) -> None:
    """Buy twice, sell a part, let a limit and a stop rest, cancel one."""
    stage = Stage(
        broker=found.broker,
        symbol=symbol,
        qty=qty,
        price=price,
        now=lambda: found.exchange.now,
        fall=lambda: None,
        fail=lambda _: None,
        fill_part=lambda: None,
        unreachable=lambda: found.broker,
    )
    for name in "ab":
        found.broker.submit(stage.order(name))
    found.broker.submit(stage.order("c", Side.SELL, qty=qty / 2))
    found.broker.submit(stage.order("limit", limit_price=stage.below("20")))
    found.broker.submit(stage.order("stop", Side.SELL, stop_price=stage.below("10")))
    gone = stage.order("gone", limit_price=stage.below("30"))
    found.broker.submit(gone)
    found.sent.append(gone)
    found.broker.cancel(gone)
    found.broker.state("")
    found.venue.frozen = True


def _rows(answer: Any) -> list[Row]:
    """Return the rows of any answer: of a list, of Kraken's result by key, or the answer itself."""
    if isinstance(answer, list):
        return [(str(number), row) for number, row in enumerate(answer)]
    result = answer.get("result", answer)
    for name in ("open", "closed", "trades"):
        if name in result:
            return list(result[name].items())
    if "result" in answer and "txid" not in result:
        return list(result.items())
    return [("", answer)]


def _with(answer: Any, *, case: Case) -> Any:
    key, field, value, nested = case
    spoilt = copy.deepcopy(answer)
    for name, row in _rows(spoilt):
        if name == key:
            row[field] = [value, *row[field][1:]] if isinstance(row[field], list) and nested else value
    return spoilt


def _cases(answer: Any) -> Iterator[Case]:
    """Yield every field of one row of each kind with every nonsense."""
    kinds = {(row.get("activity_type"), row.get("status")): (key, row) for key, row in reversed(_rows(answer))}
    for key, row in kinds.values():
        for field in row:
            for value in NONSENSE:
                yield key, field, value, False
                if isinstance(row[field], list):
                    yield key, field, value, True


def _told(state: VenueState) -> dict[str, dict[str, Any]]:
    """Return everything that a state tells, by what it is about."""
    found: dict[str, dict[str, Any]] = {}
    for order in state.open_orders:
        found[f"order {order.broker_order_id}"] = asdict(order)
    for fill in state.fills:
        found[f"fill {fill.trade_id}"] = fill.model_dump()
    for event in state.cash_events:
        found[f"event {event.id}"] = asdict(event)
    for symbol, qty in state.positions.items():
        found[f"position {symbol}"] = {"qty": qty}
    for symbol, price in state.prices.items():
        found[f"price {symbol}"] = {"usd": price}
    if state.account is not None:
        found["account"] = state.account.model_dump(exclude={"as_of", "venue"})
    return found


def _number(value: object) -> Decimal | None:
    try:
        return None if isinstance(value, bool) else abs(D(str(value)))
    except InvalidOperation:
        return None


def _wrong(before: dict[str, Any], after: dict[str, Any], said: object) -> list[str]:
    """Return the numbers that are neither what they were nor what the spoilt field says."""
    return [
        name
        for name, value in after.items()
        if isinstance(value, Decimal) and value != before[name] and abs(value) != _number(said)
    ]


SUMS = {"BalanceEx", "Ticker", "account"}
"""Answers from which the account's sums are worked out: a spoilt one changes them, or nothing is known."""
PATHS = {
    "alpaca": ("status=open", "status=closed", "positions", "activities", "account"),
    "kraken": ("OpenOrders", "ClosedOrders", "TradesHistory", "BalanceEx", "Ticker"),
}


def _judge(baseline: dict[str, dict[str, Any]], state: VenueState, value: object, path: str) -> None:
    """A row is as it was, as the venue now says it is, or in trouble; and at most one row is touched."""
    sums = path in SUMS
    after, subjects = _told(state), {trouble.subject for trouble in state.troubles}
    lost = {about.split()[0] for about in baseline if about not in after}
    if "position" in lost:
        lost -= {"price"}
    if path in {"activities", "status=closed"}:
        lost -= {"order"}  # an ended order is listed for the sake of its fills only
    assert len(lost) <= 1
    renamed = any(str(value) in about for about in after if about not in baseline)
    assert not lost or subjects or renamed or (sums and _number(value) == 0)
    for about in set(after) & set(baseline) - ({"account"} if sums else set()):
        wrong = _wrong(baseline[about], after[about], value)
        fee_row = wrong == ["fee"] and path == "activities" and (subjects or set(after) - set(baseline))
        assert not wrong or fee_row or about.split()[-1] in subjects, (about, wrong)


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in PATHS.items() for path in paths])
def test_a_spoilt_field_costs_at_most_its_own_row(name: str, path: str, request: pytest.FixtureRequest) -> None:
    spoilt: Spoilt = request.getfixturevalue(name)
    baseline, answer = _told(spoilt.broker.state("")), spoilt.venue.answer(path)
    troubled = failed = 0
    try:
        for case in _cases(answer):
            spoilt.venue.spoils[path] = partial(_with, case=case)
            try:
                state = spoilt.broker.state("")
            except BrokerError:
                failed += 1
                assert path in SUMS, case
                continue
            troubled += bool(state.troubles)
            try:
                _judge(baseline, state, case[2], path)
            except AssertionError as error:
                raise AssertionError(f"{path}: {case}: {error}") from error
    finally:
        spoilt.venue.spoils.clear()
    assert troubled or failed
    assert not spoilt.broker.state("").troubles


@pytest.mark.parametrize(("name", "address"), [("alpaca", "v2/orders"), ("kraken", "AddOrder")])
def test_a_spoilt_answer_to_an_order_is_an_open_outcome_or_the_truth(
    name: str, address: str, request: pytest.FixtureRequest
) -> None:
    spoilt: Spoilt = request.getfixturevalue(name)
    answer, sent = spoilt.venue.answer(address), spoilt.sent[0]
    truth, kept = spoilt.broker.submit(sent), 0
    try:
        for case in _cases(answer):
            spoilt.venue.spoils[address] = partial(_with, case=case)
            try:
                said = spoilt.broker.submit(sent)
            except OutcomeUnknownError as unknown:
                kept += bool(unknown.raw)
                continue
            wrong = _wrong(asdict(truth), asdict(said), case[2])
            assert said.client_order_id == sent.id, case
            assert not wrong, case
    finally:
        spoilt.venue.spoils.clear()
    assert kept
