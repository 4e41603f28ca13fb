"""E-mail, webhooks, SMS, Telegram, Slack and the rest through apprise, one channel for each URL."""

from __future__ import annotations

from typing import Any

import apprise

from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError
from orchestrator.domain.events import Severity
from orchestrator.notify import Channel

_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}


class UrlNotifier:
    """One apprise URL; fulfils `orchestrator.ports.Notifier`.

    Raises
    ------
    ConfigurationError
        The URL is not one that apprise knows; the message names the channel, never the URL, which holds secrets.
    """

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._service: Any = apprise.Apprise()
        if not self._service.add(url):
            raise ConfigurationError(f"channel {name!r}: apprise does not know this URL; see its list of services")

    def send(self, title: str, body: str, *, severity: str) -> None:
        """Deliver.

        Raises
        ------
        BrokerUnavailableError
            The service did not take it; apprise does not say why beyond its log.
        """
        try:
            taken = self._service.notify(body=body, title=title, notify_type=_TYPES[severity])
        except Exception as error:  # plugins of many authors raise what they like
            raise BrokerUnavailableError(f"channel {self.name}: {type(error).__name__}") from error
        if not taken:
            raise BrokerUnavailableError(f"channel {self.name}: the service did not take the message")


def channels_of(text: str) -> dict[str, Channel]:
    """Read `name[:least severity]=URL` entries, separated by white space (least severity: warning).

    Examples
    --------
    >>> sorted(channels_of("hook=json://localhost/hook mail:critical=json://localhost/mail"))
    ['hook', 'mail']

    Raises
    ------
    ConfigurationError
        An entry is not of that form; the message names its position and channel, never the URL.
    """
    channels: dict[str, Channel] = {}
    for position, entry in enumerate(text.split(), start=1):
        head, _, url = entry.partition("=")
        name, _, least = head.partition(":")
        if not name.isidentifier() or "://" not in url or least not in {"", "info", "warning", "critical"}:
            raise ConfigurationError(
                f"NOTIFY_URLS, entry {position}: write name=URL or name:critical=URL (info, warning or critical)"
            )
        channels[name] = Channel(UrlNotifier(name, url), _least(least))
    return channels


def _least(text: str) -> Severity:
    return "info" if text == "info" else "critical" if text == "critical" else "warning"
