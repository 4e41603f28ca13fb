"""Alpaca's corporate actions: announcements of the trading API, and the newer list of the data API.

Both tell what went ex by the venue's time; what lies ahead is not known to the feed.
"""

from __future__ import annotations

from datetime import date

from venue.feed import AssetKind, CorporateAction
from venue.ids import uuid_of
from venue.web.alpaca_account import day_of
from venue.web.call import Call, Reply, reply, text


def _known(call: Call, symbols: str, first: date | None, last: date | None) -> list[CorporateAction]:
    """Return the actions of those stocks (all, if none is named) with an ex-date in the range."""
    stocks = [a.symbol for a in call.exchange.assets.values() if a.kind is AssetKind.STOCK]
    named = [name for name in symbols.split(",") if name]
    found = [action for symbol in named or sorted(stocks) for action in call.exchange.feed.actions(symbol)]
    low, high = first or date.min, last or date.max
    return [action for action in found if low <= action.ex_date <= high]


def _kind(action: CorporateAction) -> str:
    return "dividend" if action.ratio is None else "split"


def get_announcements(call: Call) -> Reply:
    """List splits and dividends by type, symbol and ex-date."""
    kinds = call.params.get("ca_types", "").lower()
    actions = _known(call, call.params.get("symbol", ""), day_of(call, "since"), day_of(call, "until"))
    return reply([_announcement(action) for action in actions if _kind(action) in kinds])


def _announcement(action: CorporateAction) -> dict[str, object]:
    kind = _kind(action)
    return {
        "id": uuid_of("announcement", kind, action.symbol, action.ex_date),
        "corporate_action_id": uuid_of("action", kind, action.symbol, action.ex_date),
        "ca_type": kind,
        "ca_sub_type": _sub_type(action),
        "initiating_symbol": action.symbol,
        "initiating_original_cusip": "",
        "target_symbol": action.symbol,
        "target_original_cusip": "",
        "ex_date": action.ex_date.isoformat(),
        "cash": text(action.cash) if action.cash is not None else "0",
        "old_rate": "1",
        "new_rate": text(action.ratio) if action.ratio is not None else "1",
    }


def _sub_type(action: CorporateAction) -> str:
    if action.ratio is None:
        return "cash"
    return "stock_split" if action.ratio > 1 else "reverse_split"


def get_corporate_actions(call: Call) -> Reply:
    """List splits and dividends in the data API's form, grouped by kind."""
    actions = _known(call, call.params.get("symbols", ""), day_of(call, "start"), day_of(call, "end"))
    types = {name for name in call.params.get("types", "").split(",") if name}
    groups: dict[str, list[dict[str, object]]] = {}
    for action in actions:
        name, body = _entry(action)
        if not types or name in types:
            groups.setdefault(f"{name}s", []).append(body)
    return reply({"corporate_actions": groups, "next_page_token": None})


def _entry(action: CorporateAction) -> tuple[str, dict[str, object]]:
    day = action.ex_date.isoformat()
    number = uuid_of("action", _kind(action), action.symbol, action.ex_date)
    body: dict[str, object] = {"id": number, "symbol": action.symbol, "process_date": day, "ex_date": day}
    if action.ratio is None:
        cash = float(action.cash or 0)
        return "cash_dividend", {**body, "cusip": "", "rate": cash, "special": False, "foreign": False}
    rates = {"new_rate": float(action.ratio), "old_rate": 1.0}
    if action.ratio > 1:
        return "forward_split", {**body, "cusip": "", **rates}
    return "reverse_split", {**body, "old_cusip": "", "new_cusip": "", **rates}
