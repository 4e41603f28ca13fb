"""Fires a module's cycle now: Cloud Scheduler's RunJob in production, the emulator's trigger address locally."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import BrokerUnavailableError, ConfigurationError


def job_name(module: ModuleName, region: str) -> str:
    """Return the name under which `firebase deploy` keeps a module's schedule."""
    return f"firebase-schedule-{module}_cycle-{region}"


def scheduler_client() -> Any:
    """Return a client with the service account's credentials."""
    from google.cloud.scheduler_v1 import CloudSchedulerClient

    return CloudSchedulerClient()


class CloudSchedulerRunner:
    """Asks Cloud Scheduler to run a job; fulfils `orchestrator.commands.Runner`.

    Parameters
    ----------
    client
        Makes a `google.cloud.scheduler_v1.CloudSchedulerClient`; called when a job is to be run.
    """

    def __init__(self, client: Callable[[], Any], *, project: str, region: str) -> None:
        self._client = client
        self._parent = f"projects/{project}/locations/{region}"
        self._region = region

    def run(self, module: ModuleName) -> None:
        """Run the module's job.

        Raises
        ------
        ConfigurationError
            There is no such job, or it may not be run.
        BrokerUnavailableError
            Cloud Scheduler does not answer.
        """
        from google.api_core import exceptions

        name = f"{self._parent}/jobs/{job_name(module, self._region)}"
        try:
            self._client().run_job(name=name, timeout=20.0)
        except (exceptions.NotFound, exceptions.PermissionDenied) as error:
            raise ConfigurationError(
                f"Cloud Scheduler: {error.message}; deploy {module} and grant run on it"
            ) from error
        except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
            raise BrokerUnavailableError(f"Cloud Scheduler: {error}") from error


class EmulatorRunner:
    """Calls the functions emulator as Cloud Scheduler would; fulfils `orchestrator.commands.Runner`.

    Parameters
    ----------
    hub
        `host:port` of the emulator hub, as FIREBASE_EMULATOR_HUB has it.
    clock
        The desk's time: the slot of the call.
    """

    def __init__(self, hub: str, *, project: str, region: str, clock: Callable[[], datetime]) -> None:
        self._hub = hub
        self._project = project
        self._region = region
        self._clock = clock

    def run(self, module: ModuleName) -> None:
        """Fire the module's function.

        Raises
        ------
        BrokerUnavailableError
            The emulator does not answer or the function failed.
        """
        import httpx

        slot = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers = {
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": job_name(module, self._region),
            "X-CloudScheduler-ScheduleTime": slot,
        }
        try:
            emulator = httpx.get(f"http://{self._hub}/emulators", timeout=10.0).json()["functions"]
            path = f"functions/projects/{self._project}/triggers/{self._region}-{module}_cycle-0"
            url = f"http://{emulator['host']}:{emulator['port']}/{path}"
            httpx.post(url, headers=headers, timeout=60.0).raise_for_status()
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise BrokerUnavailableError(f"functions emulator: {error}") from error
