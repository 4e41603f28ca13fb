"""Starts and ends the official Firebase emulators, as many suites at once as ports and memory allow.

    with running(project="demo-firedesk", only=("firestore", "auth", "functions", "hosting")) as suite:
        requests go to suite.address("firestore")

Responsible for processes and ports; it seeds nothing and knows nothing of the desk. Firestore alone is started without
Node. Whatever happens inside the `with`, no process of the suite is left after it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts import tools
from scripts.ports import HOST, free_ports
from scripts.processes import ProcessError, running_group, wait_until
from scripts.steps import LOGS, ROOT

ALL = ("firestore", "auth", "functions", "hosting")

_HELPERS = ("hub", "logging", "websocket", "eventarc", "tasks")
"""What firebase-tools starts beside; left to itself, two suites that start at once reach for the same ports."""
_PAGE = "page"
_SHORT_LIVED_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""For a suite that lives for minutes the JVM's second compiler and parallel collector cost more than they save."""
_SECRET_ENDINGS = ("_KEY", "_SECRET", "_TOKEN")


@dataclass(frozen=True, slots=True)
class Suite:
    """Emulators that are up: their project, their ports, where they write their log, and their first process."""

    project: str
    ports: Mapping[str, int]
    log: Path
    process: subprocess.Popen[bytes]

    def address(self, name: str) -> str:
        """Return `host:port` of one emulator."""
        return f"{HOST}:{self.ports[name]}"

    def url(self, name: str) -> str:
        """Return the http address of one emulator."""
        return f"http://{self.address(name)}"

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables with which Google's client libraries find these emulators."""
        found = {"GCLOUD_PROJECT": self.project, "GOOGLE_CLOUD_PROJECT": self.project}
        if "firestore" in self.ports:
            found["FIRESTORE_EMULATOR_HOST"] = self.address("firestore")
        if "auth" in self.ports:
            found["FIREBASE_AUTH_EMULATOR_HOST"] = self.address("auth")
        return found

    def function_url(self, name: str, region: str = "us-central1") -> str:
        """Return the address under which the functions emulator serves the HTTPS function `name`."""
        return f"{self.url('functions')}/{self.project}/{region}/{name}"

    def trigger_url(self, name: str, region: str = "us-central1") -> str:
        """Return the address to POST to in order to fire the scheduled or event function `name`."""
        return trigger_url(self.url("functions"), project=self.project, trigger=f"{region}-{name}")

    def clear_firestore(self, project: str | None = None) -> None:
        """Delete every document of a project (default: the suite's)."""
        path = f"/emulator/v1/projects/{project or self.project}/databases/(default)/documents"
        _call("DELETE", self.url("firestore") + path)

    def clear_users(self) -> None:
        """Delete every user of the suite's project."""
        _call(
            "DELETE",
            f"{self.url('auth')}/emulator/v1/projects/{self.project}/accounts",
            {"Authorization": "Bearer owner"},
        )


def trigger_url(functions_url: str, *, project: str, trigger: str) -> str:
    """Return where a functions emulator takes calls for the trigger `{region}-{name}`.

    The ending is the generation of the trigger; it stays 0 as long as nobody disables triggers through the hub.
    """
    return f"{functions_url}/functions/projects/{project}/triggers/{trigger}-0"


