"""Derives every id of the venue from what it names, so that a replay repeats them exactly."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

_SPACE = uuid5(NAMESPACE_URL, "firedesk/venue")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def uuid_of(*parts: object) -> str:
    """Return the UUID that belongs to these parts."""
    return str(uuid5(_SPACE, "/".join(str(part) for part in parts)))


def kraken_id(letter: str, *parts: object) -> str:
    """Return an id in Kraken's form, `O` for orders and `T` for trades: OXXXXX-XXXXX-XXXXXX."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    text = "".join(_ALPHABET[byte & 31] for byte in digest[:16])
    return f"{letter}{text[:5]}-{text[5:10]}-{text[10:16]}"


def activity_id(ts: datetime, *parts: object) -> str:
    """Return an id in Alpaca's form for account activities: milliseconds, two colons, UUID."""
    return f"{ts:%Y%m%d%H%M%S}{ts.microsecond // 1000:03d}::{uuid_of(*parts)}"
