"""Tell people: one notification per event, delivered over each channel at least once and never again once confirmed.

    create (every channel claimed) --send--> record sent | failed
    failed                 --after a growing pause, five attempts in all--> failed for good
    claimed, no record     --after ten minutes--> claimed and sent once more; a second silence is failed for good

A crash between send and record leaves a message that may have gone out; it is sent once more, so that a person may see
it twice but not never, and at most twice. The trigger sends what it created; everything else is the sweeper's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.contention import until_settled
from orchestrator.domain.codec import decode, encode
from orchestrator.domain.documents import Delivery, EventDoc, EventKind, NotificationDoc, UserDoc
from orchestrator.domain.errors import (
    AlreadyExistsError,
    ConfigurationError,
    MalformedDataError,
    TradingError,
)
from orchestrator.domain.events import DeskEvent, Severity
from orchestrator.domain.paths import notification_path, user_path
from orchestrator.ports import Create, Notifier, Push, Replace, Snapshot, Store, Where

ATTEMPTS = 5
"""Attempts over one channel before it is given up."""

CLAIM = timedelta(minutes=10)
"""How long an attempt may be without a record before it counts as lost; longer than any function runs."""

PAUSE = timedelta(minutes=4)
"""Pause after the first failed attempt; it doubles with each further one."""

PUSH = "push"
_SEVERITY = ("info", "warning", "critical")

TITLES: Mapping[EventKind, str] = {
    EventKind.ORDER_FILLED: "Order filled",
    EventKind.ORDER_REJECTED: "Order refused by the venue",
    EventKind.ORDER_UNKNOWN: "Order in doubt",
    EventKind.POSITION_CLOSED: "Position closed",
    EventKind.STATE_CHANGED: "Desk state changed",
    EventKind.LIMIT_BREACHED: "Limit exceeded",
    EventKind.LIMIT_KEPT: "Back under the limit",
    EventKind.REDUCTION_PLANNED: "Holdings are cut back",
    EventKind.DRIFT_FOUND: "Book and venue differ",
    EventKind.DRIFT_CLEARED: "Book and venue agree again",
    EventKind.FOREIGN_FOUND: "Something in the account is not the desk's",
    EventKind.SYMBOL_QUARANTINED: "Symbol quarantined",
    EventKind.SYMBOL_RELEASED: "Quarantine over",
    EventKind.NAKED_POSITION: "Position without a stop",
    EventKind.PARAMETERS_REJECTED: "Parameters rejected",
    EventKind.LIMITS_REJECTED: "Limits rejected",
    EventKind.PARAMETERS_ACTIVATED: "New parameters trade",
    EventKind.VENUE_DOWN: "Venue cannot be reached",
    EventKind.VENUE_UNREADABLE: "Venue's words make no sense",
    EventKind.CYCLE_FAILED: "Cycle failed",
    EventKind.COMMAND_EXECUTED: "Command answered",
    EventKind.HEARTBEAT_STALE: "Module is silent",
    EventKind.FLATTENED: "Everything is closed",
    EventKind.EXPERIMENT_MOVED: "Experiment",
    EventKind.PARAMETERS_ROLLED_BACK: "Parameters went back",
    EventKind.PARITY_GAP: "The backtest says something else",
    EventKind.CHAINS_DROPPED: "Option chains are not kept",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of the whole desk; what is less severe than `least` is not sent over it."""

    notifier: Notifier
    least: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Outlets:
    """Every way out: push to the users' devices, and the desk's own channels by name."""

    push: Push | None = None
    channels: Mapping[str, Channel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Round:
    """One round of deliveries."""

    store: Store
    outlets: Outlets
    now: datetime


def compose(event: EventDoc) -> tuple[str, str]:
    """Return title and body: plain, short, the text says what to do if something is to be done."""
    title = TITLES[event.kind]
    return (title if event.module is None else f"{title} · {event.module}"), event.text[:500]


def wants(user: UserDoc, event: EventDoc) -> bool:
    """Return whether a user has not switched push, the severity or the kind off; a critical kind cannot be."""
    keys = [PUSH, event.severity] if event.severity == "critical" else [PUSH, event.severity, event.kind.value]
    return all(user.notify.get(key, True) for key in keys)


def begun(event: DeskEvent, outlets: Outlets, users: Mapping[str, UserDoc], now: datetime) -> NotificationDoc:
    """Return the notification of an event with every wanted channel claimed by its creator."""
    title, body = compose(event.doc)
    claimed = Delivery(state="pending", attempts=1, at=now)
    skipped = Delivery(state="skipped", at=now)
    channels = {
        name: claimed if _severe_enough(event.doc, channel) else skipped for name, channel in outlets.channels.items()
    }
    if outlets.push is not None:
        channels |= {
            f"{PUSH}:{uid}": claimed if wants(user, event.doc) else skipped
            for uid, user in users.items()
            if user.devices
        }
    return _settled(
        NotificationDoc(
            event_id=event.id,
            kind=event.doc.kind,
            severity=event.doc.severity,
            title=title,
            body=body,
            channels=channels,
            created_at=event.doc.at,
        )
    )


def _severe_enough(event: EventDoc, channel: Channel) -> bool:
    return _SEVERITY.index(event.severity) >= _SEVERITY.index(channel.least)


def users_of(store: Store) -> dict[str, UserDoc]:
    """Return the users by uid; one whose document is damaged is left out."""
    found: dict[str, UserDoc] = {}
    for snapshot in store.query("users"):
        try:
            found[snapshot.path.rpartition("/")[2]] = decode(UserDoc, snapshot.data, where=snapshot.path)
        except MalformedDataError:
            continue
    return found


def notify(store: Store, events: Sequence[DeskEvent], outlets: Outlets, now: datetime) -> list[str]:
    """Create and send the notifications of events that have none yet; return their event ids."""
    if not events:
        return []
    known = store.get_many([notification_path(event.id) for event in events])
    fresh = [event for event in events if notification_path(event.id) not in known]
    users = users_of(store) if fresh and outlets.push is not None else {}
    tour = _Round(store, outlets, now)
    return [event.id for event in fresh if _notify_one(tour, begun(event, outlets, users, now))]


def _notify_one(tour: _Round, doc: NotificationDoc) -> bool:
    """Create one notification and send it; whoever loses the race to create it sends nothing."""
    try:
        tour.store.commit([Create(notification_path(doc.event_id), encode(doc))])
    except AlreadyExistsError:
        return False
    claimed = [name for name, delivery in doc.channels.items() if delivery.state == "pending"]
    _send_and_record(tour, doc, claimed)
    return True


def open_notifications(store: Store) -> list[Snapshot]:
    """Return the notifications that a channel still waits for."""
    return list(store.query("notifications", [Where("settled", "==", False)]))


def resume_delivery(store: Store, snapshot: Snapshot, outlets: Outlets, now: datetime) -> int:
    """Claim and send what is due of an unsettled notification; return how many channels were tried.

    Raises
    ------
    ConcurrencyConflictError
        Somebody else is at it; the next sweep looks again.
    """
    doc = decode(NotificationDoc, snapshot.data, where=snapshot.path)
    after = {name: reclaimed(delivery, now, known=_known(name, outlets)) for name, delivery in doc.channels.items()}
    claimed = [name for name in after if after[name].state == "pending" and after[name] != doc.channels[name]]
    doc_after = _settled(doc.model_copy(update={"channels": after}))
    if doc_after == doc:
        return 0
    store.commit([Replace(snapshot.path, encode(doc_after), snapshot.version)])
    _send_and_record(_Round(store, outlets, now), doc_after, claimed)
    return len(claimed)


def reclaimed(delivery: Delivery, now: datetime, *, known: bool = True) -> Delivery:
    """Return the delivery as it is to be attempted now; itself when nothing is due, failed when nothing is left."""
    if final(delivery):
        return delivery
    if not known:
        return _gone(delivery, "this channel is not configured any more", now)
    if delivery.state == "failed":
        due = now - delivery.at >= PAUSE * 2 ** (delivery.attempts - 1)
        return _claim(delivery, now) if due else delivery
    if delivery.attempts and now - delivery.at < CLAIM:
        return delivery
    if delivery.unanswered:
        return _gone(delivery, "two attempts ended without a record; not sent again", now)
    return _claim(delivery, now, unanswered=1 if delivery.attempts else 0)


def final(delivery: Delivery) -> bool:
    """Return whether nothing more happens over this channel."""
    return delivery.state in {"sent", "skipped"} or (delivery.state == "failed" and delivery.attempts >= ATTEMPTS)


def _claim(delivery: Delivery, now: datetime, *, unanswered: int = 0) -> Delivery:
    update = {"state": "pending", "attempts": delivery.attempts + 1, "at": now}
    return delivery.model_copy(update={**update, "unanswered": delivery.unanswered + unanswered})


def _gone(delivery: Delivery, error: str, now: datetime) -> Delivery:
    return delivery.model_copy(update={"state": "failed", "attempts": ATTEMPTS, "error": error, "at": now})


def _settled(doc: NotificationDoc) -> NotificationDoc:
    return doc.model_copy(update={"settled": all(final(delivery) for delivery in doc.channels.values())})


def _known(name: str, outlets: Outlets) -> bool:
    return outlets.push is not None if name.startswith(f"{PUSH}:") else name in outlets.channels


def _send_and_record(tour: _Round, doc: NotificationDoc, claimed: Iterable[str]) -> None:
    answers = {name: _sent(tour, doc, name) for name in claimed}
    if answers:
        until_settled(lambda: _record(tour.store, doc.event_id, answers))


def _record(store: Store, event_id: str, answers: Mapping[str, Delivery]) -> None:
    """Write the answers onto the notification as it is now: an acknowledgement in between is kept."""
    path = notification_path(event_id)
    snapshot = store.get_many([path])[path]
    doc = decode(NotificationDoc, snapshot.data, where=path)
    doc = _settled(doc.model_copy(update={"channels": {**doc.channels, **answers}}))
    store.commit([Replace(path, encode(doc), snapshot.version)])


def _sent(tour: _Round, doc: NotificationDoc, name: str) -> Delivery:
    """Send over one channel and return what became of it."""
    delivery = doc.channels[name].model_copy(update={"at": tour.now})
    try:
        if name.startswith(f"{PUSH}:"):
            state = _push(tour, doc, name.removeprefix(f"{PUSH}:"))
        else:
            tour.outlets.channels[name].notifier.send(doc.title, doc.body, severity=doc.severity)
            state = "sent"
    except ConfigurationError as error:
        return _gone(delivery, str(error)[:300], tour.now)
    except TradingError as error:
        return delivery.model_copy(update={"state": "failed", "error": str(error)[:300]})
    return delivery.model_copy(update={"state": state, "error": ""})


def _push(tour: _Round, doc: NotificationDoc, uid: str) -> str:
    """Push to all devices of a user; forget those that are gone. Skipped when none is left."""
    path, push = user_path(uid), tour.outlets.push
    snapshot = tour.store.get_many([path]).get(path)
    devices = decode(UserDoc, snapshot.data, where=path).devices if snapshot is not None else ()
    if not devices or push is None:
        return "skipped"
    dead = push.send_to(devices, doc.title, doc.body, severity=doc.severity)
    if dead:
        until_settled(lambda: _forget(tour.store, path, frozenset(dead)))
    return "skipped" if set(dead) >= set(devices) else "sent"


def _forget(store: Store, path: str, dead: frozenset[str]) -> None:
    snapshot = store.get_many([path])[path]
    user = decode(UserDoc, snapshot.data, where=path)
    kept = tuple(device for device in user.devices if device not in dead)
    if kept != user.devices:
        store.commit([Replace(path, encode(user.model_copy(update={"devices": kept})), snapshot.version)])
