"""Record what vectorbt makes of a small seeded series, for the test that holds the engine to it.

    python backtest_recorded.py > tests/golden/vectorbt_crossing.json

Run it by a Python that has vectorbt; the project does not. A crossing of means is bought and sold at the next open with
all the cash there is, at a fee of 0.1 % a side: where the models of both engines coincide.
"""

from __future__ import annotations

import json

import numpy as np

FEE, CASH, FAST, SLOW, ROWS = 0.001, 100_000.0, 5, 12, 240


def recorded() -> dict[str, object]:
    """Return bars, trades and equity."""
    import pandas as pd
    import vectorbt as vbt

    chance = np.random.default_rng(4)
    closes = np.round(100 * np.exp(np.cumsum(chance.normal(0, 0.01, ROWS))), 4)
    opens = np.round(np.concatenate([[100.0], closes[:-1]]) * (1 + chance.normal(0, 0.002, ROWS)), 4)
    close, fast, slow = pd.Series(closes), vbt.MA.run(pd.Series(closes), FAST), vbt.MA.run(pd.Series(closes), SLOW)
    enter = fast.ma_crossed_above(slow).shift(1, fill_value=False)
    leave = fast.ma_crossed_below(slow).shift(1, fill_value=False)
    found = vbt.Portfolio.from_signals(
        close, enter, leave, price=pd.Series(opens), fees=FEE, init_cash=CASH, freq="1min"
    )
    closed = found.trades.records[found.trades.records["status"] == 1]
    names = {"entry_idx": int, "exit_idx": int, "size": float, "entry_price": float, "exit_price": float, "pnl": float}
    return {
        "by": f"vectorbt {vbt.__version__}",
        "terms": {"fee": FEE, "cash": CASH, "fast": FAST, "slow": SLOW},
        "open": opens.tolist(),
        "close": closes.tolist(),
        "trades": [{name: kind(row[name]) for name, kind in names.items()} for _, row in closed.iterrows()],
        "equity": found.value().tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(recorded()))
