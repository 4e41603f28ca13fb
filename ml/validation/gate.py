"""The rule by which a candidate replaces what trades: every check must pass, and each says why it did not.

A candidate is judged on test windows only, which no search has seen, after costs, against the champion on the same
bars. Doing nothing does not win: a stated number of trades and a profit are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ml.backtest.score import sharpe
from ml.validation.sharpe import deflated_sharpe, expected_maximum, moments, probabilistic_sharpe
from orchestrator.domain.market import Floats

MARGIN = 0.25
"""Least median gain over the folds, in annualised Sharpe ratio."""
WON = 2 / 3
"""Least share of folds in which the candidate is better."""
TRADES = 30
"""Least round trips of the candidate in the test windows together."""
ALPHA = 0.05
"""Error rate of a module's gate: shared out among all that is tuned in it (Bonferroni)."""
SURE = 0.95
"""Least deflated Sharpe ratio: the probability that the truth is above what the luck of all trials would show."""
OVERFIT = 0.5
"""Most probability of overfitting that is borne: half of the time, as of a choice that knows nothing."""
KEPT = 0.5
"""Least share of the gain that the median neighbour of the candidate keeps."""
STRESS = 2.0
"""How many times its costs a candidate must survive."""
RESAMPLES = 2000
SEED = 20260716

RULE: Mapping[str, float] = {
    "median_margin": MARGIN,
    "folds_won_share": round(WON, 4),
    "least_trades": TRADES,
    "alpha": ALPHA,
    "bootstrap_resamples": RESAMPLES,
    "least_deflated_sharpe": SURE,
    "most_overfitting": OVERFIT,
    "least_gain_kept_nearby": KEPT,
    "cost_stress": STRESS,
}
"""The rule's numbers, for the record."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How often luck was given a chance.

    Parameters
    ----------
    tests
        How many candidates of this module are judged at once.
    trials
        Sets of values tried for the module so far, in every night and for every strategy, this night's among them.
    """

    tests: int
    trials: int


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the test windows showed, oldest first.

    Parameters
    ----------
    champion, candidate
        Score of each test window.
    champion_returns, candidate_returns
        Return of every test bar (or trade), all windows joined.
    trades
        Round trips of the candidate in all test windows.
    per_year
        Number of those bars (or trades) in a year.
    asked
        How often luck was given a chance.
    luck
        Variance of the trials' Sharpe ratios that is luck, per bar (or trade).
    overfitting
        Probability of backtest overfitting of the search.
    kept
        Share of the candidate's gain that its median neighbour keeps.
    champion_stressed, candidate_stressed
        The returns at `STRESS` times the costs.
    """

    champion: Sequence[float]
    candidate: Sequence[float]
    champion_returns: Floats
    candidate_returns: Floats
    trades: int
    per_year: float
    asked: Asked
    luck: float
    overfitting: float
    kept: float
    champion_stressed: Floats
    candidate_stressed: Floats

    @property
    def gains(self) -> list[float]:
        """Candidate minus champion in each test window."""
        return [new - old for new, old in zip(self.candidate, self.champion, strict=True)]

    @property
    def won(self) -> int:
        """Test windows in which the candidate is better."""
        return sum(gain > 0 for gain in self.gains)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the candidate may trade.

    Parameters
    ----------
    reasons
        Why not.
    p_value
        Of the paired bootstrap.
    figures
        Everything that was looked at, for the record.
    """

    better: bool
    reasons: tuple[str, ...]
    p_value: float
    figures: Mapping[str, float] = field(default_factory=dict)


def judge(evidence: Evidence, *, step_bounded: bool) -> Verdict:
    """Return whether the candidate has proved better; `step_bounded`: no parameter moved further than it may."""
    p = p_value(evidence)
    faults = [why for check in CHECKS if (why := check(evidence)) is not None]
    tests = evidence.asked.tests
    if p > ALPHA / tests:
        faults.append(f"may be luck: p = {p:.3f}, at most {ALPHA / tests:.4f} ({ALPHA} over {tests} tests)")
    if not step_bounded:
        faults.append("a parameter moves further than one step may")
    return Verdict(not faults, tuple(faults), p, _figures(evidence) | {"p_value": p})


def deflated(evidence: Evidence) -> float:
    """Return the deflated Sharpe ratio of the candidate's test bars."""
    return deflated_sharpe(moments(evidence.candidate_returns), trials=evidence.asked.trials, variance=evidence.luck)


