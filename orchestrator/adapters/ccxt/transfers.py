"""Cash that moved without a trade, from Kraken's ledger: deposits, withdrawals, rewards. No calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from orchestrator.adapters.ccxt.orders import instant
from orchestrator.adapters.ccxt.trades import seconds_of
from orchestrator.adapters.rows import fields, maybe_number, number, said, sort_out
from orchestrator.domain.base import ZERO
from orchestrator.domain.errors import MalformedDataError
from orchestrator.ports import CashEvent, Trouble, TroubleKind

_USD = "USD"
_KINDS = {
    "deposit": "CSD",
    "withdrawal": "CSW",
    "transfer": "JNLC",
    "reward": "INT",
    "staking": "INT",
    "dividend": "INT",
    "credit": "INT",
}
"""The desk's kind by Kraken's type of entry; of the others trades are told as fills, and the rest is no cash."""


def cash_events(ledger: Mapping[str, object], now: datetime) -> tuple[list[CashEvent], list[Trouble]]:
    """Return what these entries did to the cash; what it changed by is `amount`, signed, less `fee`."""
    return sort_out(TroubleKind.ACTIVITY, ledger.items(), lambda item: _event(*item, now), subject=lambda item: item[0])


def that_move_usd(ledger: Mapping[str, object], code_of: Callable[[str], str]) -> dict[str, object]:
    """Return the entries of dollars; coins that came or went show in the balances.

    Parameters
    ----------
    ledger
        Kraken's entries by id.
    code_of
        Kraken's name of a currency to the plain one.
    """
    return {
        key: row for key, row in ledger.items() if said(row, "type") in _KINDS and code_of(said(row, "asset")) == _USD
    }


def _event(key: str, raw: object, now: datetime) -> CashEvent:
    row, seconds = fields(raw), seconds_of(raw, "time", now)
    if seconds is None:
        raise MalformedDataError("time is none that can have come")
    fee = maybe_number(row, "fee", least=ZERO) or ZERO
    return CashEvent(
        id=key,
        kind=_KINDS[said(row, "type")],
        symbol="",
        amount=number(row, "amount") - fee,
        qty=ZERO,
        price=ZERO,
        ts_event=instant(seconds),
    )
