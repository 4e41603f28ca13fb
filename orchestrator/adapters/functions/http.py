"""Between Flask's request and response and the desk's own: nothing else."""

from __future__ import annotations

from flask import Request, Response

from orchestrator.api import Call, Reply


def call_of(request: Request) -> Call:
    """Return the desk's view of a Flask request."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Call(method=request.method, path=request.path, headers=headers)


def response_of(reply: Reply) -> Response:
    """Return the Flask response of an answer; never cached, it is the state of this moment."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(reply.body, status=reply.status, content_type=reply.content_type, headers=headers)
