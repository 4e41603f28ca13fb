"""Set a desk up: create the documents that every cycle needs, and leave those that exist alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
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
    parameters_version_path,
)
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.paths import CONFIG_MARKET
from orchestrator.ports import Create, Store, Write


def seed(
    store: Store, parameters: Mapping[ModuleName, Parameters], *, now: datetime, market: MarketDoc | None = None
) -> list[str]:
    """Create what is missing in one commit and return the created paths; twice changes nothing."""
    wanted = _documents(parameters, now, market or MarketDoc())
    existing = store.get_many(list(wanted))
    writes: list[Write] = [Create(path, encode(doc)) for path, doc in wanted.items() if path not in existing]
    if writes:
        store.commit(writes)
    return [write.path for write in writes]


def _documents(parameters: Mapping[ModuleName, Parameters], now: datetime, market: MarketDoc) -> dict[str, Document]:
    documents: dict[str, Document] = {
        DESK_STATE: DeskStateDoc(changed_at=now),
        DESK_EXPOSURE: ExposureDoc(updated_at=now),
        CONFIG_RISK: RiskLimitsDoc(updated_at=now),
        CONFIG_MARKET: market,
    }
    for module, values in parameters.items():
        first = ParametersDoc(
            module=module,
            version=1,
            values=values.model_dump(mode="json"),
            activated_at=now,
            activated_by="seed",
            provenance={"source": "the module's defaults"},
        )
        documents[book_path(module)] = BookDoc(module=module, updated_at=now)
        documents[parameters_path(module)] = first
        documents[parameters_version_path(module, 1)] = first
    return documents
