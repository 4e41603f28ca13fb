"""Close a symbol to new exposure while book and venue do not agree on it, and open it again once they do.

A symbol is released when a later cycle finds no sign of trouble and the venue's quantity equal to the book's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.domain.documents import BookDoc, EventKind
from orchestrator.domain.events import number
from orchestrator.domain.foreign import risk_symbol
from orchestrator.ports import VenueState
from orchestrator.unit import Unit

_CASH = " cash"


def settle_quarantine(unit: Unit, state: VenueState, signs: Mapping[str, str]) -> None:
    """Bring the quarantine of the book up to the signs of this cycle; `signs` are those of corporate actions."""
    before = unit.book.quarantine
    found = {**dict(_signs(unit.book, state)), **signs}
    apart = {risk_symbol(symbol) for symbol in unit.book.drift}
    kept = {symbol: reason for symbol, reason in before.items() if symbol in apart}
    after = kept | found
    for symbol in after.keys() - before.keys():
        key = f"quarantine_{unit.module}_{_key(symbol)}_{unit.now:%Y%m%d}"
        text = f"{symbol} takes no new exposure: {after[symbol]}."
        unit.tell(key, EventKind.SYMBOL_QUARANTINED, text, severity="warning", subject=symbol)
    for symbol in before.keys() - after.keys():
        key = f"released_{unit.module}_{_key(symbol)}_{unit.now:%Y%m%dT%H%M}"
        unit.tell(key, EventKind.SYMBOL_RELEASED, f"{symbol} may be traded again.", subject=symbol)
    unit.book = unit.book.model_copy(update={"quarantine": after})


def _signs(book: BookDoc, state: VenueState) -> Iterator[tuple[str, str]]:
    for symbol, told in book.drift_told.items():
        if not symbol.endswith(_CASH):
            yield risk_symbol(symbol), f"the venue holds {number(told.gap)} {symbol} that nobody accounts for"
    for symbol, holding in book.foreign.items():
        if holding.value_usd is None:
            yield risk_symbol(symbol), f"a foreign holding of {number(holding.qty)} {symbol} has no price"
    for trouble in state.troubles:
        if trouble.symbol:
            yield risk_symbol(trouble.symbol), f"unreadable {trouble.kind}: {trouble.reason}"


def _key(symbol: str) -> str:
    return symbol.replace("/", "")
