"""Stores for the contract suite."""

from __future__ import annotations

import pytest

from orchestrator.adapters.firestore.client import make_client
from orchestrator.adapters.firestore.data_layer import FirebaseDataLayer


@pytest.fixture
def firestore_store(firestore_project: str) -> FirebaseDataLayer:
    return FirebaseDataLayer(make_client(firestore_project, emulator=True))
