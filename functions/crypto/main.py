"""Runs the crypto module: every minute, day and night."""

import os

from firebase_functions import scheduler_fn

from orchestrator.adapters.functions.entry import MODULE, guard, refuse_emulators, secrets, settled, slot

refuse_emulators(os.environ)


@guard
@scheduler_fn.on_schedule(
    schedule="* * * * *",
    secrets=secrets("KRAKEN_API_KEY", "KRAKEN_SECRET"),
    **MODULE,
)
@settled
def crypto_cycle(_event: scheduler_fn.ScheduledEvent) -> None:
    """Run the slot this call is for."""
    from orchestrator import bootstrap

    bootstrap.run_cycle("crypto", slot=slot())
