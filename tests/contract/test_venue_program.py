"""`python -m venue` as a program: it says where it is, answers, and ends when told."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from venue.__main__ import DATA_ERROR, USAGE_ERROR, main

ROOT = Path(__file__).resolve().parents[2]


def test_synthetic_market_is_served_and_stops_on_interrupt() -> None:
    command = [
        sys.executable,
        "-m",
        "venue",
        "--synthetic",
        "--seed",
        "3",
        "--start",
        "2026-07-16T14:00:00",
        "--port",
        "0",
    ]
    process = subprocess.Popen(
        [*command, "--universe", "stocks=SPY crypto=BTC"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.search(r"http://\S+", line)
        assert url is not None, line
        clock = httpx.get(f"{url.group()}/venue/clock")
        assert "synthetic" in clock.headers["X-Venue"]
        assert (clock.json()["synthetic"], clock.json()["speed"]) == (True, 1.0)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
    assert code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--data", "nowhere", "--from", "2026-07-16", "--to", "2026-07-17"], DATA_ERROR, "nowhere"),
        (["--synthetic", "--universe", "colours=red", "--port", "0"], DATA_ERROR, "universe"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    assert main(words) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize("words", [[], ["--data", "x"], ["--data", "x", "--from", "yesterday", "--to", "2026-07-17"]])
def test_wrong_use_ends_with_the_usage_code(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == USAGE_ERROR


def test_taken_port_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    from venue.server import listen

    listener = listen("127.0.0.1", 0)
    port = str(listener.getsockname()[1])
    try:
        words = ["--synthetic", "--start", "2026-07-16T14:00:00", "--universe", "stocks=SPY", "--port", port]
        assert main(words) == DATA_ERROR
    finally:
        listener.close()
    assert "in use" in capsys.readouterr().err
