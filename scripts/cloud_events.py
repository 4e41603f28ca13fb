"""Delivers Firestore's events to functions once more, as Eventarc may: the same event, twice, late, out of order."""

from __future__ import annotations

import base64
import urllib.request
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1._helpers import encode_dict
from google.cloud.firestore_v1.types import Document
from google.events.cloud.firestore import Document as EventDocument  # type: ignore[import-untyped]
from google.events.cloud.firestore import DocumentEventData

from scripts.suite import Suite


def deliver(emulators: Suite, function: str, path: str, data: dict[str, Any], *, moment: datetime) -> int:
    """Deliver the CloudEvent of a document that was written at `moment`; return the HTTP status.

    Raises
    ------
    OSError
        The functions emulator does not answer, or the function failed.
    """
    database = f"projects/{emulators.project}/databases/(default)"
    name = f"{database}/documents/{path}"
    document = Document(name=name, fields=encode_dict(data), create_time=moment, update_time=moment)
    # Both packages' documents have one wire format.
    body = DocumentEventData(value=EventDocument.deserialize(Document.serialize(document)))
    headers = {
        "Content-Type": "application/protobuf",
        "ce-specversion": "1.0",
        "ce-id": f"{function}-{path}",
        "ce-type": f"google.cloud.firestore.document.v1.{'written' if function.endswith('written') else 'created'}",
        "ce-source": f"//firestore.googleapis.com/{database}",
        "ce-subject": f"documents/{path}",
        "ce-time": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "ce-document": path,
        "ce-project": emulators.project,
        "ce-database": "(default)",
        "ce-namespace": "(default)",
        "ce-location": "us-central1",
    }
    text = base64.b64encode(DocumentEventData.serialize(body))
    request = urllib.request.Request(emulators.trigger_url(function), data=text, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)
