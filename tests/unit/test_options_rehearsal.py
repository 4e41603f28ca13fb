"""Every options strategy passes both guards, on chains made of the bars; planted cheaters are caught."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.validation.honesty import look_ahead, made_up, recursion
from modules.options.parameters import OptionsParameters, TrendParameters, VolatilityParameters
from modules.options.playbook import STRATEGIES
from modules.options.regime import realised_vols, regime_of
from modules.options.rehearsal import REHEARSED, rehearsed
from orchestrator.cli import app

BRIEF = OptionsParameters(
    trend=TrendParameters(slow_days=31), volatility=VolatilityParameters(history_days=60, min_history=60)
)


def market(gaps=0.0):
    return made_up(("SPY",), rows=BRIEF.warmup + 30, minutes=1440, seed=4, gaps=gaps)


@pytest.mark.parametrize("name", [strategy.name for strategy in REHEARSED])
def test_every_shipped_strategy_passes_both(name):
    run = CliRunner()
    for command in ("lookahead", "recursion"):
        told = run.invoke(app, [command, name, "--bars", "20", "--json"])
        assert told.exit_code == 0, told.output
        assert json.loads(told.output)["fault"] is None


def test_the_rehearsal_asks_something():
    """Regimes of several kinds, and contracts that are found and change."""
    for strategy in REHEARSED:
        said = strategy.evaluate(market(), BRIEF)
        known = said.target[np.isfinite(said.target)]
        assert len(known) == 31
        assert len(set(known[known != 0].tolist())) > 3
        assert len(set(said.reason[BRIEF.warmup :].ravel().tolist())) > 2


def reads_the_newest_bar(view, panel, parameters, *, iv_history, row):
    """What the panel ends with, whatever the row: right while the caller hands over nothing later."""
    known = regime_of(view, panel, parameters, iv_history=iv_history, row=row)
    newest = regime_of(view, panel, parameters, iv_history=iv_history, row=len(panel) - 1)
    return known and newest and replace(known, strength=newest.strength)


def averages_all_there_ever_was(view, panel, parameters, *, iv_history, row):
    """A mean over the whole history: it looks at nothing later, and never forgets."""
    known = regime_of(view, panel, parameters, iv_history=iv_history, row=row)
    past = realised_vols(panel.close[: row + 1], parameters.volatility.realised_days)[:, 0]
    return known and replace(known, strength=float(np.nanmean(past)))


def test_a_regime_that_reads_the_newest_bar_is_caught_at_the_row():
    honest, cheat = (rehearsed(STRATEGIES["covered_call"], regime=one) for one in (regime_of, reads_the_newest_bar))
    rows = range(BRIEF.warmup, BRIEF.warmup + 4)
    assert look_ahead(honest, market(gaps=0.05), BRIEF, rows=rows) is None
    fault = look_ahead(cheat, market(), BRIEF, rows=rows)
    assert (fault.field, fault.symbol, fault.row) == ("confidence", "SPY", BRIEF.warmup)


def test_a_mean_that_never_forgets_looks_at_nothing_later_but_is_caught_by_its_history():
    cheat = rehearsed(STRATEGIES["covered_call"], regime=averages_all_there_ever_was)
    ends = range(BRIEF.warmup + 5, BRIEF.warmup + 30, 5)
    assert look_ahead(cheat, market(), BRIEF, rows=range(BRIEF.warmup, BRIEF.warmup + 4)) is None
    assert recursion(rehearsed(STRATEGIES["covered_call"]), market(), BRIEF, ends=ends) is None
    assert recursion(cheat, market(), BRIEF, ends=ends).field == "confidence"


def test_a_choice_that_remembers_what_it_was_asked_before_is_caught():
    asked = []

    def counts(view, regime, parameters):
        asked.append(view)
        return STRATEGIES["bull_call_spread"](view, regime, parameters) if len(asked) % 2 else ()

    rows = range(BRIEF.warmup, BRIEF.warmup + 10)
    assert look_ahead(rehearsed(counts), market(), BRIEF, rows=rows).field == "target"
