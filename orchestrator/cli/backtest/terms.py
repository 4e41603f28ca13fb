"""What was asked of a backtest: its modules, knobs and terms, read from the command line and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.bootstrap import module_class
from orchestrator.domain.base import ModuleName
from orchestrator.domain.errors import ConfigurationError, ParameterOutOfBoundsError
from orchestrator.domain.parameters import Bounds, Parameters
from orchestrator.domain.scene import listed
from orchestrator.domain.tuning import Tunable
from orchestrator.settings import parse_universe

if TYPE_CHECKING:
    from ml.backtest.account import Account

CASH = 100_000.0
MOST_POINTS = 400
"""Points of a sweep."""
FEE_BPS = {ModuleName.CRYPTO: 40.0}
"""Fee of a side that a module's cost holds; the rest of that cost is half the spread."""
IMPACT = 1.0
"""Slippage of an order as large as its bar's volume, in expected moves of a bar: the square-root law's usual size."""
_BPS = 10_000.0


@dataclass(frozen=True)
class Asked:
    """What to run. `first` and `last` are days, both included; `values` by full name of the parameter.

    Parameters
    ----------
    symbols
        By module, as a person named them; a module that is not there has its own universe.
    sweep
        Values to try of each parameter.
    """

    modules: tuple[ModuleName, ...]
    strategies: tuple[str, ...]
    symbols: Mapping[ModuleName, tuple[str, ...]]
    first: datetime | None
    last: datetime | None
    cash: float = CASH
    fill: str = "next_open"
    limits: bool = True
    cost_times: float = 1.0
    values: Mapping[str, float] = field(default_factory=dict)
    sweep: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    benchmark: str = ""

    @cached_property
    def tunables(self) -> dict[ModuleName, Tunable]:
        """The modules, on the symbols that were named."""
        return {module: _tunable(module, self.symbols.get(module)) for module in self.modules}

    def points(self) -> list[dict[str, float]]:
        """Return every combination of the sweep's values."""
        return [dict(zip(self.sweep, point, strict=True)) for point in product(*self.sweep.values())]

    def parameters(self, module: ModuleName, changed: Mapping[str, float]) -> Parameters:
        """Return a module's parameters with what was set, and with one point of the sweep.

        Raises
        ------
        ParameterOutOfBoundsError
            A value is out of bounds.
        """
        model = self.tunables[module].model()
        own = {name: value for name, value in {**self.values, **changed}.items() if name in model.bounds()}
        return _with(model, own)

    def names(self, module: ModuleName) -> tuple[str, ...]:
        """Return the strategies of a module that were named; none = all that are enabled."""
        there = {one.name for one in self.tunables[module].strategies}
        return tuple(name for name in self.strategies if name in there)

    def wanted(self, module: ModuleName) -> tuple[str, ...]:
        """Return the symbols that a module's strategies trade or read, and the benchmark for the first module."""
        tunable, names = self.tunables[module], self.names(module)
        asked = [one for one in tunable.strategies if not names or one.name in names]
        symbols = (symbol for one in asked for symbol in listed(tunable.universe, (*one.trades, *one.reads)))
        more = (self.benchmark,) if self.benchmark and module is self.modules[0] else ()
        return tuple(dict.fromkeys((*self.symbols_of(module), *symbols, *more)))

    def symbols_of(self, module: ModuleName) -> tuple[str, ...]:
        """Return what a person named of a module, in the desk's form."""
        if module not in self.symbols:
            return ()
        universe = self.tunables[module].universe
        return listed(universe, tuple(universe))

    def account(self, module: ModuleName) -> Account:
        """Return the account that a module trades in."""
        from ml.backtest.account import Account, Costs, Fill, Limits, limits_of
        from orchestrator.domain.risk import RiskLimits

        fee = FEE_BPS.get(module, 0.0)
        half_spread = self.tunables[module].cost_bps - fee
        times = self.cost_times
        return Account(
            capital=self.cash,
            compound=True,
            fill=Fill(self.fill),
            costs=Costs(fee=fee * times / _BPS, half_spread=half_spread * times / _BPS, impact=IMPACT * times),
            limits=limits_of(RiskLimits(), module) if self.limits else Limits(),
        )


def modules_of(modules: Sequence[ModuleName], strategies: Sequence[str]) -> tuple[ModuleName, ...]:
    """Return the modules to run: those named, or those of the named strategies.

    Raises
    ------
    ConfigurationError
        Nothing is named, a strategy is not known, or it is of another module.
    """
    known = {name: module for module in ModuleName for name in _strategies(module)}
    for name in strategies:
        if name not in known:
            raise ConfigurationError(f"--strategy {name}: not known; one of {', '.join(known)}")
        if modules and known[name] not in modules:
            raise ConfigurationError(f"--strategy {name} is of {known[name]}, which is not among the modules")
    found = tuple(dict.fromkeys(modules)) or tuple(dict.fromkeys(known[name] for name in strategies))
    if not found:
        raise ConfigurationError("name a module (stocks, crypto, options) or a --strategy")
    return found


