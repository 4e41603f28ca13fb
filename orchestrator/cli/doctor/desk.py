"""What the desk has: variables, a store that answers, its documents, its venues. It changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from orchestrator.bootstrap import Builder, module_class
from orchestrator.cli.doctor.finding import Finding
from orchestrator.cli.target import name_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import (
    CONFIG_RISK,
    DESK_EXPOSURE,
    DESK_STATE,
    BookDoc,
    DeskStateDoc,
    Document,
    ExposureDoc,
    MarketDoc,
    ParametersDoc,
    RiskLimitsDoc,
    book_path,
    parameters_path,
)
from orchestrator.domain.errors import ConfigurationError, TradingError
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.ports import Snapshot
from orchestrator.settings import Settings

_KEYS = {
    "ALPACA_API_KEY": "stocks and options",
    "ALPACA_SECRET_KEY": "stocks and options",
    "KRAKEN_API_KEY": "crypto",
    "KRAKEN_SECRET": "crypto",
}
_ADDRESSES = {
    "Alpaca": ("ALPACA_BASE_URL", "https://paper-api.alpaca.markets", "/v2/clock"),
    "Kraken": ("KRAKEN_BASE_URL", "https://api.kraken.com", "/0/public/Time"),
}
_VENUES = {"Alpaca": ModuleName.STOCKS, "Kraken": ModuleName.CRYPTO}
_SKEW = timedelta(seconds=5)
_TIMEOUT_S = 5.0

MODELS: Mapping[str, type[Document]] = {
    DESK_STATE: DeskStateDoc,
    DESK_EXPOSURE: ExposureDoc,
    CONFIG_RISK: RiskLimitsDoc,
    CONFIG_MARKET: MarketDoc,
    **{book_path(module): BookDoc for module in ModuleName},
    **{parameters_path(module): ParametersDoc for module in ModuleName},
}
"""Every document a desk cannot run without, and its model."""


def findings(built: Builder) -> Iterator[Finding]:
    """Check the desk from the store outwards; without a store there is nothing else to ask."""
    yield Finding("desk", ok=True, detail=name_of(built.settings))
    yield from _variables(built.settings)
    started = time.monotonic()
    try:
        found = built.store.get_many(list(MODELS))
    except TradingError as error:
        yield Finding("store", ok=False, detail=str(error), advice="check the project id, your credentials and network")
        return
    yield Finding("store", ok=True, detail=f"answers in {1000 * (time.monotonic() - started):.0f} ms")
    yield from _documents(found)
    yield _indexes()
    for name, module in _VENUES.items():
        yield _venue(built, name, module, found)
        yield _clock(built.settings, name)


def _variables(settings: Settings) -> Iterator[Finding]:
    """Look for the venues' keys. In the cloud they are the functions' secrets: here only `desk run` needs them."""
    for name, what in _KEYS.items():
        found = settings.get(name) is not None
        advice = f"`desk run` needs it for {what}; for the functions: `firebase functions:secrets:set {name}`"
        yield Finding(name, found, "set" if found else "not set here", advice, needed=settings.emulated)


def _documents(found: Mapping[str, Snapshot]) -> Iterator[Finding]:
    for path, model in MODELS.items():
        if path not in found:
            yield Finding(path, ok=False, detail="missing", advice="create it with `desk doctor --seed`")
            continue
        try:
            yield Finding(path, ok=True, detail=_valid(decode(model, found[path].data, where=path), path))
        except TradingError as error:
            yield Finding(path, ok=False, detail=str(error), advice="mend the document or restore it (docs/runbook.md)")


def _valid(doc: Document, path: str) -> str:
    """Return what is worth saying of a document; its values are checked against their bounds, too."""
    if isinstance(doc, ParametersDoc):
        module_class(doc.module)[0].parameters_model.parse(doc.values, where=path)
        return f"valid, version {doc.version} by {doc.activated_by}"
    if isinstance(doc, DeskStateDoc):
        return f"valid, {doc.state}"
    return "valid"


def _indexes() -> Finding:
    """Compare what the desk's queries need with what `firebase deploy` would create."""
    from orchestrator.adapters.firestore.queries import QUERIES, composite_indexes
    from scripts.steps import ROOT

    declared = json.loads((ROOT / "firestore.indexes.json").read_text(encoding="utf-8"))["indexes"]
    known = {
        (one["collectionGroup"], tuple((field["fieldPath"], field["order"]) for field in one["fields"]))
        for one in declared
    }
    lacking = sorted(collection for collection, _ in composite_indexes(QUERIES) - known)
    told = f"{len(QUERIES)} queries are covered" if not lacking else f"missing for {', '.join(lacking)}"
    return Finding("indexes", not lacking, told, "declare them in firestore.indexes.json and deploy")


def _venue(built: Builder, name: str, module: ModuleName, found: Mapping[str, Snapshot]) -> Finding:
    """Ask a venue what every cycle asks first: the account as the key sees it, with news since the book's cursor."""
    cursors = found[book_path(module)].data.get("cursors", {}) if book_path(module) in found else {}
    try:
        broker = built.desk(module).broker
        account = broker.state(str(cursors.get(broker.name, ""))).account
    except TradingError as error:
        advice = "check key, secret and address; without them its modules cannot trade"
        unset = isinstance(error, ConfigurationError)
        return Finding(name, ok=False, detail=str(error), advice=advice, needed=built.settings.emulated or not unset)
    if account is None:
        return Finding(name, ok=False, detail="its account cannot be read", advice="look at it in the venue's own page")
    return Finding(name, ok=True, detail=f"key accepted, equity {account.equity:,.2f} USD")


def _clock(settings: Settings, name: str) -> Finding:
    """Compare this machine's clock with the date in a venue's answer, unless the venue owns the time."""
    title = f"{name} clock"
    if settings.venue_time:
        return Finding(title, ok=True, detail="the venue owns the time")
    try:
        skew = _skew(settings, name)
    except (OSError, ValueError, KeyError) as error:
        return Finding(title, ok=False, detail=f"not compared: {error}", advice="check the network", needed=False)
    told = f"{skew.total_seconds():+.0f} s apart"
    return Finding(title, abs(skew) <= _SKEW, told, "set this machine's clock (NTP)", needed=False)


def _skew(settings: Settings, name: str) -> timedelta:
    import httpx

    from orchestrator.adapters.clocks import SystemClock

    variable, default, path = _ADDRESSES[name]
    try:
        answer = httpx.get((settings.get(variable) or default) + path, timeout=_TIMEOUT_S)
    except httpx.HTTPError as error:
        raise OSError(str(error)) from error
    told: datetime = parsedate_to_datetime(answer.headers["date"])
    return SystemClock().now() - told
