"""`desk tune --data`: a replay in memory, its trades and traces, then the job, as the command line shows it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from orchestrator.cli import app

WINDOW = ("--from", "2026-08-17", "--to", "2026-08-21")


def run(*arguments):
    return CliRunner().invoke(app, ["tune", *map(str, arguments)])


@pytest.mark.slow
def test_a_replay_is_tuned_on_what_it_left_behind(data_root):
    universe = "stocks=XLK,XLF,XLE,AAPL,NVDA,SPY,QQQ options=SPY crypto=BTC,ETH"
    done = run("--data", data_root, *WINDOW, "--universe", universe, "--json")
    assert done.exit_code == 0, done.output
    modules = json.loads(done.stdout)["modules"]
    assert set(modules) == {"stocks", "options", "crypto"}
    assert all(told["champion"] == 1 for told in modules.values())
    stocks = modules["stocks"]
    assert stocks["status"] in {"shadow", "rejected"}
    assert stocks["version"] == 2
    momentum = stocks["tuned"]["momentum"]
    assert momentum["trials"] == 240
    assert momentum["changes"]
    assert momentum["reasons"] or momentum["verdict"] == "better"
    assert modules["options"]["status"] == "not enough evidence"
    assert "at least 60" in modules["options"]["reason"]
    assert modules["crypto"]["status"] in {"shadow", "rejected", "unchanged"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "nowhere", *WINDOW), "nowhere: no such folder"),
        (("--data", "."), "--data needs --from and --to"),
        (("--data", ".", "--from", "2026-08-21", "--to", "2026-08-17"), "is after --to"),
        (("--universe", "stocks=XLK"), "belong to a replay"),
    ],
)
def test_bad_input_is_one_line(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") == 1