def _strategies(module: ModuleName) -> tuple[str, ...]:
    if module is ModuleName.OPTIONS:
        return tuple(getattr(module_class(module)[0].parameters_model(), "enabled", ()))
    return tuple(one.name for one in _tunable(module, None).strategies)


def symbols_of(text: str, modules: Sequence[ModuleName]) -> dict[ModuleName, tuple[str, ...]]:
    """Read `--symbols`: XLK,XLF for one module, else stocks=XLK,XLF crypto=BTC.

    Raises
    ------
    ConfigurationError
        It is neither, or names a module that does not run.
    """
    if not text.strip():
        return {}
    if "=" not in text:
        if len(modules) > 1:
            raise ConfigurationError("--symbols: several modules run: say whose, as in 'stocks=XLK,XLF crypto=BTC'")
        return {modules[0]: tuple(part.strip() for part in text.split(",") if part.strip())}
    found = parse_universe(text)
    for module in found:
        if module not in modules:
            raise ConfigurationError(f"--symbols: {module} is not among the modules that run")
    return dict(found)


def values_of(texts: Sequence[str], asked: Asked) -> dict[str, float]:
    """Read `--set name=value`.

    Raises
    ------
    ConfigurationError
        One is not of that form, or its parameter is not known.
    ParameterOutOfBoundsError
        A value is out of bounds.
    """
    found = {}
    for text in texts:
        name, bounds, value = _split(text, asked, "--set")
        found[name] = _number(value, name, bounds)
    return found


def sweep_of(texts: Sequence[str], asked: Asked) -> dict[str, tuple[float, ...]]:
    """Read `--sweep name=1,2,3` and `--sweep name=first:last:step`.

    Raises
    ------
    ConfigurationError
        One is not of that form, its parameter is not known, or there are too many points.
    ParameterOutOfBoundsError
        A value is out of bounds.
    """
    found: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, bounds, value = _split(text, asked, "--sweep")
        parts = _steps(value, name) if ":" in value else value.split(",")
        found[name] = tuple(dict.fromkeys(_number(part, name, bounds) for part in parts))
    count = 1
    for values in found.values():
        count *= len(values)
    if count > MOST_POINTS:
        raise ConfigurationError(f"--sweep: {count} points, at most {MOST_POINTS}")
    return found


def _split(text: str, asked: Asked, option: str) -> tuple[str, Bounds, str]:
    name, sign, value = text.partition("=")
    if not sign or not value:
        raise ConfigurationError(f"{option} {text!r}: expected NAME=VALUE, as in momentum.lookback=40")
    known = {key: bounds for tunable in asked.tunables.values() for key, bounds in tunable.model.bounds().items()}
    full = name if name in known else next((f"{s}.{name}" for s in asked.strategies if f"{s}.{name}" in known), "")
    if not full:
        near = get_close_matches(name, known, n=3) or sorted(known)[:3]
        raise ConfigurationError(f"{option} {name}: no such parameter; near: {', '.join(near)}")
    return full, known[full], value


def _steps(text: str, name: str) -> list[str]:
    asked = f"--sweep {name}={text}"
    try:
        first, last, step = (float(part) for part in text.split(":"))
    except ValueError:
        raise ConfigurationError(f"{asked}: expected first:last:step, as in momentum.lookback=20:60:10") from None
    if not (step > 0 and first <= last) or (last - first) / step > MOST_POINTS:
        raise ConfigurationError(f"{asked}: name the lower value first, a step above 0, at most {MOST_POINTS} values")
    return [f"{first + step * place:.10g}" for place in range(int((last - first) / step + 1e-9) + 1)]


def _number(text: str, name: str, bounds: Bounds) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ConfigurationError(f"{name}: {text!r} is not a number") from None
    if not bounds.low <= value <= bounds.high:
        raise ParameterOutOfBoundsError(f"{name}: {value:g} is not between {bounds.low:g} and {bounds.high:g}")
    if bounds.integer and value != int(value):
        raise ConfigurationError(f"{name}: {value:g} is not a whole number")
    return value


def _with(model: Parameters, values: Mapping[str, float]) -> Parameters:
    from ml.tuning.space import with_values

    return with_values(model, values)


def _tunable(module: ModuleName, symbols: tuple[str, ...] | None) -> Tunable:
    found: Tunable = import_module(f"modules.{module}.tuning").tunable(module_class(module)[1](symbols))
    return found


def grids_of(module: ModuleName, closes: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Return lot and leverage of each symbol, as the module trades it, at a price."""
    from decimal import Decimal

    instrument: Any = import_module(f"modules.{module}.universe").instrument
    found = {symbol: instrument(symbol, Decimal(repr(price))) for symbol, price in closes.items()}
    lots = {symbol: float(one.lot_size) for symbol, one in found.items()}
    return lots, {symbol: float(one.leverage) for symbol, one in found.items()}


def paths_of(paths: Sequence[Path] | None) -> tuple[Path, ...]:
    """Return the files and folders that were named."""
    return tuple(paths or ())
