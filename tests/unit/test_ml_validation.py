"""Windows that do not overlap, bars that can be learned from, and the gate's rule, check by check."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ml.validation.folds import COUNT, EMBARGO, MIN_TEST, PURGE, folds, rows_needed
from ml.validation.gate import ALPHA, TRADES, Asked, Evidence, judge, p_value
from ml.validation.panels import check_panel
from orchestrator.domain.errors import MalformedDataError
from orchestrator.domain.market import Panel


def test_every_test_window_is_after_its_training_and_no_two_overlap():
    found = folds(620, warmup=100)
    assert len(found) == COUNT
    for fold in found:
        assert fold.test.start - fold.train.stop == PURGE
        assert fold.train.start >= 100
    assert all(one.test.stop == two.test.start for one, two in pairwise(found))
    assert found[-1].test.stop == 620


def test_no_training_window_that_begins_after_a_test_window_uses_the_rows_right_after_it():
    found = folds(620, warmup=100)
    gaps = [
        later.train.start - judged.test.stop
        for judged in found
        for later in found
        if later.train.start >= judged.test.stop
    ]
    assert gaps == [EMBARGO]


def test_a_leak_planted_right_after_a_test_window_is_learned_from_by_no_window_that_begins_there():
    """Rows after the first test window repeat its best ones; the window that begins there ranks as without them."""
    chance, found = np.random.default_rng(5), folds(620, warmup=100)
    returns = chance.normal(0, 1, (8, 620))
    leaky, judged = returns.copy(), found[0].test
    leaky[:, judged.stop : judged.stop + EMBARGO] = 50 * returns[:, judged].mean(axis=1, keepdims=True)
    learned = [returns_of[:, found[-1].train].mean(axis=1) for returns_of in (returns, leaky)]
    assert np.array_equal(*learned)
    begun_at_once = slice(judged.stop, found[-1].train.stop)
    assert np.argmax(leaky[:, begun_at_once].mean(axis=1)) == np.argmax(returns[:, judged].mean(axis=1))


def test_folds_need_a_stated_number_of_rows():
    assert folds(rows_needed(50) - 1, warmup=50) == ()
    assert {f.test.stop - f.test.start for f in folds(rows_needed(50), warmup=50)} == {MIN_TEST}


def good_panel(rows=5):
    ends = np.arange(1, rows + 1, dtype=np.int64) * 86_400
    flat = np.full((rows, 2), 100.0)
    return Panel(("A", "B"), ends, flat.copy(), flat + 1, flat - 1, flat.copy(), np.ones((rows, 2)))


def test_good_bars_and_absent_bars_pass():
    panel = good_panel()
    for column in (panel.open, panel.high, panel.low, panel.close):
        column[2, 1] = np.nan
    check_panel(panel, where="bars")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda p: p.ends.__setitem__(3, p.ends[2]), "not in order at 1970-01-04 00:00:00 UTC \\(row 3\\)"),
        (lambda p: p.high.__setitem__((1, 1), np.nan), "B at 1970-01-03 00:00:00 UTC \\(row 1\\): high is not a pos"),
        (lambda p: p.close.__setitem__((4, 0), -1.0), "A at .* \\(row 4\\): close is not a positive number"),
        (lambda p: p.open.__setitem__((0, 0), np.inf), "row 0\\): open is not a positive number"),
        (lambda p: p.high.__setitem__((0, 0), 99.0), "high is below open or close"),
        (lambda p: p.low.__setitem__((0, 0), 101.0), "low is above open or close"),
    ],
)
def test_bad_bars_are_refused_in_one_line(change, said):
    panel = good_panel()
    change(panel)
    with pytest.raises(MalformedDataError, match=said) as refused:
        check_panel(panel, where="stocks.momentum, 1440-minute bars")
    assert "\n" not in str(refused.value)


def evidence(**changes):
    chance = np.random.default_rng(3)
    noise = chance.normal(0, 0.001, 240)
    base = Evidence(
        champion=[0.0, 0.1, -0.2, 0.0, 0.3, 0.1],
        candidate=[1.0, 0.9, 0.0, 0.8, 1.1, 0.9],
        champion_returns=noise,
        candidate_returns=noise + 0.0005,
        trades=TRADES,
        per_year=252.0,
        asked=Asked(1, 240),
        luck=1e-5,
        overfitting=0.1,
        kept=0.8,
        champion_stressed=noise,
        candidate_stressed=noise + 0.0003,
    )
    return replace(base, **changes)


def test_a_candidate_that_passes_everything_is_better():
    verdict = judge(evidence(), step_bounded=True)
    assert verdict.better, verdict.reasons
    assert verdict.reasons == ()
    assert 0 < verdict.p_value < ALPHA


def test_every_figure_is_told():
    figures = judge(evidence(), step_bounded=True).figures
    assert figures["trials_counted"] == 240
    assert figures["deflated_sharpe"] < figures["probabilistic_sharpe"]
    assert (figures["overfitting"], figures["gain_kept_nearby"]) == (0.1, 0.8)
    assert all(isinstance(value, float) and np.isfinite(value) for value in figures.values())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trades": TRADES - 1}, "29 trades out of sample, at least 30"),
        ({"candidate": [0.1, 0.2, 0.0, 0.1, 0.4, 0.2]}, "median gain of the folds"),
        ({"candidate": [-1.0, -1.0, -1.0, 0.8, 1.1, 0.9]}, "better in 3 of 6 folds"),
        ({"candidate": [1.0, 0.9, 0.0, 0.8, 1.1, 0.0]}, "not better in its own, the newest fold"),
        ({"candidate_returns": np.full(240, -0.001)}, "loses out of sample after costs"),
        ({"candidate_returns": np.random.default_rng(3).normal(0, 0.001, 240)}, "may be luck"),
        ({"luck": 0.02, "asked": Asked(1, 240 * 365)}, "over 87600 trials, at least 0.95"),
        ({"overfitting": 0.51}, "probability of overfitting 0.510, at most 0.5"),
        ({"kept": 0.49}, "its neighbours keep 49% of the gain, at least 50%"),
        ({"candidate_stressed": np.full(240, -0.001)}, "at 2 times the costs: return -0.2400"),
    ],
)
def test_each_check_refuses_alone(changes, said):
    verdict = judge(evidence(**changes), step_bounded=True)
    assert not verdict.better
    assert any(said in reason for reason in verdict.reasons)


def test_a_step_too_far_is_refused():
    assert judge(evidence(), step_bounded=False).reasons == ("a parameter moves further than one step may",)


def test_more_candidates_at_once_need_more_proof():
    weak = evidence(candidate_returns=evidence().champion_returns + np.random.default_rng(9).normal(1e-4, 1e-3, 240))
    p = p_value(weak)
    assert ALPHA / 20 < p < ALPHA
    alone, among = (judge(replace(weak, asked=Asked(n, 240)), step_bounded=True).reasons for n in (1, 20))
    assert not any("may be luck" in reason for reason in alone)
    assert any("may be luck: p = 0.045, at most 0.0025" in reason for reason in among)


def test_the_p_value_is_about_uniform_when_there_is_nothing():
    """Of 100 pairs of independent noise, hardly more than the stated share is called significant."""
    chance = np.random.default_rng(11)
    found = [
        p_value(evidence(champion_returns=chance.normal(0, 1, 200), candidate_returns=chance.normal(0, 1, 200)))
        for _ in range(100)
    ]
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.11
