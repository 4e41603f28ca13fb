"""A backtest of options: their module on recorded chains by the engine of `ml.backtest.options`, and its sweeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from ml.backtest import options
from ml.backtest.kept import KeptChains
from ml.backtest.outcome import Outcome, as_line
from ml.backtest.regimes import day_numbers, regimes_of, worth_of
from ml.backtest.summary import Curve, Line, curve_of, summarised
from ml.evidence import kept_chains
from ml.parity.panels import Source
from ml.tuning.structures import ladders, last_of_sessions
from orchestrator.bootstrap import Builder, module_class
from orchestrator.cli.backtest.bars import Sources
from orchestrator.cli.backtest.chains import LocalHouse, RecordedChains, recorded_chains
from orchestrator.cli.backtest.stages import Chains, Found, Point, Told, luck_of, point_of
from orchestrator.cli.backtest.terms import Asked
from orchestrator.cli.replay.stacks import seldom_collected
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError, DomainError
from orchestrator.domain.market import Panel
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.risk import RiskLimits
from orchestrator.domain.sightings import KEPT
from orchestrator.module import TradingModule, deciding
from orchestrator.published import stored_bars

MODULE = ModuleName.OPTIONS
_DAILY = 1440
_ALL = Decimal(1)
_MANY = Decimal(10)
WITHOUT_LIMITS = RiskLimits(
    module_allocation={MODULE: _ALL},
    strategy_concentration=_ALL,
    symbol_concentration=_ALL,
    sector_concentration=_ALL,
    group_concentration=_ALL,
    venue_exposure=_ALL,
    net_exposure=_MANY,
    leverage=_MANY,
    daily_loss=_ALL,
    weekly_loss=_ALL,
    drawdown_reducing=_ALL,
    drawdown_halted=_ALL,
    var_95=_ALL,
    var_99=_ALL,
    cvar_95=_ALL,
    cvar_99=_ALL,
    shock_loss=_ALL,
    greek_delta=_MANY,
    greek_gamma=_MANY,
    greek_vega=_ALL,
    greek_theta=_ALL,
)
"""The desk's limits without its caps and brakes. What makes a size, the loss and the volatility of a trade, stays."""


@dataclass(frozen=True, slots=True)
class _Lab:
    """What every run of a backtest shares: a module prices a recorded chain once for all of them."""

    asked: Asked
    module: TradingModule
    recorded: RecordedChains | KeptChains
    source: str

    def run(self, values: Mapping[str, float]) -> Outcome:
        """Return what came of the parameters with some changed."""
        asked = self.asked
        limits = RiskLimits() if asked.limits else WITHOUT_LIMITS
        terms = options.Terms(
            capital=Decimal(repr(asked.cash)),
            limits=limits,
            house=LocalHouse(),
            cost_times=Decimal(repr(asked.cost_times)),
        )
        return options.run(self.module, self._parameters(values), self.recorded, terms)

    def _parameters(self, values: Mapping[str, float]) -> Parameters:
        found = self.asked.parameters(MODULE, values)
        return found.model_copy(update={"enabled": self.asked.strategies}) if self.asked.strategies else found


def by_chains(asked: Asked, sources: Sources, told: Told, *, desk: Builder | None = None) -> Found:
    """Return the backtest of the options module, on a folder of recorded chains or on those that the desk kept.

    Raises
    ------
    ConfigurationError
        No folder or days are named, or something that only bars know; the message says which.
    TradingError
        The folder, or what is kept, cannot be used; the message says why.
    """
    per_year = asked.tunables[MODULE].bars_per_year(_DAILY)
    with seldom_collected():
        told("options: reading chains")
        lab = _lab(asked, sources) if desk is None else _kept_lab(asked, sources, desk)
        told("options: running")
        outcome = lab.run({})
        points = _swept(lab, told, per_year)
    told("intervals")
    line = as_line(outcome, asked.cash)
    days, worth, inside = _worth(asked, lab.recorded, curve_of([line]))
    summary = summarised([line], inside, regimes_of(days, worth), per_year=per_year)
    chains = Chains(lab.source, len(lab.recorded.moments), len(outcome.held), _symbols(asked))
    digest = _digest(asked, lab, line)
    return Found(asked, {}, {}, (), [line], summary, points, luck_of(points, summary.curve), digest, chains)


