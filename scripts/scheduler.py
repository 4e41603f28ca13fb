"""Fires the scheduled functions of the local suite as Cloud Scheduler does, by the venue's clock.

A function is never fired twice at once. When the clock ran past several slots of one function while it worked, only the
newest is fired, as Cloud Scheduler skips slots while an attempt continues. A failed attempt is repeated with the same
slot as often as the function's retryConfig says. It knows no function by name: the emulator tells them.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts.schedules import Schedule
from scripts.suite import trigger_url

_MIN_BACKOFF_S = 5.0
_MAX_BACKOFF_S = 3600.0
_POLL_S = 0.5
_GRACE_S = 10.0
"""How long after its time-out a run may still answer; one whose process was killed never does."""
_TIMEOUT_S = 60.0
_RECENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled function: what the functions emulator says of it."""

    name: str
    trigger: str
    schedule: Schedule
    retries: int = 0
    min_backoff_s: float = _MIN_BACKOFF_S
    max_backoff_s: float = _MAX_BACKOFF_S
    timeout_s: float = _TIMEOUT_S


@dataclass(frozen=True, slots=True)
class VenueTime:
    """The venue's clock: its time (UTC), how many of its seconds pass in one of ours (0 = it stands), whose it is."""

    now: datetime
    speed: float
    market: str = ""
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """One attempt: `status` is the HTTP status (0 = no answer), `text` the function's words when it failed."""

    job: str
    slot: datetime
    status: int
    seconds: float
    text: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the function answered 2xx."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        """Return the one line that a person reads."""
        told = "" if self.succeeded else f"  {' '.join(self.text.split())[:160]}"
        return (
            f"{self.slot:%Y-%m-%d %H:%M:%S}Z  {self.job:<16} {self.status or 'no answer'}  {self.seconds:.2f} s{told}"
        )


@dataclass(slots=True)
class Scheduler:
    """Fires jobs as their slots come.

    Parameters
    ----------
    jobs
        What to fire.
    fire
        Makes one attempt and returns what came of it; it does not raise.
    report
        Is told each attempt.
    pool
        Runs attempts, one thread per job.
    """

    jobs: Sequence[Job]
    fire: Callable[[Job, datetime], Fired]
    report: Callable[[Fired], None]
    pool: Executor
    stopping: threading.Event = field(default_factory=threading.Event)
    _done: dict[str, datetime] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    @property
    def under_way(self) -> bool:
        """Whether an attempt is running, or waits for its next try."""
        return bool(self._busy)

    def tick(self, clock: VenueTime) -> int:
        """Fire every idle job whose newest slot has not been fired; return how many.

        The first tick fires nothing older than itself: it only notes where each schedule stands.
        """
        fired = 0
        for job in self.jobs:
            slot = job.schedule.latest(clock.now)
            if slot <= self._done.setdefault(job.name, slot) or job.name in self._busy:
                continue
            self._done[job.name] = slot
            self._busy.add(job.name)
            self.pool.submit(self._attempts, job, slot, clock.speed)
            fired += 1
        return fired

    def kick(self, clock: VenueTime) -> None:
        """Fire now, one after the other, each job whose time it is: whose newest slot is younger than a quarter hour.

        This is what a person's "run now" does. The slot is the clock's own second, so that nothing looks into its past.
        """
        slot = clock.now.replace(microsecond=0)
        for job in self.jobs:
            newest = job.schedule.latest(clock.now)
            self._done[job.name] = newest
            if slot - newest < _RECENT:
                self._attempts(job, slot, clock.speed)

    def run(self, clock: Callable[[], VenueTime]) -> None:
        """Follow a clock until `stopping` is set."""
        while not self.stopping.is_set():
            moment = clock()
            self.tick(moment)
            self.stopping.wait(self._pause(moment))

    def _pause(self, clock: VenueTime) -> float:
        """Return the seconds of ours until the next slot, at most half a second."""
        if clock.speed <= 0 or not self.jobs:
            return _POLL_S
        soonest = min(job.schedule.following(clock.now) for job in self.jobs)
        return min(_POLL_S, max(0.01, (soonest - clock.now).total_seconds() / clock.speed))

    def _attempts(self, job: Job, slot: datetime, speed: float) -> None:
        try:
            for attempt in range(job.retries + 1):
                fired = self.fire(job, slot)
                if self.stopping.is_set():
                    return
                self.report(fired)
                if fired.succeeded:
                    return
                backoff = min(job.max_backoff_s, job.min_backoff_s * 2**attempt)
                if self.stopping.wait(backoff / max(speed, 1.0)):
                    return
        finally:
            self._busy.discard(job.name)


def read_jobs(functions_url: str) -> list[Job]:
    """Return the scheduled functions that a functions emulator has loaded."""
    backends = _get(f"{functions_url}/backends")["backends"]
    triggers = [trigger for backend in backends for trigger in backend["functionTriggers"]]
    return sorted((_job(trigger) for trigger in triggers if trigger.get("schedule")), key=lambda job: job.name)


def read_clock(venue_url: str) -> VenueTime:
    """Return the venue's time, as `GET /venue/clock` tells it.

    Raises
    ------
    OSError
        The venue does not answer.
    """
    told = _get(f"{venue_url}/venue/clock")
    return VenueTime(
        now=datetime.fromisoformat(told["now"]).astimezone(UTC),
        speed=float(told["speed"]),
        market=str(told["name"]),
        synthetic=bool(told["synthetic"]),
    )


def fire_over_http(functions_url: str, project: str) -> Callable[[Job, datetime], Fired]:
    """Return what makes one attempt: the request that Cloud Scheduler sends."""

    def fire(job: Job, slot: datetime) -> Fired:
        started = time.monotonic()
        request = urllib.request.Request(
            trigger_url(functions_url, project=project, trigger=job.trigger),
            method="POST",
            headers=scheduler_headers(job.trigger, slot),
        )
        status, text = _answer(request, job.timeout_s + _GRACE_S)
        return Fired(job=job.name, slot=slot, status=status, seconds=time.monotonic() - started, text=text)

    return fire


def scheduler_headers(trigger: str, slot: datetime) -> dict[str, str]:
    """Return the headers by which a scheduled function knows its slot (`trigger` is `{region}-{name}`)."""
    region, _, name = trigger.rpartition("-")
    return {
        "User-Agent": "Google-Cloud-Scheduler",
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": f"firebase-schedule-{name}-{region}",
        "X-CloudScheduler-ScheduleTime": slot.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def connect(functions_url: str, project: str, report: Callable[[Fired], None]) -> Scheduler:
    """Return a scheduler of everything that is scheduled in a functions emulator."""
    jobs = read_jobs(functions_url)
    pool = ThreadPoolExecutor(max_workers=max(1, len(jobs)), thread_name_prefix="scheduler")
    return Scheduler(jobs, fire_over_http(functions_url, project), report, pool)


@contextmanager
def following(scheduler: Scheduler, venue_url: str) -> Iterator[None]:
    """Let a scheduler follow a venue's clock while the block runs; an attempt under way at its end is not waited for.

    A venue that does not answer stands still.
    """
    last = read_clock(venue_url)

    def clock() -> VenueTime:
        nonlocal last
        try:
            last = read_clock(venue_url)
        except OSError:
            last = replace(last, speed=0.0)
        return last

    thread = threading.Thread(target=scheduler.run, args=(clock,), name="scheduler", daemon=True)
    thread.start()
    try:
        yield
    finally:
        scheduler.stopping.set()
        thread.join(timeout=5)
        scheduler.pool.shutdown(wait=False, cancel_futures=True)


def _job(trigger: Mapping[str, Any]) -> Job:
    told = trigger["schedule"]
    retry = told.get("retryConfig") or {}
    return Job(
        name=trigger["name"],
        trigger=f"{trigger['region']}-{trigger['name']}",
        schedule=Schedule.parse(told["schedule"], told.get("timeZone")),
        retries=int(retry.get("retryCount") or 0),
        min_backoff_s=float(retry.get("minBackoffSeconds") or _MIN_BACKOFF_S),
        max_backoff_s=float(retry.get("maxBackoffSeconds") or _MAX_BACKOFF_S),
        timeout_s=float(trigger.get("timeoutSeconds") or _TIMEOUT_S),
    )


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _answer(request: urllib.request.Request, patience_s: float) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=patience_s) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode("utf-8", "replace")
    except OSError as error:
        return 0, str(error)
