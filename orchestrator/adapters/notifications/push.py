"""Push messages through Firebase Cloud Messaging. Knows devices by token and nothing of people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firebase_admin import App, exceptions, messaging

from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError

_URGENCY = {"critical": "high", "warning": "high", "info": "normal"}


class FcmPush:
    """Sends to the devices of a person; fulfils `orchestrator.ports.Push`.

    Parameters
    ----------
    app
        The Firebase app; its credential must be allowed to send messages.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    def send_to(self, devices: Sequence[str], title: str, body: str, *, severity: str) -> Sequence[str]:
        """Deliver to every device; one that got it is enough. Return the devices that are gone for good.

        Raises
        ------
        BrokerUnavailableError
            No device was reached, and one may be later.
        ConfigurationError
            FCM does not accept the project or its credentials.
        """
        messages = [_message(device, title, body, severity=severity) for device in devices]
        try:
            answers = messaging.send_each(messages, app=self._app).responses
        except (exceptions.FirebaseError, ValueError) as error:
            raise BrokerUnavailableError(f"FCM: {error}") from error
        failed = [(device, said.exception) for device, said in zip(devices, answers, strict=True) if not said.success]
        dead = [device for device, error in failed if _gone(error)]
        if len(failed) == len(devices) and len(dead) < len(devices):
            raise _translated(next(error for _, error in failed if not _gone(error)))
        return dead


def _message(device: str, title: str, body: str, *, severity: str) -> messaging.Message:
    return messaging.Message(
        token=device,
        notification=messaging.Notification(title=title, body=body),
        data={"severity": severity},
        android=messaging.AndroidConfig(priority="high" if severity != "info" else "normal"),
        webpush=messaging.WebpushConfig(headers={"Urgency": _URGENCY.get(severity, "normal")}),
    )


def _gone(error: Any) -> bool:
    """Return whether a device will never be reached again: unregistered, of another project, or never a token."""
    kinds = (messaging.UnregisteredError, messaging.SenderIdMismatchError, exceptions.InvalidArgumentError)
    return isinstance(error, kinds)


def _translated(error: Any) -> Exception:
    if isinstance(error, (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError)):
        return ConfigurationError(f"FCM: {error}; check the service account's messaging permission")
    return BrokerUnavailableError(f"FCM: {error}")