def _lab(asked: Asked, sources: Sources) -> _Lab:
    if len(sources.paths) != 1 or asked.first is None or asked.last is None:
        raise ConfigurationError("options: name one folder of recorded chains with --data, and --from and --to")
    _only_chains(asked, sources)
    if not Path(sources.paths[0]).is_dir():
        raise ConfigurationError(f"--data {sources.paths[0]}: no such folder")
    return _Lab(
        asked,
        options_module(_symbols(asked)),
        recorded_chains(Path(sources.paths[0]), asked.first.date(), asked.last.date(), _symbols(asked)),
        str(sources.paths[0]),
    )


def _only_chains(asked: Asked, sources: Sources) -> None:
    if sources.minutes or sources.adjust or asked.fill != Asked.fill:
        raise ConfigurationError("options: --timeframe, --fill and --adjust are of bars, not of chains")


def _kept_lab(asked: Asked, sources: Sources, desk: Builder) -> _Lab:
    """Return what the desk kept, as the nightly search sees it: a session is seen once, at its last moment."""
    _only_chains(asked, sources)
    now, symbols = desk.clock().now(), _symbols(asked)
    begin, end = asked.first or now - KEPT, now if asked.last is None else asked.last + timedelta(days=1)
    docs = last_of_sessions(kept_chains(desk.store, MODULE, begin, end))
    if not docs:
        raise DomainError(
            f"options: no chains were kept from {begin:%Y-%m-%d} to {end:%Y-%m-%d}; the desk keeps them while it runs. "
            "Or name a folder of recorded ones with --data"
        )
    source = Source(stored_bars(desk.store, MODULE), None, now)
    known = source.known(symbols, _DAILY, (docs[0].at.date(), docs[-1].at.date()))
    if known.lacking:
        named = "; ".join(f"{symbol}: {why}" for symbol, why in known.lacking.items())
        raise DomainError(f"options: daily bars are missing: {named}")
    return _Lab(asked, options_module(symbols), ladders(docs, known.panel), "the chains that the desk kept")


def options_module(symbols: tuple[str, ...]) -> TradingModule:
    """Return the options module on some underlyings, for its decisions only."""
    kind, universe = module_class(MODULE)
    return deciding(kind, universe(symbols))


def _symbols(asked: Asked) -> tuple[str, ...]:
    return asked.tunables[MODULE].universe["underlyings"]


def _swept(lab: _Lab, told: Told, per_year: float) -> list[Point]:
    found = []
    for values in lab.asked.points() if lab.asked.sweep else ():
        told(", ".join(f"{name}={value:g}" for name, value in values.items()))
        outcome = lab.run(values)
        curve = curve_of([as_line(outcome, lab.asked.cash)])
        found.append(point_of(values, curve, len(outcome.ended) + len(outcome.held), per_year))
    return found


def _worth(asked: Asked, recorded: RecordedChains | KeptChains, curve: Curve) -> tuple[Any, Any, Any]:
    """Return the days of the underlyings' bars, and the benchmark on them and on those of the curve."""
    panel = recorded.panel
    if asked.benchmark:
        panel = _only(panel, asked.benchmark.upper())
    days, inside = np.unique(day_numbers(panel.ends)), curve.ends // 86_400
    start = int(np.searchsorted(day_numbers(panel.ends), int(inside[0]), side="left"))
    return days, worth_of([panel], days), worth_of([panel[max(start - 1, 0) :]], inside)


def _only(panel: Panel, name: str) -> Panel:
    if name not in panel.symbols:
        raise ConfigurationError(f"--benchmark {name}: no bars of it; there is: {', '.join(panel.symbols)}")
    column = panel.column(name)
    columns = {one: getattr(panel, one)[:, [column]] for one in ("open", "high", "low", "close", "volume")}
    return replace(panel, symbols=(name,), **columns)


def _digest(asked: Asked, lab: _Lab, line: Line) -> str:
    """Return a hash of what went in and, since code changes too, of the curve that came out, to the cent."""
    found = hashlib.sha256(np.round(line.equity, 2).tobytes())
    terms = (asked.limits, asked.cost_times, asked.cash, asked.benchmark, dict(asked.sweep))
    for part in (_symbols(asked), asked.strategies, dict(asked.values), terms, line.ends.tolist()):
        found.update(repr(part).encode())
    found.update(np.ascontiguousarray(lab.recorded.panel.close).tobytes())
    return found.hexdigest()[:20]
