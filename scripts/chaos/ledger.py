"""Reads the local venue's own account of what happened, in the words of the invariants."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from orchestrator.domain.base import ModuleName
from orchestrator.domain.orders import Fill, OrderState, Side
from orchestrator.ports import VenueOrder
from scripts.chaos.invariants import VenueLedger

MODULES_OF = {"alpaca": (ModuleName.STOCKS, ModuleName.OPTIONS), "kraken": (ModuleName.CRYPTO,)}

_ENDED = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "expired": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}

Json = dict[str, Any]


def read_ledgers(venue_url: str) -> list[VenueLedger]:
    """Return the ledger of each account.

    Raises
    ------
    OSError
        The venue does not answer.
    """
    told = get(f"{venue_url}/venue/ledger")
    return [_ledger(told, name, account) for name, account in told["accounts"].items()]


def get(url: str) -> Any:
    """Return the JSON behind an address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def post(url: str, body: Mapping[str, object]) -> Any:
    """Post JSON and return the JSON that comes back."""
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _ledger(told: Json, name: str, account: Json) -> VenueLedger:
    positions = {symbol: Decimal(held["qty"]) for symbol, held in account["positions"].items()}
    return VenueLedger(
        name=name,
        modules=MODULES_OF[name],
        orders=[_order(one) for one in told["orders"] if one["account"] == name],
        fills=[_fill(one) for one in told["fills"] if one["account"] == name],
        positions=positions,
        cash=Decimal(account["cash_exact"]),
    )


def _order(told: Json) -> VenueOrder:
    state = _ENDED.get(told["status"], OrderState.WORKING)
    return VenueOrder(told["client_order_id"], told["id"], state, filled_qty=Decimal(told["filled_qty"] or 0))


def _fill(told: Json) -> Fill:
    return Fill(
        trade_id=told["trade_id"],
        client_order_id=told["client_order_id"] or "",
        symbol=told["symbol"],
        side=Side(told["side"]),
        qty=Decimal(told["qty"]),
        price=Decimal(told["price"]),
        fee=Decimal(told["fee"]),
        ts_event=datetime.fromisoformat(told["ts"]),
    )
