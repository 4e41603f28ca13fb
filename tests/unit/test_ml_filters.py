"""Entry thresholds on closed trades: only what a stricter one would have left out can be told."""

from decimal import Decimal

import numpy as np

from ml.tuning.filters import LEAST_TRADES, tune_filters
from modules.options.parameters import OptionsParameters
from modules.options.tuning import FILTERS
from orchestrator.domain.base import ModuleName
from tests.tuning_stage import closed_trades


def option_trades(count, *, planted):
    """Trades that lose below a confidence of 0.62 and gain above, if planted; else luck alone."""
    chance = np.random.default_rng(8)
    found = []
    for trade in closed_trades(count, module=ModuleName.OPTIONS):
        known = {"days_to_expiry": float(chance.integers(20, 45)), "concession": float(chance.uniform(0.02, 0.15))}
        sure = float(chance.uniform(0.55, 0.75))
        gain = chance.normal(0, 60) + (80 if sure >= 0.62 else -120 if planted else 80)
        update = {"features": known, "confidence": sure, "realized_pnl": Decimal(repr(round(float(gain), 2)))}
        found.append(trade.model_copy(update=update))
    return found


def proposals(trades):
    return [{**trade.features, "confidence": trade.confidence} for trade in trades]


def test_too_few_trades_activate_nothing_and_say_so():
    few = option_trades(LEAST_TRADES - 1, planted=True)
    found = tune_filters(few, proposals(few), FILTERS, OptionsParameters())
    assert found.verdict is None
    assert found.changes == {}
    assert found.missing == f"59 closed trades, at least {LEAST_TRADES}"


def test_trades_without_the_features_do_not_count():
    trades = option_trades(70, planted=True)
    bare = [trade.model_copy(update={"features": {}}) for trade in trades[:20]]
    found = tune_filters([*bare, *trades[20:]], [], FILTERS, OptionsParameters())
    assert found.missing == f"70 closed trades, 50 of them with all features, at least {LEAST_TRADES}"


def test_a_threshold_that_would_have_spared_losses_proves_better():
    trades = option_trades(240, planted=True)
    found = tune_filters(trades, proposals(trades), FILTERS, OptionsParameters())
    assert found.verdict.better, found.verdict
    assert 0.6 <= found.changes["min_confidence"] <= 0.64


def test_thresholds_are_left_alone_where_there_is_nothing_to_find():
    trades = option_trades(240, planted=False)
    assert not tune_filters(trades, proposals(trades), FILTERS, OptionsParameters()).verdict.better


def test_thresholds_only_become_stricter_and_never_starve_the_module():
    trades = option_trades(240, planted=True)
    found = tune_filters(trades, proposals(trades), FILTERS, OptionsParameters())
    now = OptionsParameters()
    values = {**found.current, **found.changes}
    assert values["min_confidence"] >= now.min_confidence
    assert values["selection.min_days"] >= now.selection.min_days
    assert values["liquidity.max_concession"] <= now.liquidity.max_concession
    kept = [p for p in proposals(trades) if all(f.passes(p[f.feature], values[f.knob]) for f in FILTERS)]
    assert len(kept) >= len(trades) / 2
