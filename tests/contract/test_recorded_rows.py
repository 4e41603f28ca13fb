"""Answers that Alpaca and Kraken really gave are read; spoilt in any field they raise, or mean what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.adapters.alpaca import orders as alpaca
from orchestrator.adapters.alpaca.holdings import account_of, holdings_of
from orchestrator.adapters.ccxt import orders as kraken
from orchestrator.adapters.ccxt.trades import TradeReader
from orchestrator.adapters.rows import UNREADABLE
from tests.contract.recorded import load
from tests.spoilt import NONSENSE

NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)
Read = Callable[[Any], Any]


def _alpaca(root: Path, *tests: str) -> list[dict[str, Any]]:
    told = [one["response"] for one in load(root / "api/alpaca/recorded_responses.json") if one["test"] in tests]
    return [row for answer in told for row in (answer if isinstance(answer, list) else [answer])]


def _kraken(root: Path, *kinds: str) -> list[dict[str, Any]]:
    answers = [one.get("response") for one in load(root / "api/kraken/endpoint_examples.json")]
    results = [answer.get("result") for answer in answers if isinstance(answer, dict)]
    lists = [result[kind] for result in results if isinstance(result, dict) for kind in kinds if kind in result]
    return [row for listed in lists if isinstance(listed, dict) for row in listed.values()]


def _held(row: Any) -> Any:
    holdings = holdings_of([row])
    if holdings.troubles:
        raise ValueError(holdings.troubles[0].reason)
    (qty,) = holdings.positions.values()
    return {"qty": qty}


def _traded(row: Any) -> Any:
    names = {str(row["pair"]): "BTC/USD"}
    return TradeReader(names, lambda name: name, NOW).read("T", row).fill


SAMPLES: dict[str, tuple[Callable[[Path], list[dict[str, Any]]], Read]] = {
    "alpaca order": (
        lambda root: _alpaca(root, "test_get_orders", "test_market_order", "test_limit_order", "test_get_order_by_id"),
        alpaca.order_of,
    ),
    "alpaca position": (lambda root: _alpaca(root, "test_get_all_positions"), _held),
    "alpaca account": (
        lambda root: _alpaca(root, "test_get_account"),
        lambda row: account_of(row, venue="alpaca", now=NOW),
    ),
    "kraken order": (lambda root: _kraken(root, "open", "closed"), lambda row: kraken.order_of("O", row)),
    "kraken trade": (lambda root: _kraken(root, "trades")[:5], _traded),
}


def _numbers(told: Any) -> dict[str, Decimal]:
    if isinstance(told, BaseModel):
        told = told.model_dump()
    values = asdict(told) if is_dataclass(told) and not isinstance(told, type) else told
    return {name: value for name, value in values.items() if isinstance(value, Decimal)}


def _spoilt(row: dict[str, Any]) -> Iterator[tuple[str, object, dict[str, Any]]]:
    for field in row:
        for value in NONSENSE:
            yield field, value, {**row, field: value}
        yield field, "missing", {name: said for name, said in row.items() if name != field}


def _means(value: object) -> Decimal | None:
    try:
        return None if isinstance(value, bool) else abs(Decimal(str(value)))
    except InvalidOperation:
        return None


@pytest.mark.parametrize("name", SAMPLES)
def test_every_recorded_row_is_read(data_root: Path, name: str) -> None:
    rows, read = SAMPLES[name]
    found = rows(data_root)
    assert found
    for row in found:
        assert _numbers(read(row))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_recorded_row_spoilt_in_any_field_raises_or_says_what_it_says(data_root: Path, name: str) -> None:
    rows, read = SAMPLES[name]
    row, refused = rows(data_root)[0], 0
    truth = _numbers(read(row))
    for field, value, spoilt in _spoilt(row):
        try:
            told = _numbers(read(spoilt))
        except UNREADABLE:
            refused += 1
            continue
        for key, number in told.items():
            less_power = key == "buying_power" and number <= truth[key]
            assert less_power or number == truth.get(key) or abs(number) == _means(value), (field, value, key)
    assert refused
