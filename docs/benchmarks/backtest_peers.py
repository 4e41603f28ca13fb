"""One measured run of one engine on the bars of backtest.py; run by the Python of an environment that has the engine.

    python backtest_peers.py ENGINE MODE BARS.npz

Prints one line of JSON: processor seconds of the first and of each later run, the later ones by the clock too, what was
earned, the peak of memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

FEE, CASH, FAST, SLOW = 0.001, 100_000.0, 10, 30
ROUNDS = 7


def vectorbt(bars: dict[str, Any], mode: str, engine: str) -> Callable[[], dict[str, Any]]:
    """Return the run of vectorbt with its Rust or its numba engine."""
    import pandas as pd
    import vectorbt as vbt

    opened, close = pd.Series(bars["open"]), pd.Series(bars["close"])

    def portfolio(fast: Any, slow: Any) -> Any:
        enter = fast.ma_crossed_above(slow).shift(1, fill_value=False)
        leave = fast.ma_crossed_below(slow).shift(1, fill_value=False)
        return vbt.Portfolio.from_signals(
            close, enter, leave, price=opened, fees=FEE, init_cash=CASH, engine=engine, freq="1min"
        )

    def single() -> dict[str, Any]:
        found = portfolio(vbt.MA.run(close, FAST), vbt.MA.run(close, SLOW))
        return {"final": float(found.final_value()), "portfolio": found}

    def sweep() -> dict[str, Any]:
        pairs = pairs_of(mode)
        fast = vbt.MA.run(close, [one[0] for one in pairs], short_name="fast")
        slow = vbt.MA.run(close, [one[1] for one in pairs], short_name="slow")
        return {"final": float(np.sum(portfolio(fast, slow).final_value()))}

    return single if mode == "single" else sweep


def backtesting(bars: dict[str, Any], _mode: str, _engine: str) -> Callable[[], dict[str, Any]]:
    """Return the run of backtesting.py."""
    import pandas as pd
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    names = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
    index = pd.to_datetime(bars["ends"], unit="s")
    frame = pd.DataFrame({name: bars[key] for name, key in names.items()}, index=index)

    def mean(values: Any, window: int) -> Any:
        return pd.Series(values).rolling(window).mean()

    class Crossing(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(mean, self.data.Close, FAST)
            self.slow = self.I(mean, self.data.Close, SLOW)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()

    def single() -> dict[str, Any]:
        stats = Backtest(frame, Crossing, cash=CASH, commission=FEE, finalize_trades=True).run()
        return {"final": float(stats["Equity Final [$]"])}

    return single


def pairs_of(mode: str) -> list[tuple[int, int]]:
    """Return the windows of a sweep over that many pairs, `sweep1000` or fewer of them."""
    pairs = [(fast, slow) for slow in range(30, 280, 5) for fast in range(5, 25)]
    return pairs[:: 1000 // int(mode.removeprefix("sweep"))]


def agreement(portfolio: Any) -> dict[str, Any]:
    """Return what another engine is compared with: equity before the last bar, and the closed trades."""
    records = portfolio.trades.records
    closed = records[records["status"] == 1]
    return {
        "equity": float(portfolio.value().iloc[-2]),
        "trades": len(closed),
        "entries": int(closed["entry_idx"].sum()),
        "exits": int(closed["exit_idx"].sum()),
        "gains": float(closed["pnl"].sum()),
    }


def main(engine: str, mode: str, file: str) -> None:
    """Measure and print."""
    bars = dict(np.load(file))
    name, _, variant = engine.partition("-")
    run = {"vectorbt": vectorbt, "backtesting": backtesting}[name](bars, mode, variant or "numba")
    seconds, clock, found = [], [], {}
    for _ in range(2 if mode != "single" or name == "backtesting" else ROUNDS):
        started = time.process_time(), time.perf_counter()
        found = run()
        seconds.append(time.process_time() - started[0])
        clock.append(time.perf_counter() - started[1])
    told: dict[str, Any] = {"first": seconds[0], "seconds": seconds[1:], "clock": clock[1:], "final": found["final"]}
    if "portfolio" in found:
        told["agreement"] = agreement(found["portfolio"])
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
