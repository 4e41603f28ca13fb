"""Cycles that run at the same time: each stands still before its commits and sends, until it is told to go on."""

from __future__ import annotations

import threading
from datetime import datetime

from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import TradingError
from tests.chaos.process import Killed, Process
from tests.chaos.world import World

HELD_AT = frozenset({"commit", "committed"})
_PATIENCE_S = 20.0


class Running:
    """A cycle in a thread of its own that runs only while its owner waits for it: one thread at a time."""

    def __init__(self, world: World, module: ModuleName, slot: datetime) -> None:
        self.module, self.where = module, "start"
        self._world, self._slot = world, slot
        self._process = Process(meet=self._meet)
        self._orchestrator, self._now = world.orchestrator(self._process), world.now
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._failure: BaseException | None = None
        self.ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait()

    def __repr__(self) -> str:
        return f"<{self.module} slot {self._slot:%H:%M:%S}, held at {self.where}>"

    def go_on(self) -> None:
        """Let it run up to the next point at which it is held, or to its end."""
        self._go.release()
        self._wait()

    def kill(self) -> None:
        """Let it die where it is held."""
        self._process.dead = True
        self.go_on()

    def _wait(self) -> None:
        assert self._stopped.acquire(timeout=_PATIENCE_S), f"{self} does not come to a halt"
        if self._failure is not None:
            raise self._failure

    def _meet(self, point: str) -> None:
        if point in HELD_AT and threading.current_thread() is self._thread:
            self.where = point
            self._stopped.release()
            self._go.acquire()

    def _run(self) -> None:
        try:
            self._orchestrator.cycle(self.module, slot=self._slot, now=self._now)
        except (Killed, TradingError):
            pass  # the platform's business: it is dead, or the platform calls again
        except BaseException as failure:  # noqa: BLE001 - told to whoever waits
            self._failure = failure
        finally:
            self.ended = True
            self._stopped.release()
