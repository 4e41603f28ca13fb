"""A local venue in this process whose answers can be spoilt: one field of one row says something else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from orchestrator.adapters.alpaca.broker import AlpacaBroker
from orchestrator.adapters.alpaca.client import AlpacaKeys
from orchestrator.adapters.ccxt.broker import KrakenBroker
from orchestrator.adapters.ccxt.client import kraken_client
from orchestrator.adapters.transport import answered_in_process
from orchestrator.cli.replay.inprocess import URL, ExchangeClock, InProcessVenue
from orchestrator.domain.orders import Order
from tests.contract.venue_market import market
from venue.exchange import Exchange
from venue.web.app import VenueApp

Spoil = Callable[[Any], Any]

NONSENSE: tuple[object, ...] = (
    None, "", "abc", "NaN", "Infinity", "-7", 0, True, [], {"a": 1}, "1e30", 10**18, "1_0", "9999-12-31T00:00:00Z",
)  # fmt: skip
"""What a field may say instead of what it should."""


class SpoiltVenue(InProcessVenue):
    """A transport that spoils the answers of one address.

    Once `frozen`, it repeats the first answer to each address: the account then stands still, and reading it is quick.
    """

    def __init__(self, app: VenueApp) -> None:
        super().__init__(app)
        self.spoils: dict[str, Spoil] = {}
        self.frozen = False
        self._answers: dict[str, requests.Response] = {}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Answer one request."""
        address = request.path_url
        if not self.frozen or address not in self._answers:
            self._answers[address] = super().send(request)
        answer = self._answers[address]
        spoil = next((self.spoils[name] for name in self.spoils if _is(address, name)), None)
        if spoil is None:
            return answer
        spoilt = copy.copy(answer)
        spoilt._content = json.dumps(spoil(answer.json())).encode()
        return spoilt

    def answer(self, name: str) -> Any:
        """What the address of that name answered, unspoilt."""
        return next(answer.json() for address, answer in self._answers.items() if _is(address, name))


def _is(address: str, name: str) -> bool:
    """Tell whether an address ends in this name, or has it in its query."""
    path, _, query = address.partition("?")
    return path.endswith(f"/{name}") or name in query


@dataclass
class Spoilt:
    """A broker of the real client classes, and the transport below it."""

    broker: Any
    venue: SpoiltVenue
    exchange: Exchange
    sent: list[Order] = field(default_factory=list)


@contextmanager
def spoilt_alpaca() -> Iterator[Spoilt]:
    """alpaca-py over a venue in this process."""
    with _venue("alpaca") as venue:
        keys = AlpacaKeys("key", "secret", base_url=f"{URL}.alpaca", data_url=URL)
        broker = AlpacaBroker(keys, clock=ExchangeClock(venue.exchange), sleep=lambda _: None)
        yield Spoilt(broker, venue, venue.exchange)
        broker.close()


@contextmanager
def spoilt_kraken() -> Iterator[Spoilt]:
    """ccxt's kraken over a venue in this process."""
    with _venue("kraken") as venue:
        client = kraken_client("key", "c2VjcmV0", base_url=f"{URL}.kraken", sleep=lambda _: None)
        yield Spoilt(KrakenBroker(client, clock=ExchangeClock(venue.exchange)), venue, venue.exchange)
        client.close()


@contextmanager
def _venue(name: str) -> Iterator[SpoiltVenue]:
    venue = SpoiltVenue(VenueApp(Exchange(market(), feed_factory=market)))
    with answered_in_process(f"{URL}.{name}", venue):
        yield venue
