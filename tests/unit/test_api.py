"""The API answers health to anyone, the rest to people with a role, and every error in one form."""

import json
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.api import Call, Service, answer
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import CONFIG_RISK, RiskLimitsDoc
from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError, StoreUnavailableError
from orchestrator.ports import Put
from tests.watched_desk import NOW, new_desk


class Tokens:
    """Knows a few tokens and their roles."""

    ROLES = {"good": "viewer", "roleless": "", "odd": "admin"}

    def role_of(self, token: str) -> str:
        if token == "down":
            raise ConfigurationError("ID tokens cannot be checked: no answer")
        if token not in self.ROLES:
            raise PermissionError("the ID token is not accepted: expired")
        return self.ROLES[token]


class Down(MemoryDataLayer):
    def get_many(self, paths):  # type: ignore[no-untyped-def]
        raise StoreUnavailableError("Firestore: no answer")


@pytest.fixture
def service() -> Service:
    return Service(store=new_desk(), verifier=Tokens(), version="0.1.0", now=lambda: NOW, metrics_token="scraper")


def get(path: str, token: str = "", *, method: str = "GET") -> Call:
    return Call(method, path, {"authorization": f"Bearer {token}"} if token else {})


@pytest.mark.parametrize("path", ["/health", "/api/health", "/api/health/"])
def test_health_needs_no_one(service: Service, path: str) -> None:
    reply = answer(get(path), service)
    assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok", "version": "0.1.0", "store": "ok"})


def test_health_tells_a_store_that_does_not_answer(service: Service) -> None:
    reply = answer(get("/health"), replace(service, store=Down()))
    assert (reply.status, json.loads(reply.body)["status"]) == (503, "unavailable")


def test_health_tells_a_desk_that_is_not_set_up(service: Service) -> None:
    reply = answer(get("/health"), replace(service, store=MemoryDataLayer()))
    assert json.loads(reply.body)["store"] == "not set up"


def test_status_is_the_first_screen(service: Service) -> None:
    told = json.loads(answer(get("/api/status", "good"), service).body)
    assert (told["equity"], told["state"], sorted(told["modules"])) == (
        "100000",
        "ACTIVE",
        ["crypto", "options", "stocks"],
    )


@pytest.mark.parametrize("path", ["/status", "/metrics"])
@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("", 401, "unauthenticated"),
        ("expired", 401, "unauthenticated"),
        ("roleless", 403, "permission_denied"),
        ("odd", 403, "permission_denied"),
        ("down", 503, "unavailable"),
    ],
)
def test_no_role_no_answer(service: Service, path: str, token: str, status: int, code: str) -> None:
    reply = answer(get(path, token), service)
    told = json.loads(reply.body)
    assert (reply.status, told["error"]["code"], set(told)) == (status, code, {"error"})
    assert set(told["error"]) == {"code", "message"}


def test_metrics_take_a_role_or_the_scrapers_token(service: Service) -> None:
    for token in ("good", "scraper"):
        reply = answer(get("/metrics", token), service)
        assert (reply.status, reply.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "firedesk_equity 100000.00" in reply.body
    assert answer(get("/status", "scraper"), service).status == 401


def test_without_a_scrapers_token_no_empty_token_passes(service: Service) -> None:
    call = Call("GET", "/metrics", {"authorization": "Bearer "})
    assert answer(call, replace(service, metrics_token="")).status == 401


@pytest.mark.parametrize("scheme", ["Basic good", "good", "bearer"])
def test_only_bearer_tokens_are_read(service: Service, scheme: str) -> None:
    assert answer(Call("GET", "/status", {"authorization": scheme}), service).status == 401


def test_other_paths_and_methods_are_errors_of_the_same_form(service: Service) -> None:
    for call, status in ((get("/nothing"), 404), (get("/"), 404), (get("/status", "good", method="POST"), 405)):
        reply = answer(call, service)
        assert (reply.status, set(json.loads(reply.body))) == (status, {"error"})


def test_what_is_wrong_with_the_desk_is_said(service: Service) -> None:
    unset = answer(get("/status", "good"), replace(service, store=MemoryDataLayer()))
    assert (unset.status, json.loads(unset.body)["error"]["code"]) == (500, "ConfigurationError")
    down = answer(get("/status", "good"), replace(service, store=Down()))
    assert (down.status, json.loads(down.body)["error"]["code"]) == (503, "unavailable")


def test_a_clock_that_does_not_answer_leaves_health_alone(service: Service) -> None:
    def lost() -> datetime:
        raise BrokerUnavailableError("venue clock: no answer")

    stopped = replace(service, now=lost)
    assert answer(get("/health"), stopped).status == 200
    assert answer(get("/status", "good"), stopped).status == 503


def test_amounts_are_text_and_times_are_iso(service: Service) -> None:
    service.store.commit([Put(CONFIG_RISK, encode(RiskLimitsDoc(updated_at=NOW)))])
    told = json.loads(answer(get("/status", "good"), service).body)
    assert told["updated_at"] == NOW.isoformat()
    assert told["modules"]["stocks"]["allocation_limit"] == "50000"
