"""The search: the first trials cover the reach evenly, the later ones close in on the best, and nothing leaves it."""

import math

import pytest

from ml.tuning.search import SPREAD, best_values
from ml.tuning.space import Knob

SHARE = Knob("share", 0.2, 0.8, integer=False, current=0.5)
BARS = Knob("bars", 5, 24, integer=True, current=10)
FIXED = Knob("fixed", 3, 3, integer=True, current=3)


def tried(score, knobs, **asked):
    """Return every set of values that a search tries, in order, and what it finds."""
    seen = []

    def noting(values):
        seen.append(dict(values))
        return score(values)

    return seen, best_values(noting, knobs, **asked)


def peak(values):
    return -((values["share"] - 0.31) ** 2) - ((values["bars"] - 17) / 20) ** 2


def test_what_trades_now_is_tried_first():
    seen, _ = tried(peak, (SHARE, BARS), seed=1)
    assert seen[0] == {"share": 0.5, "bars": 10}


def test_the_first_trials_fall_into_different_parts_of_the_reach():
    seen, _ = tried(peak, (SHARE, BARS), seed=1)
    spread = seen[1:SPREAD]
    parts = [int((values["share"] - SHARE.low) / (SHARE.high - SHARE.low) * SPREAD) for values in spread]
    assert len(set(parts)) == len(parts) == SPREAD - 1
    # Twenty whole numbers in twenty parts: each of them once.
    assert len({values["bars"] for values in spread}) == SPREAD - 1


def test_later_trials_close_in_on_the_best():
    seen, found = tried(peak, (SHARE, BARS), seed=1, trials=200)
    assert found["share"] == pytest.approx(0.31, abs=0.005)
    assert found["bars"] == 17
    near = [abs(values["share"] - 0.31) for values in seen[-50:]]
    assert sum(near) / len(near) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_no_trial_leaves_the_reach(seed):
    corner, _ = tried(lambda values: values["share"] - values["bars"], (SHARE, BARS, FIXED), seed=seed, trials=120)
    for values in corner:
        assert SHARE.low <= values["share"] <= SHARE.high
        assert values["bars"] in range(5, 25)
        assert values["fixed"] == 3


def test_the_same_seed_tries_the_same_and_another_seed_other_values():
    one, again, other = (tried(peak, (SHARE, BARS), seed=seed)[0] for seed in (1, 1, 2))
    assert one == again
    assert one[1:] != other[1:]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_score_that_is_no_number_never_wins():
    _, found = tried(lambda v: math.nan if v["share"] > 0.4 else -v["bars"], (SHARE, BARS), seed=1)
    assert found["share"] <= 0.4
    assert found["bars"] == 5


def test_fewer_trials_than_the_spread_are_all_spread():
    seen, _ = tried(peak, (SHARE, BARS), seed=1, trials=6)
    parts = [int((values["share"] - SHARE.low) / (SHARE.high - SHARE.low) * 6) for values in seen[1:]]
    assert len(set(parts)) == 5
