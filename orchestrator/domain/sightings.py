"""What a module that trades options saw when it decided, packed into one document: whoever repeats it sees the same.

Every price, size and Greek is kept to the last digit. Bars are not kept here: they are the same for whoever asks later.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.base import Document, ModuleName, UtcTime, Value
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.market import MarketSnapshot, OptionChain, OptionQuote, Quote, SessionState

KEPT = timedelta(days=365)
"""How long a sighting stays."""
MOST_CHARACTERS = 900_000
"""Characters of one document; with the rest of it they stay below Firestore's 1 MiB."""
_MICROSECOND = timedelta(microseconds=1)

V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen at `at`; `memory` is what the module remembered then."""

    at: datetime
    session: SessionState
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    chains: Mapping[str, OptionChain] = field(default_factory=dict)
    halted: frozenset[str] = frozenset()
    memory: Mapping[str, str] = field(default_factory=dict)


class ChainsDoc(Document):
    """`chains/{module}_{slot}`: what a module that trades options saw at a moment."""

    module: ModuleName
    at: UtcTime
    close: UtcTime | None = None
    """When the session closed, or was to."""
    underlyings: tuple[str, ...]
    contracts: int
    packed: str
    """Session, quotes, chains (each field a column), halts and memory as JSON; zlib, base64."""
    expire_at: UtcTime


def sighting_of(
    market: MarketSnapshot, chains: Mapping[str, OptionChain], *, memory: Mapping[str, str], now: datetime
) -> Sighting:
    """Return what is kept of a market: these chains, and all that is not bars."""
    return Sighting(now, market.session, dict(market.quotes), dict(chains), market.halted, dict(memory))


def kept(sighting: Sighting, module: ModuleName) -> ChainsDoc:
    """Return a sighting as it is stored.

    Raises
    ------
    MalformedDataError
        It is too large for one document.
    """
    text = json.dumps(_plain_sighting(sighting), separators=(",", ":"))
    packed = b64encode(zlib.compress(text.encode(), 6)).decode("ascii")
    if len(packed) > MOST_CHARACTERS:
        raise MalformedDataError(f"{len(packed)} characters are too many for one document, at most {MOST_CHARACTERS}")
    return ChainsDoc(
        module=module,
        at=sighting.at,
        close=sighting.session.close,
        underlyings=tuple(sighting.chains),
        contracts=sum(len(chain.contracts) for chain in sighting.chains.values()),
        packed=packed,
        expire_at=sighting.at + KEPT,
    )


def seen(doc: ChainsDoc, *, where: str) -> Sighting:
    """Return what a document holds.

    Raises
    ------
    MalformedDataError
        It is damaged; the message names the document.
    """
    try:
        found = json.loads(zlib.decompress(b64decode(doc.packed, validate=True)))
        chains = [_chain(one, doc.at) for one in found["chains"]]
        quotes = _rows(Quote, found["quotes"], doc.at)
        session = SessionState.model_validate(found["session"])
        halted, memory = frozenset(found["halted"]), dict(found["memory"])
    except (zlib.error, Base64Error, ValidationError, ArithmeticError, ValueError, KeyError, TypeError) as error:
        raise MalformedDataError(f"{where}: what was kept cannot be read: {error}") from error
    return Sighting(
        at=doc.at,
        session=session,
        quotes={quote.symbol: quote for quote in quotes},
        chains={chain.underlying: chain for chain in chains},
        halted=halted,
        memory=memory,
    )


def _plain_sighting(sighting: Sighting) -> dict[str, Any]:
    return {
        "session": sighting.session.model_dump(mode="json"),
        "quotes": _columns(Quote, list(sighting.quotes.values()), sighting.at),
        "chains": [
            {
                "underlying": chain.underlying,
                "ts": _since(sighting.at, chain.ts),
                "spot": str(chain.spot),
                "contracts": _columns(OptionQuote, chain.contracts, sighting.at),
            }
            for chain in sighting.chains.values()
        ],
        "halted": sorted(sighting.halted),
        "memory": dict(sighting.memory),
    }


def _chain(found: Mapping[str, Any], at: datetime) -> OptionChain:
    return OptionChain(
        underlying=found["underlying"],
        ts=at + found["ts"] * _MICROSECOND,
        spot=Decimal(found["spot"]),
        contracts=tuple(_rows(OptionQuote, found["contracts"], at)),
    )


def _columns(model: type[V], rows: Sequence[V], at: datetime) -> dict[str, list[Any]]:
    """Return each field of the rows as a column: alike values side by side are what compression lives on."""
    return {name: [_plain(getattr(row, name), at) for row in rows] for name in model.model_fields}


def _rows(model: type[V], columns: Mapping[str, list[Any]], at: datetime) -> list[V]:
    """Return the rows of columns; each is checked as a column, and values that are the same are made once."""
    checked = {
        name: _moments(columns[name], at) if name == "ts" else _checked(model, name, columns[name]) for name in columns
    }
    given = set(checked)
    rows = (dict(zip(checked, row, strict=True)) for row in zip(*checked.values(), strict=True))
    return [cast("V", model.model_construct(given, **row)) for row in rows]


def _checked(model: type[V], name: str, column: list[Any]) -> list[Any]:
    if not any(isinstance(one, str) for one in column):
        return _column_of(model, name).validate_python(column)
    texts = list(dict.fromkeys(column))
    known = dict(zip(texts, _column_of(model, name).validate_python(texts), strict=True))
    return [known[one] for one in column]


@cache
def _column_of(model: type[Value], name: str) -> TypeAdapter[list[Any]]:
    kind = model.model_fields[name].annotation
    return TypeAdapter(list[kind])  # type: ignore[valid-type]


def _moments(column: list[int], at: datetime) -> list[datetime]:
    known = {one: at + one * _MICROSECOND for one in column}
    return [known[one] for one in column]


def _plain(value: Any, at: datetime) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return _since(at, value)
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _since(at: datetime, moment: datetime) -> int:
    """Return how long after `at` a moment is, in microseconds; most are shortly before it, and small numbers pack."""
    return (moment.astimezone(UTC) - at) // _MICROSECOND
