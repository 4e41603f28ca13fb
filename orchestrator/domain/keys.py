"""One API key of a venue, as all runs share it: who may send with it now, and how many entries it still has room for.

A venue limits the requests of a key, and some want them in order (nonces). Entries may use a stated share of the limit
only, so that cancels, exits and protective orders always find room.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from orchestrator.domain.base import ZERO, Amount, Document, UtcTime
from orchestrator.domain.venues import VenueCall, VenueProfile


class VenueKeyDoc(Document):
    """`venues/{venue}`: the lease of the one executor, and the budget of requests that entries may use."""

    venue: str
    holder: str = ""
    """The run that sends with the key; "" = nobody."""
    until: UtcTime | None = None
    """When the holder counts as dead."""
    entry_requests: Amount = ZERO
    """Requests that entries might still make at `at`."""
    at: UtcTime


def key_path(venue: str) -> str:
    """Return the path of a venue's key."""
    return f"venues/{venue}"


def entry_capacity(profile: VenueProfile) -> Decimal:
    """Return how many requests a minute entries may make: the venue's limit less the share kept for the rest."""
    return Decimal(profile.requests_per_minute) * (1 - profile.reserved_share)


def entry_requests(key: VenueKeyDoc | None, profile: VenueProfile, now: datetime) -> Decimal:
    """Return how many requests entries may make now: a bucket that a minute fills."""
    capacity = entry_capacity(profile)
    if key is None:
        return capacity
    passed = Decimal(max((now - key.at) / timedelta(minutes=1), 0.0)).quantize(Decimal("0.001"))
    return min(capacity, key.entry_requests + capacity * passed)


def entries_allowed(key: VenueKeyDoc | None, profile: VenueProfile, now: datetime) -> int:
    """Return how many entries may be sent now."""
    return int(entry_requests(key, profile, now) // max(profile.requests_of(VenueCall.SUBMIT), 1))


def is_busy(key: VenueKeyDoc | None, profile: VenueProfile, run: str, now: datetime) -> bool:
    """Return whether another run holds a key that takes one executor at a time."""
    if not profile.exclusive_key or key is None or key.until is None:
        return False
    return key.holder not in {"", run} and now < key.until


def taken(
    key: VenueKeyDoc | None, profile: VenueProfile, run: str, *, entries: int, now: datetime, lease: timedelta
) -> VenueKeyDoc:
    """Return the key as a run takes it to send so many entries."""
    left = entry_requests(key, profile, now) - entries * profile.requests_of(VenueCall.SUBMIT)
    return VenueKeyDoc(
        venue=profile.name,
        holder=run if profile.exclusive_key else "",
        until=now + lease if profile.exclusive_key else None,
        entry_requests=max(left, ZERO),
        at=now,
    )


def released(key: VenueKeyDoc) -> VenueKeyDoc:
    """Return the key when its holder has heard the venue's answers."""
    return key.model_copy(update={"holder": "", "until": None})
