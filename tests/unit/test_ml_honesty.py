"""Every shipped strategy passes both guards; planted cheaters are caught at the bar and column where they cheat."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.validation.honesty import look_ahead, made_up, recursion
from modules.crypto.strategies import STRATEGIES as CRYPTO
from modules.stocks.strategies import STRATEGIES as STOCKS
from orchestrator.cli import app, honesty
from orchestrator.domain.errors import DomainError
from orchestrator.domain.indicators import momentum
from orchestrator.domain.strategy import Strategy, StrategyParameters, signals

WHY = ("up", "down")


class Five(StrategyParameters):
    @property
    def warmup(self):
        return 6


def honest(panel, _):
    change = momentum(panel.close, 5)
    return signals(change > 0, change < 0, np.abs(change), WHY)


def reads_tomorrow(panel, _):
    tomorrow = np.vstack([panel.close[1:], panel.close[-1:]])
    return signals(tomorrow > panel.close, tomorrow < panel.close, np.full(panel.close.shape, 0.5), WHY)


def never_forgets(panel, _):
    smooth = np.array(panel.close)
    for row in range(1, len(smooth)):
        smooth[row] = 0.9 * smooth[row - 1] + 0.1 * panel.close[row]
    return signals(panel.close > smooth, panel.close < smooth, np.abs(panel.close / smooth - 1), WHY)


@pytest.mark.parametrize("strategy", [*STOCKS, *CRYPTO], ids=lambda one: one.name)
def test_every_shipped_strategy_passes_both(strategy):
    run = CliRunner()
    for command in ("lookahead", "recursion"):
        told = run.invoke(app, [command, strategy.name, "--bars", "40", "--json"])
        assert told.exit_code == 0, told.output
        assert json.loads(told.output)["fault"] is None


def test_an_honest_one_passes_and_a_reader_of_tomorrow_is_caught():
    panel = made_up(("A", "B"), rows=60, minutes=60, seed=3)
    assert look_ahead(honest, panel, Five()) is None
    fault = look_ahead(reads_tomorrow, panel, Five())
    assert (fault.field, fault.row) == ("target", 0)
    assert str(fault).startswith("target of A at bar 0 (2023-11-15 01:00 UTC): nan as it was known, ")


def test_one_that_never_forgets_looks_at_nothing_later_but_is_caught_by_its_history():
    panel = made_up(("A", "B"), rows=60, minutes=60, seed=3)
    assert look_ahead(never_forgets, panel, Five()) is None
    assert recursion(honest, panel, Five()) is None
    fault = recursion(never_forgets, panel, Five())
    assert (fault.field, fault.symbol, fault.row) == ("confidence", "A", 6)


def test_the_command_says_where_and_ends_with_one(monkeypatch):
    cheat = (Strategy("cheat", reads_tomorrow, trades=("all",)), Five(), ("A",))
    monkeypatch.setattr(honesty, "_strategy", lambda _name: cheat)
    told = CliRunner().invoke(app, ["lookahead", "cheat"])
    assert told.exit_code == 1
    assert "target of A at bar 0" in told.output


def test_one_that_raises_or_does_not_fit_is_told_in_one_line():
    panel = made_up(("A",), rows=20, minutes=60, seed=3)
    with pytest.raises(DomainError, match="the strategy raised ZeroDivisionError on 20 bars"):
        look_ahead(lambda *_: 1 // 0, panel, Five())
    with pytest.raises(DomainError, match=r"target has shape \(3,\), the panel \(20, 1\)"):
        look_ahead(lambda *_: signals(np.zeros(3, bool), np.zeros(3, bool), np.zeros(3), WHY), panel, Five())
    with pytest.raises(DomainError, match="4 bars, more than the 6"):
        recursion(honest, panel[:4], Five())


def test_a_name_that_is_not_known_is_told_with_those_that_are():
    told = CliRunner().invoke(app, ["lookahead", "magic"])
    assert told.exit_code == 2
    assert "momentum" in told.output
