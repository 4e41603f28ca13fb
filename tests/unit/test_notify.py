"""Notifications: composed by kind, delivered over each channel, never again once confirmed."""

from datetime import timedelta

import pytest

from orchestrator.adapters.memory.notifier import MemoryNotifier, MemoryPush
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.documents import Delivery, EventDoc, EventKind, NotificationDoc, UserDoc
from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError
from orchestrator.domain.events import DeskEvent, order_events
from orchestrator.domain.paths import notification_path, user_path
from orchestrator.notify import (
    ATTEMPTS,
    CLAIM,
    PAUSE,
    TITLES,
    Channel,
    Outlets,
    compose,
    notify,
    open_notifications,
    reclaimed,
    resume_delivery,
    wants,
)
from tests.watched_desk import NOW, filled, put_user, read

FILL = order_events(filled()[-1])[0]


def event(severity: str = "warning", kind: EventKind = EventKind.LIMIT_BREACHED, name: str = "e1") -> DeskEvent:
    doc = EventDoc.model_validate({"kind": kind, "severity": severity, "text": "Something happened.", "at": NOW})
    return DeskEvent(id=name, doc=doc)


@pytest.fixture
def store() -> MemoryDataLayer:
    return MemoryDataLayer()


def notification(store: MemoryDataLayer, name: str = "e1") -> NotificationDoc:
    return read(store, NotificationDoc, notification_path(name))


def sweep_deliveries(store: MemoryDataLayer, outlets: Outlets, minutes: float) -> int:
    now = NOW + timedelta(minutes=minutes)
    return sum(resume_delivery(store, snapshot, outlets, now) for snapshot in open_notifications(store))


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_has_a_title(kind: EventKind) -> None:
    assert TITLES[kind]


def test_a_message_is_short_and_names_the_module() -> None:
    assert compose(FILL.doc) == ("Order filled · stocks", "Bought 10 XLK at 100 (momentum, entry).")


