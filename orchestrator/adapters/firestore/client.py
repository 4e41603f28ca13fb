"""Makes the Firestore client: the production one, or one without credentials for the emulator."""

from __future__ import annotations

from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore


def make_client(project: str, *, emulator: bool) -> firestore.Client:
    """Return a client; under the emulator the environment variable FIRESTORE_EMULATOR_HOST names the address."""
    if emulator:
        return firestore.Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    return firestore.Client(project=project)
