"""Many writers reserve against one limit at the same time, by the compare-and-set that every cycle uses."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier

from orchestrator.contention import until_settled
from orchestrator.domain.base import ZERO, ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import DESK_EXPOSURE, DESK_STATE, ExposureDoc, ModuleExposure
from orchestrator.domain.exposure import total_exposure
from orchestrator.domain.parameters import Parameters
from orchestrator.ports import Put, Replace, Store, Verify
from orchestrator.seed import seed
from orchestrator.unit import desk_view, shared_paths
from scripts.chaos.invariants import read

EQUITY = Decimal(100_000)
NOW = datetime(2026, 7, 16, 14, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reserved:
    """What one writer got of what it wanted, USD, and how long the answer took."""

    usd: Decimal
    seconds: float


def prepare(store: Store) -> None:
    """Set up a desk with an equity of 100,000 USD and nothing reserved."""
    seed(store, {module: Parameters() for module in ModuleName}, now=NOW)
    exposure = ExposureDoc(venue_equity={"venue": EQUITY}, peak_equity=EQUITY, day=NOW.date(), updated_at=NOW)
    store.commit([Put(DESK_EXPOSURE, encode(exposure))])


def reserve(store: Store, wanted: Decimal) -> Decimal:
    """Reserve what the gross limit leaves of `wanted` USD, and return it.

    Raises
    ------
    ConcurrencyConflictError
        Every attempt lost its race.
    """
    return until_settled(lambda: _attempt(store, wanted))


def _attempt(store: Store, wanted: Decimal) -> Decimal:
    desk = desk_view(dict(store.get_many(shared_paths())), NOW, last_good={})
    room = desk.exposure.equity * desk.limits.gross_exposure - total_exposure(desk.exposure)
    usd = max(ZERO, min(wanted, room))
    if not usd:
        return ZERO
    share = desk.exposure.modules.get(ModuleName.STOCKS, ModuleExposure())
    grown = share.model_copy(update={"reserved_usd": share.reserved_usd + usd})
    exposure = desk.exposure.model_copy(update={"modules": {**desk.exposure.modules, ModuleName.STOCKS: grown}})
    store.commit(
        [Replace(DESK_EXPOSURE, encode(exposure), desk.exposure_version), Verify(DESK_STATE, desk.state_version)]
    )
    return usd


def race(store_of: Callable[[], Store], *, writers: int, wanted: Decimal) -> list[Reserved]:
    """Let so many writers, each with a store of its own, reserve at the same moment; return what each got."""
    start = Barrier(writers)

    def write(store: Store) -> Reserved:
        start.wait()
        begun = time.perf_counter()
        return Reserved(reserve(store, wanted), time.perf_counter() - begun)

    with ThreadPoolExecutor(max_workers=writers) as pool:
        return list(pool.map(write, [store_of() for _ in range(writers)]))


def reserved(store: Store) -> Decimal:
    """Return what the desk's exposure says is reserved, USD."""
    return total_exposure(read(store, ExposureDoc, DESK_EXPOSURE))
