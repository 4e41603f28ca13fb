"""Runs the stocks module every five minutes of New York's trading day; it knows holidays and half days itself."""

import os

from firebase_functions import options, scheduler_fn

from orchestrator.adapters.functions.entry import MODULE, guard, refuse_emulators, secrets, settled, slot

refuse_emulators(os.environ)


@guard
@scheduler_fn.on_schedule(
    schedule="*/5 9-16 * * 1-5",
    timezone=options.Timezone("America/New_York"),
    secrets=secrets("ALPACA_API_KEY", "ALPACA_SECRET_KEY"),
    **MODULE,
)
@settled
def stocks_cycle(_event: scheduler_fn.ScheduledEvent) -> None:
    """Run the slot this call is for."""
    from orchestrator import bootstrap

    bootstrap.run_cycle("stocks", slot=slot())
