"""Speaks to the Firestore emulator over REST as a person with or without claims; the answer is an HTTP status."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

ADMIN = "owner"
"""The emulator's own bearer token that no rule is asked about."""


@dataclass(frozen=True)
class Person:
    """Somebody at the door: `uid` None is nobody signed in, `role` None is no claim."""

    name: str
    uid: str | None = None
    role: str | None = None
    claims: tuple[tuple[str, Any], ...] = ()

    def headers(self, project: str) -> dict[str, str]:
        if self.uid is None:
            return {}
        claims: dict[str, Any] = {"sub": self.uid, "user_id": self.uid, "aud": project, **dict(self.claims)}
        if self.role is not None:
            claims["role"] = self.role
        parts = ({"alg": "none", "typ": "JWT"}, claims)
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        return {"Authorization": f"Bearer {token}."}


@dataclass(frozen=True)
class Firestore:
    """One project on the emulator."""

    http: httpx.Client
    project: str

    @property
    def name(self) -> str:
        return f"projects/{self.project}/databases/(default)/documents"

    def get(self, person: Person, path: str) -> int:
        return self._call(person, "GET", f"/v1/{self.name}/{path}")

    def query(self, person: Person, collection: str, limit: int | None = 20) -> int:
        parent, _, last = collection.rpartition("/")
        query: dict[str, Any] = {"from": [{"collectionId": last}]}
        if limit is not None:
            query["limit"] = limit
        where = f"/v1/{self.name}" + (f"/{parent}" if parent else "")
        return self._call(person, "POST", f"{where}:runQuery", {"structuredQuery": query})

    def create(self, person: Person, path: str, data: Mapping[str, Any], *, now: tuple[str, ...] = ()) -> int:
        """Create a document; the fields named in `now` are set to the server's time."""
        return self._write(person, path, data, exists=False, mask=None, now=now)

    def update(self, person: Person, path: str, data: Mapping[str, Any]) -> int:
        return self._write(person, path, data, exists=True, mask=list(data))

    def delete(self, person: Person, path: str) -> int:
        return self._commit(person, [{"delete": f"{self.name}/{path}"}])

    def seed(self, path: str, data: Mapping[str, Any]) -> None:
        document = {"name": f"{self.name}/{path}", "fields": fields(data)}
        answer = self.http.post(
            f"/v1/{self.name}:commit",
            json={"writes": [{"update": document}]},
            headers={"Authorization": f"Bearer {ADMIN}"},
        )
        answer.raise_for_status()

    def _write(
        self,
        person: Person,
        path: str,
        data: Mapping[str, Any],
        *,
        exists: bool,
        mask: list[str] | None,
        now: tuple[str, ...] = (),
    ) -> int:
        write: dict[str, Any] = {
            "update": {"name": f"{self.name}/{path}", "fields": fields(data)},
            "currentDocument": {"exists": exists},
        }
        if mask is not None:
            write["updateMask"] = {"fieldPaths": mask}
        if now:
            write["updateTransforms"] = [{"fieldPath": field, "setToServerValue": "REQUEST_TIME"} for field in now]
        return self._commit(person, [write])

    def _commit(self, person: Person, writes: list[dict[str, Any]]) -> int:
        return self._call(person, "POST", f"/v1/{self.name}:commit", {"writes": writes})

    def _call(self, person: Person, method: str, url: str, body: Any = None) -> int:
        return self.http.request(method, url, json=body, headers=person.headers(self.project)).status_code


def fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document in the REST form."""
    return {key: _value(value) for key, value in data.items()}


def _value(value: Any) -> dict[str, Any]:
    if value is None:
        return {"nullValue": None}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, datetime):
        return {"timestampValue": value.isoformat()}
    if isinstance(value, Mapping):
        return {"mapValue": {"fields": fields(value)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    names = {str: "stringValue", int: "integerValue", float: "doubleValue"}
    return {names[type(value)]: str(value) if isinstance(value, int) else value}
