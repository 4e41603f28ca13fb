"""Puts the demo owner, operator and viewer into the Auth emulator, with role claims that Firestore mirrors.

For emulators only: it signs its requests with the emulator's own word `owner`, which a real project refuses.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

_CREATE = "{auth}/identitytoolkit.googleapis.com/v1/projects/{project}/accounts"
_UPDATE = "{auth}/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:update"
_ALREADY_THERE = ("DUPLICATE_LOCAL_ID", "EMAIL_EXISTS")


@dataclass(frozen=True, slots=True)
class DemoUser:
    """One person of the local suite."""

    role: str

    @property
    def uid(self) -> str:
        """The user id in Auth and in `users/{uid}`."""
        return f"demo-{self.role}"

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"{self.role}@demo.firedesk"

    @property
    def password(self) -> str:
        """The password to sign in with."""
        return f"demo-{self.role}"


USERS = tuple(map(DemoUser, ("owner", "operator", "viewer")))


def create_demo_users(auth_url: str, project: str) -> None:
    """Create the three users where they are missing and set their claims.

    Parameters
    ----------
    auth_url
        Address of the Auth emulator, such as `http://127.0.0.1:9099`.
    project
        The suite's project id.

    Raises
    ------
    OSError
        The emulator does not answer or refuses.
    """
    for user in USERS:
        told = {"localId": user.uid, "email": user.email, "password": user.password, "displayName": f"Demo {user.role}"}
        try:
            _post(_CREATE.format(auth=auth_url, project=project), {**told, "emailVerified": True})
        except urllib.error.HTTPError as error:
            reason = error.read().decode("utf-8", "replace")
            if not any(word in reason for word in _ALREADY_THERE):
                raise OSError(f"Auth emulator: {user.email} was refused: {reason[:200]}") from error
        claims = {"localId": user.uid, "customAttributes": json.dumps({"role": user.role})}
        _post(_UPDATE.format(auth=auth_url, project=project), claims)


def mirror_demo_users(firestore_url: str, project: str) -> None:
    """Write `users/{uid}` with the role of each user: what the desk compares a claim with.

    Parameters
    ----------
    firestore_url
        Address of the Firestore emulator, such as `http://127.0.0.1:8080`.
    project
        The suite's project id.

    Raises
    ------
    OSError
        The emulator does not answer or refuses.
    """
    documents = f"projects/{project}/databases/(default)/documents"
    writes = [{"update": {"name": f"{documents}/users/{user.uid}", "fields": _mirror(user)}} for user in USERS]
    _post(f"{firestore_url}/v1/{documents}:commit", {"writes": writes})


def _mirror(user: DemoUser) -> dict[str, Any]:
    texts = {"email": user.email, "role": user.role}
    return {
        "schema": {"integerValue": "1"},
        "devices": {"arrayValue": {}},
        "notify": {"mapValue": {}},
        **{name: {"stringValue": text} for name, text in texts.items()},
    }


def _post(url: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer owner"}
    request = urllib.request.Request(url, method="POST", data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
