"""How the codebases start: what a deployment reads of them, and where they refuse to run."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_the_manifests_ask_for_retries_and_one_run_at_a_time() -> None:
    """What `firebase deploy` reads: the SDK alone would write `retry: false`."""
    code = "from firebase_functions.private import serving as s; print(s.functions_as_yaml(s.get_functions()))"
    endpoints: dict[str, Any] = {}
    for folder in ("stocks", "options", "crypto", "events", "api", "tuning"):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT / "functions" / folder, capture_output=True, text=True, check=True
        )
        endpoints |= yaml.safe_load(done.stdout)["endpoints"]
    triggers = {name for name, told in endpoints.items() if "eventTrigger" in told}
    assert triggers == {"on_order_written", "on_event_created", "on_command_created"}
    assert all(endpoints[name]["eventTrigger"]["retry"] is True for name in triggers)
    single = set(endpoints) - {"api"}
    assert all((endpoints[name]["concurrency"], endpoints[name]["maxInstances"]) == (1, 1) for name in single)
    assert all(told["region"] == ["us-central1"] for told in endpoints.values())
    schedules = {name: told["scheduleTrigger"] for name, told in endpoints.items() if "scheduleTrigger" in told}
    assert {name: told["schedule"] for name, told in schedules.items()} == {
        "stocks_cycle": "*/5 9-16 * * 1-5",
        "options_cycle": "*/5 9-16 * * 1-5",
        "crypto_cycle": "* * * * *",
        "sweep": "*/5 * * * *",
        "tune": "30 22 * * *",
    }
    assert schedules["stocks_cycle"]["timeZone"] == "America/New_York"


@pytest.mark.parametrize("variable", ["FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"])
def test_production_refuses_to_start_with_an_emulator_variable(variable: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "FUNCTIONS_EMULATOR"}
    environment |= {"K_SERVICE": "api", variable: "127.0.0.1:9099"}
    command = [sys.executable, "-c", "import main"]
    folder = ROOT / "functions" / "api"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"{variable} is set in production: remove it" in done.stderr
    environment["FUNCTIONS_EMULATOR"] = "true"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
