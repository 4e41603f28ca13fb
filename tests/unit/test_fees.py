"""Fees in any currency: what they cost in USD, and what they do to the holding; recorded trades of four exchanges."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.ccxt.fees import Charge, charge_of, charged, unconverted
from orchestrator.domain.errors import MalformedDataError, MissingDataError
from orchestrator.domain.orders import Fill, Side
from tests.contract.recorded import load

D = Decimal
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


def fill(side: Side = Side.BUY, qty: str = "0.5", price: str = "60000") -> Fill:
    return Fill(
        trade_id="T1", client_order_id="c", symbol="BTC/USD", side=side, qty=D(qty), price=D(price), ts_event=NOW
    )


def test_a_fee_in_usd_is_what_it_is() -> None:
    told = charged(fill(), Charge(D("1.25"), "USD"), quote="USD", usd={})
    assert (told.fee, told.fee_currency, told.fee_paid, told.held_qty) == (D("1.25"), "USD", None, D("0.5"))


def test_a_fee_in_the_coin_takes_from_a_purchase_and_adds_to_a_sale() -> None:
    bought = charged(fill(), Charge(D("0.001"), "BTC"), quote="USD", usd={})
    assert (bought.fee, bought.fee_currency, bought.fee_paid) == (D(60), "BTC", D("0.001"))
    assert bought.held_qty == D("0.499")
    assert charged(fill(Side.SELL), Charge(D("0.001"), "BTC"), quote="USD", usd={}).held_qty == D("0.501")


def test_a_fee_in_another_coin_is_converted_at_the_venues_price() -> None:
    told = charged(fill(), Charge(D("0.02"), "BNB"), quote="USD", usd={"BNB": D(600)})
    assert (told.fee, told.fee_paid, told.held_qty) == (D(12), D("0.02"), D("0.5"))


def test_a_fee_in_the_quote_currency_counts_as_prices_do() -> None:
    told = charged(fill(), Charge(D("3"), "USDT"), quote="USDT", usd={})
    assert (told.fee, told.fee_currency, told.fee_paid) == (D(3), "USDT", D(3))


def test_a_fee_that_nobody_prices_is_kept_as_it_was_charged() -> None:
    with pytest.raises(MissingDataError, match=r"0\.02 KFEE"):
        charged(fill(), Charge(D("0.02"), "KFEE"), quote="USD", usd={"BNB": D(600)})
    kept = unconverted(fill(), Charge(D("0.02"), "KFEE"))
    assert (kept.fee, kept.fee_currency, kept.fee_paid) == (D(0), "KFEE", D("0.02"))


def test_nothing_charged_in_a_coin_without_a_price_costs_nothing() -> None:
    assert charged(fill(), Charge(D(0), "KFEE"), quote="USD", usd={}).fee == 0


def test_a_rebate_in_coins_is_a_negative_fee_and_adds_to_a_purchase() -> None:
    told = charged(fill(), Charge(D("-0.001"), "BTC"), quote="USD", usd={})
    assert (told.fee, told.held_qty) == (D(-60), D("0.501"))


@given(
    side=st.sampled_from(Side),
    qty=st.decimals(min_value="0.001", max_value="100", places=6),
    price=st.decimals(min_value="0.01", max_value="100000", places=2),
    share=st.decimals(min_value="0", max_value="0.01", places=4),
)
def test_cash_moves_the_same_by_what_is_held_and_by_what_was_traded(
    side: Side, qty: Decimal, price: Decimal, share: Decimal
) -> None:
    told = charged(fill(side, str(qty), str(price)), Charge(qty * share, "BTC"), quote="USD", usd={})
    by_trade = -side.sign * qty * price
    by_holding = -side.sign * told.held_qty * price - told.fee
    assert by_trade == by_holding


def trades(data_root: Path, venue: str, name: str) -> list[dict[str, Any]]:
    """The recorded trades of an endpoint as ccxt's unified form of them."""
    found = {one["name"]: one for one in load(data_root / "api" / venue / "endpoint_examples.json")}
    told = found[name]["response"]
    told = told.get("result", told.get("data", told)) if isinstance(told, dict) else told
    told = told.get("trades", told.get("records", told)) if isinstance(told, dict) else told
    rows: Any = [{**row, "id": key} for key, row in told.items()] if isinstance(told, dict) else told
    exchange = getattr(ccxt, venue)({"enableRateLimit": False})
    return [exchange.parse_trade(row) for row in rows]


@pytest.mark.parametrize(
    ("venue", "name", "expected"),
    [
        ("gate", "Endpoints/Spot/Trading/GetUserTrades", Charge(D("0.0005"), "ETH")),
        ("okx", "Endpoints/UnifiedApi/Trading/GetUserTradesArchive", Charge(D("0.00000192834"), "BTC")),
        ("whitebit", "Endpoints/V4/Trading/GetUserTrades", Charge(D("0.00070407996"), "USDT")),
        ("kraken", "Endpoints/Spot/Trading/GetUserTrades", Charge(D(0), "USD")),
    ],
)
def test_a_recorded_trade_tells_its_fee(data_root: Path, venue: str, name: str, expected: Charge) -> None:
    assert charge_of(trades(data_root, venue, name)[0]["fee"], otherwise=expected.currency) == expected


def test_a_recorded_fee_in_coins_reduces_what_was_received(data_root: Path) -> None:
    (trade,) = trades(data_root, "okx", "Endpoints/UnifiedApi/Trading/GetUserTradesArchive")
    bought = fill(qty=str(trade["amount"]), price=str(trade["price"]))
    told = charged(bought, charge_of(trade["fee"], otherwise="USDT"), quote="USDT", usd={})
    assert told.held_qty == D("0.00192834") - D("0.00000192834")
    assert told.fee == D("0.00000192834") * 51858


@pytest.mark.parametrize("fee", [None, {}, *({"cost": cost} for cost in (None, "much", True, float("nan"), [1]))])
def test_a_fee_that_is_not_told_is_not_taken_for_nothing(fee: object) -> None:
    with pytest.raises(MalformedDataError):
        charge_of(fee, otherwise="USD")


def test_a_fee_without_a_currency_is_in_the_usual_one() -> None:
    assert charge_of({"cost": "1.5", "currency": None}, otherwise="USD") == Charge(D("1.5"), "USD")
