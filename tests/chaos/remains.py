"""What a process leaves that is killed at any of its points: found in one run, each different state once."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256

from orchestrator.domain.base import ModuleName
from tests.chaos.account import Account
from tests.chaos.process import Process
from tests.chaos.world import World


@dataclass(frozen=True)
class Slot:
    """A run of a module: how long after the one before, and how long ago its slot was."""

    after: timedelta = timedelta(0)
    ago: timedelta = timedelta(0)


@dataclass
class Remains:
    """The world as a killed process leaves it.

    Parameters
    ----------
    point
        The first point, from 1, at which it would have left just this.
    points
        At how many points it would have left just this.
    left
        The slots that were still to come.
    """

    world: World
    point: int
    left: Sequence[Slot]
    points: int = 1


class Observed:
    """Runs slots one after the other and keeps what a process killed at any point of them would leave.

    A killed process runs no handler, so that the state at the point is all there is; states are the same when every
    byte that store and venues keep is.
    """

    def __init__(self, world: World, module: ModuleName, slots: Sequence[Slot]) -> None:
        self.trail: list[str] = []
        self.remains: list[Remains] = []
        self._world, self._last = world, b""
        self._lock = threading.Lock()
        for number, slot in enumerate(slots):
            world.wait(slot.after)
            self._left = slots[number + 1 :]
            world.run(module, Process(meet=self._meet), world.now - slot.ago)
            world.check_once()

    def _meet(self, point: str) -> None:
        with self._lock:
            self.trail.append(point)
            state = fingerprint(self._world)
            if state == self._last:
                self.remains[-1].points += 1
                return
            self._last = state
            self._world.check_once()
            self.remains.append(Remains(self._world.forked(), len(self.trail), self._left))


def fingerprint(world: World) -> bytes:
    """Return a digest of the time and of all that outlives a process: documents with their versions, and accounts."""
    accounts = [_kept(account) for _, account in sorted(world.accounts.items())]
    documents = [(path, version, _shown(packed)) for path, version, packed in world.store.packed()]
    return sha256(repr((world.now, documents, accounts)).encode()).digest()


@lru_cache(maxsize=4096)
def _shown(packed: bytes) -> bytes:
    """Return a digest of a document's data: the same data can be pickled in several ways."""
    return sha256(repr(pickle.loads(packed)).encode()).digest()


def _kept(account: Account) -> str:
    inner = account.inner
    passing = {"now", "calls", "faults", "_lock"}
    with inner.still():
        kept = [getattr(inner, item.name) for item in fields(inner) if item.name not in passing]
        return repr((kept, vars(inner.faults), account.manners, account.lists, account.taken_at))
