"""What a backtest must say of itself in words: how it was traded, on which bars, and what it does not prove."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml.backtest.stage import Run
from ml.backtest.summary import below_peak
from orchestrator.cli.backtest.stages import Found, moment
from orchestrator.domain.base import ModuleName
from orchestrator.domain.scene import listed
from orchestrator.domain.series import timeframe_of

FEW_TRADES = 30
_ON_CHAINS = (
    "The module looks at each recorded chain; decisions, rules of risk, sizes and books are the desk's own functions.",
    "A structure is filled at the touch of its legs, all legs together or none, at most the size that is shown; the "
    "local venue's fees are paid, and contracts expire, are exercised and assigned as there.",
    "Costs of a round trip are its fees and its way from the middle to the touch. Exposure is the largest loss of "
    "structures, the worth of shares.",
    "Left out: halts, assignment before expiry, the other modules, prices between the recorded moments, and whatever "
    "an owner would order: a loss limit keeps entries away while it lasts. Idle cash earns nothing.",
)
_BY_DESK = (
    "All modules share one desk: its cycles, limits, reservations, brakes and sweeper, its client libraries and the "
    "local venue, on recorded days.",
    "Costs of a round trip are its fees and what its entry cost beyond the decided price.",
    "Left out: delays of a network, halts, and whatever an owner would order. Exposure is not told.",
)
_LIMITED = "All shipped limits hold, those of Greeks and value at risk too; none of them knows another module."
_UNLIMITED = "Run without caps and brakes: sizes are those of the loss and the volatility of a trade alone."
_BPS = 10_000.0
_FILLS = {
    "next_open": "What a bar's close decides is filled at the open of the next bar.",
    "same_close": "What a bar's close decides is filled at that very close: the more hopeful of both models.",
}


def execution(found: Found) -> list[str]:
    """Return how orders were filled and what they cost."""
    asked = found.asked
    if found.chains is not None and found.chains.by_desk:
        return list(_BY_DESK)
    if found.chains is not None:
        return [*_ON_CHAINS, _LIMITED if asked.limits else _UNLIMITED]
    told = [
        _FILLS[asked.fill],
        "Within a bar a stop counts before a target; a gap through a stop fills at the open; stops move at the close.",
    ]
    for module, stage in found.stages.items():
        costs = stage.account.costs
        told.append(
            f"{module}: fee {costs.fee * _BPS:g} bps a side, half the spread {costs.half_spread * _BPS:g} bps, impact "
            f"{costs.impact:g} expected moves of a bar for an order as large as its volume (square root of the share)."
        )
    told.append(_caps(found))
    told += [
        "Each module sizes by the whole capital plus what it has earned itself; profits are added up. Loss limits "
        "look at each module alone.",
        "Left out: partial fills of entries, queues, halts, the limits on sectors, Greeks and value at risk, and "
        "whatever an owner would order. Idle cash earns nothing.",
    ]
    return told


def _caps(found: Found) -> str:
    if not found.asked.limits:
        return "Run without the desk's limits: sizes are those of the strategies alone."
    parts = []
    for module, stage in found.stages.items():
        kept = stage.account.limits
        parts.append(
            f"{module} at most {kept.gross:.0%} of equity, {kept.strategy:.0%} in a strategy, {kept.symbol:.0%} in a "
            f"symbol, {kept.risk_per_trade:.2%} lost at a stop; no entries after losing {kept.daily_loss:.0%} in a day"
            f" or {kept.drawdown_reducing:.0%} from the peak, all left at {kept.drawdown_halted:.0%}"
        )
    return f"The shipped limits: {'; '.join(parts)}."


def bars(found: Found) -> list[str]:
    """Return what the bars are and what was found in them."""
    told = []
    if (chains := found.chains) is not None:
        what = "days" if chains.by_desk else "chains"
        told.append(f"{chains.data}: {what} of {', '.join(chains.symbols)}, {chains.moments} moments")
    for module, feed in found.feeds.items():
        span = found.stages[module].panel.ends
        told.append(f"{module}: {len(feed.bars)} symbols, {len(span)} rows of {timeframe_of(feed.minutes)}")
        told += [f"{note}." for note in feed.notes]
        told += [f"{report.name}: {finding.text}" for report in feed.reports.values() for finding in report.findings]
    return told


def cautions(found: Found) -> list[str]:
    """Return what keeps the result from being evidence; empty is rare."""
    return list(_cautions(found))


def _cautions(found: Found) -> Iterator[str]:
    yield from _unsure(found)
    summary = found.summary
    count = len(summary.trips)
    if count == 0 and not (found.chains and found.chains.held):
        yield "Nothing was traded: these bars gave no entry, or no size that the limits leave."
    elif count < FEW_TRADES:
        yield f"{count} round trips: fewer than {FEW_TRADES} say little about any rate or ratio."
    if summary.curve.years < 1:
        yield f"{summary.curve.years * 365.25:.0f} days: annual numbers are those days drawn out to a year."
    yield from _open(found)
    for run in found.runs:
        yield from _braked(found, run)
        for name, why in run.left_out.items():
            yield f"{run.module}.{name} did not run: {why}."
        yield from _unread(found, run)
    if found.luck is not None:
        nothing, untouched = found.luck
        yield (
            f"{len(found.points)} sets of values were tried on the same bars, so the best looks better than it is. By "
            f"White's reality check, a best that earns as much comes with p = {nothing:.3f} where no set earns "
            f"anything, and one that gains as much on the values as they are with p = {untouched:.3f} where none does. "
            "`desk tune` judges on bars that no search has seen."
        )


def _open(found: Found) -> Iterator[str]:
    ended = sum(trip.reason == "end of data" for trip in found.summary.trips)
    if ended:
        yield f"{ended} positions were still open at the end and are counted at their last price."
    if found.chains is not None and found.chains.held:
        yield f"{found.chains.held} positions were still open at the end: in the curve, but among no round trips."


def _braked(found: Found, run: Run) -> Iterator[str]:
    """Say for how long the drawdown kept a module from opening anything."""
    reducing = found.stages[ModuleName(run.module)].account.limits.drawdown_reducing
    braked = below_peak(run.result, reducing)
    if braked.any():
        first = moment(int(run.result.ends[int(np.argmax(braked))]))
        yield (
            f"{run.module} was {reducing:.0%} or more below its peak in {braked.mean():.0%} of its bars, first on "
            f"{first:%Y-%m-%d}, and opened nothing then; --no-limits shows the strategies without that."
        )


def _unread(found: Found, run: Run) -> Iterator[str]:
    """Say which strategies ran without bars of what they look at."""
    stage = found.stages[ModuleName(run.module)]
    for name in dict.fromkeys(name for name, _ in run.result.columns):
        strategy = next(one for one in stage.tunable.strategies if one.name == name)
        missing = set(listed(stage.tunable.universe, strategy.reads)) - set(stage.panel.symbols)
        if missing:
            yield f"{run.module}.{name} looks at {', '.join(sorted(missing))} too, of which there are no bars."


def _unsure(found: Found) -> Iterator[str]:
    if not found.summary.trips:
        return
    for name, text, shape in (("sharpe", "Sharpe ratio", "{:+.2f}"), ("cagr", "annual growth", "{:+.1%}")):
        one = found.summary.measured[name]
        if not one.known:
            yield f"The {text} has no interval: too few days, or nothing moved."
        elif one.high < 0.0:
            yield f"The {text} is below zero with 95 % confidence: on these days it loses, luck aside."
        elif one.low <= 0.0:
            span = f"{shape.format(one.low)} to {shape.format(one.high)}"
            yield f"The 95 % interval of the {text}, {span}, holds zero: this result cannot be told from luck."
    alpha = found.summary.against.get("alpha")
    if alpha is not None and alpha.known and not alpha.beyond(0.0):
        yield (
            f"The 95 % interval of alpha, {alpha.low:+.1%} to {alpha.high:+.1%}, holds zero: it has not been shown to "
            "beat holding the benchmark at the same risk."
        )
