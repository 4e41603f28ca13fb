"""Reacts to orders, events and commands, and sweeps up every five minutes what a trigger missed."""

import os
from typing import Any

from firebase_functions import firestore_fn, scheduler_fn

from orchestrator.adapters.functions.entry import (
    MODULE,
    TRIGGER,
    guard,
    refuse_emulators,
    retried,
    secrets,
    settled,
    slot,
    too_old,
    wall_clock,
)

refuse_emulators(os.environ)

VENUES = secrets("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "KRAKEN_API_KEY", "KRAKEN_SECRET")
"""For the caretaker, which looks after books whose modules do not."""


@retried
@firestore_fn.on_document_written(document="orders/{id}", **TRIGGER)
@settled
def on_order_written(event: firestore_fn.Event[Any]) -> None:
    """Weigh the desk against its limits, tell what became of the order, keep the first screen live."""
    from orchestrator import bootstrap

    if event.data.after is not None and not too_old(event, wall_clock()):
        bootstrap.take_order_into_account(_content(event.data.after))


@retried
@firestore_fn.on_document_created(document="events/{id}", secrets=secrets("NOTIFY_URLS"), **TRIGGER)
@settled
def on_event_created(event: firestore_fn.Event[Any]) -> None:
    """Tell people."""
    from orchestrator import bootstrap

    if event.data is not None and not too_old(event, wall_clock()):
        bootstrap.notify_of(event.params["id"], _content(event.data))


@retried
@firestore_fn.on_document_created(document="commands/{id}", secrets=VENUES, **TRIGGER)
@settled
def on_command_created(event: firestore_fn.Event[Any]) -> None:
    """Do what a person asked, and look after the books when the brake is pressed; commands judge their own age."""
    from orchestrator import bootstrap

    bootstrap.answer_command(event.params["id"])


@guard
@scheduler_fn.on_schedule(schedule="*/5 * * * *", secrets=[*secrets("NOTIFY_URLS"), *VENUES], **MODULE)
@settled
def sweep(_event: scheduler_fn.ScheduledEvent) -> None:
    """Find and do what a trigger missed, and look after the books of modules that are silent."""
    from orchestrator import bootstrap

    bootstrap.run_sweep(slot=slot())


def _content(snapshot: Any) -> dict[str, Any]:
    return snapshot.to_dict() or {}
