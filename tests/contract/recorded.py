"""A local HTTP server that gives recorded answers, and a comparison of recorded values with parsed ones."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel


@dataclass
class Answers:
    """What the server says: by path where one is set, else the same to everything."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    by_path: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def say(self, value: object, status: int = 200) -> None:
        """Answer every other path with a JSON value, None with an empty body."""
        self.status, self.body = status, b"" if value is None else json.dumps(value).encode()


@contextmanager
def recorded_server() -> Iterator[Answers]:
    """Serve recorded answers from a thread."""
    answers = Answers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.split("?")[0]
            answers.asked.append(f"{self.command} {path}")
            body = answers.by_path.get(path, answers.body)
            self.send_response(200 if path in answers.by_path else answers.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    answers.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield answers
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def load(path: Path) -> Any:
    """Read a JSON file, gzipped or not."""
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def leaves(value: object, skip: frozenset[str] = frozenset()) -> set[str]:
    """Return every scalar in a nest of models, dicts and lists, each in one comparable form."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        found: set[str] = set()
        for key, inner in value.items():
            if key not in skip:
                found |= leaves(inner, skip)
        return found
    if isinstance(value, list | tuple | set):
        return set().union(*(leaves(inner, skip) for inner in value)) if value else set()
    return set() if value is None or value == "" else {plain(value)}


def plain(value: object) -> str:
    """Return a scalar in a form in which `"1.50"` equals 1.5 and a time equals its text."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, datetime):
        return _instant(value.isoformat())
    if isinstance(value, date | UUID):
        return str(value)
    text = str(value)
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return f"{float(text):.10g}"
    return _instant(text) if re.match(r"\d{4}-\d\d-\d\dT", text) else text


def _instant(text: str) -> str:
    """Cut a time to microseconds, which is what Python's datetime keeps, and drop its offset of zero."""
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.replace("Z", "").replace("+00:00", ""))
    return re.sub(r"\.?0+$", "", cut) if "." in cut else cut