def _figures(evidence: Evidence) -> dict[str, float]:
    found, year = moments(evidence.candidate_returns), evidence.per_year**0.5
    return {
        "trades": float(evidence.trades),
        "tests": float(evidence.asked.tests),
        "trials_counted": float(evidence.asked.trials),
        "median_gain": float(np.median(evidence.gains)),
        "newest_gain": evidence.gains[-1],
        "folds_won": float(evidence.won),
        "total_return": float(np.sum(evidence.candidate_returns)),
        "sharpe": found.sharpe * year,
        "skew": found.skew,
        "kurtosis": found.kurtosis,
        "sharpe_of_luck": expected_maximum(evidence.asked.trials, evidence.luck) * year,
        "probabilistic_sharpe": probabilistic_sharpe(found),
        "deflated_sharpe": deflated(evidence),
        "overfitting": evidence.overfitting,
        "gain_kept_nearby": evidence.kept,
        "stressed_return": float(np.sum(evidence.candidate_stressed)),
        "stressed_sharpe": sharpe(evidence.candidate_stressed, bars_per_year=evidence.per_year),
        "champion_stressed_sharpe": sharpe(evidence.champion_stressed, bars_per_year=evidence.per_year),
    }


def _enough_trades(evidence: Evidence) -> str | None:
    enough = evidence.trades >= TRADES
    return None if enough else f"{evidence.trades} trades out of sample, at least {TRADES}"


def _clear_margin(evidence: Evidence) -> str | None:
    gain = float(np.median(evidence.gains))
    return None if gain >= MARGIN else f"median gain of the folds {gain:+.3f}, at least {MARGIN:+.3f}"


def _most_folds(evidence: Evidence) -> str | None:
    folds = len(evidence.gains)
    return None if evidence.won >= WON * folds else f"better in {evidence.won} of {folds} folds, at least two thirds"


def _newest_fold(evidence: Evidence) -> str | None:
    return None if evidence.gains[-1] > 0 else f"not better in its own, the newest fold ({evidence.gains[-1]:+.3f})"


def _earns(evidence: Evidence) -> str | None:
    total = float(np.sum(evidence.candidate_returns))
    return None if total > 0 else f"loses out of sample after costs ({total:+.4f} of the capital)"


def _beyond_all_trials(evidence: Evidence) -> str | None:
    sure, trials = deflated(evidence), evidence.asked.trials
    return None if sure >= SURE else f"deflated Sharpe ratio {sure:.3f} over {trials} trials, at least {SURE}"


def _not_overfitted(evidence: Evidence) -> str | None:
    found = evidence.overfitting
    return None if found <= OVERFIT else f"probability of overfitting {found:.3f}, at most {OVERFIT}"


def _stable(evidence: Evidence) -> str | None:
    kept = evidence.kept
    return None if kept >= KEPT else f"its neighbours keep {kept:.0%} of the gain, at least {KEPT:.0%}"


def _survives_costs(evidence: Evidence) -> str | None:
    old, new = (
        sharpe(one, bars_per_year=evidence.per_year)
        for one in (evidence.champion_stressed, evidence.candidate_stressed)
    )
    total = float(np.sum(evidence.candidate_stressed))
    if total > 0 and new > old:
        return None
    return f"at {STRESS:g} times the costs: return {total:+.4f}, Sharpe ratio {new:+.2f} against {old:+.2f}"


CHECKS: tuple[Callable[[Evidence], str | None], ...] = (
    _enough_trades,
    _clear_margin,
    _most_folds,
    _newest_fold,
    _earns,
    _beyond_all_trials,
    _not_overfitted,
    _stable,
    _survives_costs,
)


def p_value(evidence: Evidence) -> float:
    """Return how often chance alone would show such a gain in Sharpe ratio.

    Notes
    -----
    Paired circular block bootstrap of the joined test bars, blocks of n^(1/3) bars so that neighbouring bars stay
    together; the resampled gains are centred on the observed one. One-sided; never 0: (1 + hits) / (1 + resamples).

    References
    ----------
    D. Politis and J. Romano, A circular block-resampling procedure for stationary data, 1992.
    O. Ledoit and M. Wolf, Robust performance hypothesis testing with the Sharpe ratio, Journal of Empirical Finance
    15, 2008 (the difference of two Sharpe ratios).
    """
    old, new = evidence.champion_returns, evidence.candidate_returns
    if len(old) < 2:
        return 1.0
    seen = sharpe(new, bars_per_year=evidence.per_year) - sharpe(old, bars_per_year=evidence.per_year)
    rows = _resampled_rows(len(old))
    gains = (_ratios(new[rows]) - _ratios(old[rows])) * evidence.per_year**0.5
    hits = int(np.sum(gains - seen >= seen))
    return (1 + hits) / (1 + RESAMPLES)


def _resampled_rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    chance = np.random.default_rng(SEED)
    length = max(1, round(count ** (1 / 3)))
    starts = chance.integers(0, count, size=(RESAMPLES, -(-count // length)))
    rows = (starts[:, :, None] + np.arange(length)) % count
    return np.asarray(rows.reshape(RESAMPLES, -1)[:, :count], dtype=np.int64)


def _ratios(samples: Floats) -> Floats:
    """Return mean over standard deviation of each row; 0 where nothing moved."""
    risk = samples.std(axis=1, ddof=1)
    moved = risk > 1e-12
    return np.where(moved, samples.mean(axis=1) / np.where(moved, risk, 1.0), 0.0)
