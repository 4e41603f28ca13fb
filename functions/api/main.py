"""Answers /health, /status and /metrics, also under /api on the hosted page's address."""

import os

from firebase_functions import https_fn
from flask import Request, Response

from orchestrator.adapters.functions.entry import REGION, guard, refuse_emulators, secrets
from orchestrator.adapters.functions.http import call_of, response_of

refuse_emulators(os.environ)


@guard
@https_fn.on_request(
    region=REGION, memory=512, timeout_sec=30, max_instances=2, concurrency=8, secrets=secrets("METRICS_TOKEN")
)
def api(request: Request) -> Response:
    """Answer one request."""
    from orchestrator import bootstrap

    return response_of(bootstrap.answer_http(call_of(request)))
