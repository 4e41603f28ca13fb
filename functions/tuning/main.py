"""Tunes the strategies every night, after New York's close and before the UTC day ends."""

import os

from firebase_functions import scheduler_fn

from orchestrator.adapters.functions.entry import TUNING, guard, refuse_emulators, settled, slot

refuse_emulators(os.environ)


@guard
@scheduler_fn.on_schedule(schedule="30 22 * * *", **TUNING)
@settled
def tune(_event: scheduler_fn.ScheduledEvent) -> None:
    """Look for better parameters; the next cycles trade them if they have proved better."""
    from orchestrator import bootstrap

    bootstrap.run_tuning(slot=slot())
