"""Tunes the strategies every night, after New York's close and before the UTC day ends."""

import os
import tempfile

from firebase_functions import logger, scheduler_fn

from orchestrator.adapters.functions.entry import TUNING, guard, refuse_emulators, secrets, settled, slot

refuse_emulators(os.environ)
# Beside the code nothing can be written: compiled code is kept where an instance may.
os.environ.setdefault("NUMBA_CACHE_DIR", tempfile.gettempdir())


@guard
@scheduler_fn.on_schedule(
    schedule="30 22 * * *",
    secrets=secrets("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "KRAKEN_API_KEY", "KRAKEN_SECRET"),
    **TUNING,
)
@settled
def tune(_event: scheduler_fn.ScheduledEvent) -> None:
    """Look for better parameters, which the next cycles trade if they proved better; then compare with the backtest."""
    from orchestrator import bootstrap

    for outcome in bootstrap.run_tuning(slot=slot()):
        write = logger.error if outcome.status == "failed" else logger.info
        write(outcome.reason, module=outcome.module, status=outcome.status, version=outcome.version)
    doc = bootstrap.run_parity(slot=slot())
    logger.info("compared with the backtest", last=str(doc.last), counts=doc.counts, notes=list(doc.notes))