def test_an_event_is_told_once_however_often_it_is_delivered(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail")
    outlets = Outlets(channels={"mail": Channel(mail)})
    assert notify(store, [event()], outlets, NOW) == ["e1"]
    assert notify(store, [event()], outlets, NOW) == []
    assert mail.sent == [("Limit exceeded", "Something happened.", "warning")]
    assert notification(store).channels["mail"].state == "sent"
    assert notification(store).settled


def test_without_a_channel_it_is_kept_for_the_page(store: MemoryDataLayer) -> None:
    notify(store, [event()], Outlets(), NOW)
    assert notification(store).settled
    assert open_notifications(store) == []


def test_a_channel_is_spared_what_is_not_severe_enough(store: MemoryDataLayer) -> None:
    loud, quiet = MemoryNotifier("loud"), MemoryNotifier("quiet")
    outlets = Outlets(channels={"loud": Channel(loud, "info"), "quiet": Channel(quiet, "critical")})
    notify(store, [event("warning")], outlets, NOW)
    assert (len(loud.sent), len(quiet.sent)) == (1, 0)
    assert notification(store).channels["quiet"].state == "skipped"


@pytest.mark.parametrize(
    ("choices", "severity", "expected"),
    [
        ({}, "info", True),
        ({"push": False}, "critical", False),
        ({"info": False}, "info", False),
        ({"info": False}, "warning", True),
        ({"limit_breached": False}, "warning", False),
        ({"limit_breached": False}, "critical", True),
        ({"critical": False}, "critical", False),
    ],
)
def test_people_choose_what_they_get(choices: dict[str, bool], severity: str, expected: bool) -> None:
    assert wants(UserDoc(notify=choices), event(severity).doc) is expected


def test_push_reaches_each_device_of_each_person_who_wants_it(store: MemoryDataLayer) -> None:
    put_user(store, "olga", role="owner", devices=("phone", "tablet"))
    put_user(store, "oscar", role="operator", devices=("old phone",), notify={"push": False})
    put_user(store, "vera", role="viewer")
    push = MemoryPush()
    notify(store, [event()], Outlets(push), NOW)
    assert [device for device, _, _ in push.sent] == ["phone", "tablet"]
    states = {name: delivery.state for name, delivery in notification(store).channels.items()}
    assert states == {"push:olga": "sent", "push:oscar": "skipped"}


def test_dead_devices_are_forgotten(store: MemoryDataLayer) -> None:
    put_user(store, "olga", role="owner", devices=("phone", "lost"))
    notify(store, [event()], Outlets(MemoryPush(gone={"lost"})), NOW)
    assert read(store, UserDoc, user_path("olga")).devices == ("phone",)
    assert notification(store).channels["push:olga"].state == "sent"


def test_a_person_whose_devices_are_all_dead_is_skipped(store: MemoryDataLayer) -> None:
    put_user(store, "olga", role="owner", devices=("lost",))
    notify(store, [event()], Outlets(MemoryPush(gone={"lost"})), NOW)
    assert read(store, UserDoc, user_path("olga")).devices == ()
    assert notification(store).channels["push:olga"].state == "skipped"


def test_a_damaged_person_does_not_keep_others_from_being_told(store: MemoryDataLayer) -> None:
    from orchestrator.ports import Put

    store.commit([Put(user_path("broken"), {"schema": 1, "devices": "x"})])
    put_user(store, "olga", role="owner", devices=("phone",))
    push = MemoryPush()
    notify(store, [event()], Outlets(push), NOW)
    assert len(push.sent) == 1


def test_a_failed_delivery_is_tried_again_after_a_growing_pause(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail", faults=[BrokerUnavailableError("busy")] * 2)
    outlets = Outlets(channels={"mail": Channel(mail)})
    notify(store, [event()], outlets, NOW)
    assert notification(store).channels["mail"].error == "busy"
    tried = [sweep_deliveries(store, outlets, minutes) for minutes in (1, 4, 5, 11, 12, 13)]
    assert tried == [0, 1, 0, 0, 1, 0]
    delivery = notification(store).channels["mail"]
    assert (delivery.state, delivery.attempts, delivery.error, len(mail.sent)) == ("sent", 3, "", 1)


def test_a_channel_that_keeps_failing_is_given_up(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail", faults=[BrokerUnavailableError("busy")] * 9)
    outlets = Outlets(channels={"mail": Channel(mail)})
    notify(store, [event()], outlets, NOW)
    for hours in range(1, 20):
        sweep_deliveries(store, outlets, hours * 60)
    assert notification(store).channels["mail"].attempts == ATTEMPTS
    assert len(mail.faults) == 9 - ATTEMPTS
    assert notification(store).settled


def test_a_channel_that_is_set_up_wrongly_is_not_tried_again(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail", faults=[ConfigurationError("no such inbox")])
    outlets = Outlets(channels={"mail": Channel(mail)})
    notify(store, [event()], outlets, NOW)
    sweep_deliveries(store, outlets, 600)
    assert mail.sent == []
    assert notification(store).channels["mail"].error == "no such inbox"


def test_one_failing_channel_does_not_hold_up_the_others(store: MemoryDataLayer) -> None:
    bad = MemoryNotifier("bad", faults=[BrokerUnavailableError("busy")])
    good = MemoryNotifier("good")
    outlets = Outlets(channels={"bad": Channel(bad), "good": Channel(good)})
    notify(store, [event()], outlets, NOW)
    sweep_deliveries(store, outlets, 5)
    assert (len(bad.sent), len(good.sent)) == (1, 1)


class Dying(MemoryNotifier):
    """The process ends while it sends: the message may have gone out."""

    def send(self, title: str, body: str, *, severity: str) -> None:
        super().send(title, body, severity=severity)
        raise KeyboardInterrupt


def test_a_crash_after_sending_sends_once_more_and_never_a_third_time(store: MemoryDataLayer) -> None:
    dying = Dying("mail")
    outlets = Outlets(channels={"mail": Channel(dying)})
    with pytest.raises(KeyboardInterrupt):
        notify(store, [event()], outlets, NOW)
    assert sweep_deliveries(store, outlets, 9) == 0
    with pytest.raises(KeyboardInterrupt):
        sweep_deliveries(store, outlets, 11)
    assert sweep_deliveries(store, outlets, 22) == 0
    assert len(dying.sent) == 2
    assert notification(store).channels["mail"].state == "failed"
    assert notification(store).settled


def test_a_crash_of_the_trigger_is_made_good_by_the_sweeper(store: MemoryDataLayer) -> None:
    with pytest.raises(KeyboardInterrupt):
        notify(store, [event()], Outlets(channels={"mail": Channel(Dying("mail"))}), NOW)
    mail = MemoryNotifier("mail")
    assert sweep_deliveries(store, Outlets(channels={"mail": Channel(mail)}), 11) == 1
    delivery = notification(store).channels["mail"]
    assert (delivery.state, delivery.unanswered, len(mail.sent)) == ("sent", 1, 1)


def test_a_channel_that_was_taken_away_is_settled(store: MemoryDataLayer) -> None:
    mail = MemoryNotifier("mail", faults=[BrokerUnavailableError("busy")])
    notify(store, [event()], Outlets(channels={"mail": Channel(mail)}), NOW)
    sweep_deliveries(store, Outlets(), 5)
    assert notification(store).settled
    assert "not configured" in notification(store).channels["mail"].error


@pytest.mark.parametrize(
    ("state", "attempts", "age", "due"),
    [
        ("pending", 0, timedelta(0), True),
        ("pending", 1, CLAIM - timedelta(seconds=1), False),
        ("pending", 1, CLAIM, True),
        ("failed", 1, PAUSE, True),
        ("failed", 2, PAUSE, False),
        ("failed", 2, 2 * PAUSE, True),
        ("failed", ATTEMPTS, timedelta(days=9), False),
        ("sent", 1, timedelta(days=9), False),
        ("skipped", 0, timedelta(days=9), False),
    ],
)
def test_what_is_due(state: str, attempts: int, age: timedelta, due: bool) -> None:
    delivery = Delivery.model_validate({"state": state, "attempts": attempts, "at": NOW - age})
    assert (reclaimed(delivery, NOW).attempts == attempts + 1) is due
