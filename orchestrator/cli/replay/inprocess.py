"""The local venue without a socket: the client libraries' requests are handed to its handlers in this process.

The libraries are unmodified and build the same requests as over HTTP; only the transport below them is another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from venue.exchange import Exchange
from venue.web.app import VenueApp
from venue.web.call import Call, Reply

URL = "http://venue.in.process"


class InProcessVenue(BaseAdapter):
    """A transport of `requests` that ends in the venue's handlers.

    Parameters
    ----------
    app
        The venue.
    """

    def __init__(self, app: VenueApp) -> None:
        super().__init__()
        self._app = app

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer one request."""
        sent = request.body.encode() if isinstance(request.body, str) else request.body
        body = sent if isinstance(sent, bytes) else b""
        headers = {str(name): str(value) for name, value in request.headers.items()}
        reply = self._handle(request.method or "GET", request.url or URL, headers, body)
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = reply.status, request, request.url or URL
        answer.headers = CaseInsensitiveDict({"Content-Type": "application/json", **reply.headers})
        answer.encoding, answer.reason = "utf-8", ""
        answer._content = reply.body
        return answer

    def close(self) -> None:
        """Close nothing."""

    def control(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of the driver."""
        reply = self._handle(request.method, str(request.url), dict(request.headers), request.read())
        return httpx.Response(reply.status, content=reply.body)

    @property
    def exchange(self) -> Exchange:
        """The venue's exchange."""
        return self._app.exchange

    def _handle(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Reply:
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        return self._app.handle(Call(self._app.exchange, method, parts.path, parts.query, lower, body))


class ExchangeClock:
    """The venue's clock, read where it stands."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def now(self) -> datetime:
        """Return the venue's time in UTC."""
        return self._exchange.now