@contextmanager
def running(
    *,
    project: str,
    only: Sequence[str] = ALL,
    ports: Mapping[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
    functions: Path = ROOT / "functions",
    codebases: Sequence[str] | None = None,
    reload: bool = False,
) -> Iterator[Suite]:
    """Run the named emulators until the block ends.

    Parameters
    ----------
    project
        Project id; `demo-...`, so that no emulator ever asks for an account. One running suite per id.
    only
        Which of firestore, auth, functions, hosting.
    ports
        Wanted ports by name (also hub, logging, websocket); what is not named gets a free one.
    environment
        Variables added to those of this process; the functions' workers see them.
    functions, codebases
        The folder of the codebases, and which of them to load (None: every folder with a requirements.txt and main.py).
    reload
        Whether functions are loaded again when their sources change.

    Raises
    ------
    MissingToolError
        A tool is missing and cannot be had.
    ProcessError
        The emulators did not get ready within two minutes.
    """
    wanted = dict(ports or {})
    names = [name for name in (*only, *_HELPERS) if name not in wanted]
    chosen = {**free_ports(names), **wanted}
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"emulators-{project}.log"
    with tempfile.TemporaryDirectory(prefix="firedesk-") as folder:
        directory = Path(folder)
        if tuple(only) == ("firestore",):
            command = _firestore_command(project, chosen)
            ready = _answers(f"http://{HOST}:{chosen['firestore']}")
        else:
            sources = _codebases(functions, codebases) if "functions" in only else []
            _write_project(directory, _emulators(only, chosen), sources=sources, reload=reload)
            _write_page(directory / _PAGE, project, chosen)
            _write_secrets(directory / "functions", environment or {})
            _write_manifests(directory / "functions", project)
            command, ready = _suite_command(project, only, directory), _says(log, "All emulators ready")
        variables = _environment(only, environment or {})
        with running_group(command, directory=directory, environment=variables, log=log) as process:
            wait_until(ready, process, name="emulators", log=log)
            yield Suite(project, chosen, log, process)


def _firestore_command(project: str, ports: Mapping[str, int]) -> list[str]:
    java = tools.find_java() / "bin" / "java"
    command = [str(java), "-Duser.language=en", "-jar", str(tools.startable_jar(tools.find_firestore_jar()))]
    command += ["--host", HOST, "--port", str(ports["firestore"]), "--websocket_port", str(ports["websocket"])]
    command += ["--project_id", project]
    rules = ROOT / "firestore.rules"
    return command + (["--rules", str(rules)] if rules.is_file() else [])


def _suite_command(project: str, only: Sequence[str], directory: Path) -> list[str]:
    firebase = tools.install_node_packages() / ".bin" / "firebase"
    options = ["--project", project, "--only", ",".join(only), "--config", str(directory / "firebase.json")]
    return ["node", "--require", str(ROOT / "scripts" / "emulators.cjs"), str(firebase), "emulators:start", *options]


def _codebases(functions: Path, names: Sequence[str] | None) -> list[Path]:
    """Return the folders to load; a codebase asked for by name must be there."""
    tools.link_function_environments(functions)
    if names is None:
        return sorted(
            main.parent for main in functions.glob("*/main.py") if (main.parent / "requirements.txt").is_file()
        )
    missing = [name for name in names if not (functions / name / "main.py").is_file()]
    if missing:
        raise ProcessError(f"functions: no codebase {missing[0]!r} in {functions}")
    return [functions / name for name in names]


def _write_project(directory: Path, emulators: Mapping[str, object], *, sources: Sequence[Path], reload: bool) -> None:
    """Make a Firebase project folder that links to the repository's and has ports of its own."""
    config = json.loads((ROOT / "firebase.json").read_text(encoding="utf-8"))
    for name in ("firestore.rules", "firestore.indexes.json"):
        if (ROOT / name).exists():
            (directory / name).symlink_to(ROOT / name)
    for source in sources:
        _link_codebase(source, directory / "functions" / source.name)
    ignored = ["venv", "__pycache__", "*.pyc"] if reload else ["**"]
    runtime = f"python{sys.version_info.major}{sys.version_info.minor}"
    config["functions"] = [
        {"source": f"functions/{source.name}", "codebase": source.name, "runtime": runtime, "ignore": ignored}
        for source in sources
    ]
    if not (directory / "firestore.rules").exists():
        del config["firestore"]["rules"]
    config["hosting"]["public"] = _PAGE
    config["emulators"] = emulators
    (directory / "firebase.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _write_page(page: Path, project: str, ports: Mapping[str, int]) -> None:
    """Link to the built dashboard's files and put beside them the config.json that tells it where the emulators are."""
    page.mkdir()
    built = ROOT / "dashboard" / "dist"
    for entry in built.iterdir() if built.is_dir() else ():
        (page / entry.name).symlink_to(entry)
    emulators = {name: f"{HOST}:{ports[name]}" for name in ("auth", "firestore") if name in ports}
    told = {"projectId": project, "apiKey": "demo-key", "emulators": emulators}
    (page / "config.json").write_text(json.dumps(told), encoding="utf-8")


def _link_codebase(source: Path, target: Path) -> None:
    """Make a folder whose entries link to the codebase's, so that a suite can have secrets of its own beside them."""
    target.mkdir(parents=True)
    for entry in source.iterdir():
        if not entry.name.startswith(".secret") and entry.name != "__pycache__":
            (target / entry.name).symlink_to(entry)


def _write_secrets(functions: Path, environment: Mapping[str, str]) -> None:
    """Give functions the secrets among `environment`; for a missing one the emulator would ask Google's cloud."""
    text = "".join(f"{key}={value}\n" for key, value in environment.items() if key.endswith(_SECRET_ENDINGS))
    for codebase in functions.glob("*"):
        (codebase / ".secret.local").write_text(text, encoding="utf-8")


def _write_manifests(functions: Path, project: str) -> None:
    """Save firebase-tools a second of asking for each codebase; one without a manifest it asks as usual."""
    folders = [str(folder) for folder in functions.glob("*")]
    if folders:
        command = [str(tools.VENV / "bin" / "python"), "-m", "scripts.manifests", *folders]
        environment = {**os.environ, "GCLOUD_PROJECT": project, "FUNCTIONS_EMULATOR": "true", "PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)


def _emulators(only: Sequence[str], ports: Mapping[str, int]) -> dict[str, object]:
    section: dict[str, object] = {name: {"host": HOST, "port": ports[name]} for name in (*only, "hub", "logging")}
    if "functions" in only:
        section |= {name: {"host": HOST, "port": ports[name]} for name in ("eventarc", "tasks")}
    if "firestore" in only:
        section["firestore"] = {
            "host": HOST,
            "port": ports["firestore"],
            "websocketPort": ports["websocket"],
        }
    return {**section, "ui": {"enabled": False}, "singleProjectMode": True}


def _environment(only: Sequence[str], added: Mapping[str, str]) -> dict[str, str]:
    jar = str(tools.startable_jar(tools.find_firestore_jar())) if "firestore" in only else ""
    java = tools.java_environment(tools.find_java()) if "firestore" in only else {}
    return {
        **os.environ,
        **java,
        "FIRESTORE_EMULATOR_BINARY_PATH": jar,
        "JDK_JAVA_OPTIONS": f"{_SHORT_LIVED_JAVA} {os.environ.get('JDK_JAVA_OPTIONS', '')}".rstrip(),
        "FIREBASE_CLI_DISABLE_UPDATE_CHECK": "true",
        "FUNCTIONS_DISCOVERY_TIMEOUT": "60",
        "PYTHONDONTWRITEBYTECODE": "",  # every cold worker would compile the desk anew
        **added,
    }


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            _call("GET", url)
        except OSError:
            return False
        return True

    return ready


def _says(log: Path, words: str) -> Callable[[], bool]:
    return lambda: words in log.read_text(encoding="utf-8", errors="replace")


def _call(method: str, url: str, headers: Mapping[str, str] | None = None) -> None:
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
