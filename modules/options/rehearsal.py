"""The strategies as functions of daily bars, for the guards that ask whether they look ahead or never forget.

Each session gets a chain priced by the model at its close, with a volatility that moves with the date alone. What is
asked on it is the module's own reading of the market and its own choice of contracts; all bars are handed over, the
later ones too, as a careless caller would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np

from modules.options.parameters import OptionsParameters
from modules.options.playbook import STRATEGIES, confidence
from modules.options.regime import Regime, Trend, VolRegime, regime_of
from modules.options.structures import Picks
from orchestrator.domain.chains import NEW_YORK, ChainView, view_of
from orchestrator.domain.instruments import OptionRight, occ_symbol
from orchestrator.domain.market import OptionChain, OptionQuote, Panel, Signals
from orchestrator.domain.orders import Side
from orchestrator.domain.pricing import price, terms
from orchestrator.domain.strategy import Strategy

SYMBOLS = ("SPY", "QQQ")
REASONS = ("unknown", *(f"{trend}, {volatility}" for trend in Trend for volatility in VolRegime))
_DAYS = (16, 30, 44)
_STRIKES = np.arange(0.85, 1.16, 0.025)
_HALF_SPREAD, _CENT = Decimal("0.02"), Decimal("0.01")
_YEAR_S = 365 * 86_400

Choice = Callable[[ChainView, Regime, OptionsParameters], Picks]


def rehearsed(pick: Choice, *, regime: Callable[..., Regime | None] = regime_of) -> Callable[..., Signals]:
    """Return a strategy's choice as signals: the target stands for the contracts, the reason for the regime."""

    def evaluate(panel: Panel, parameters: OptionsParameters) -> Signals:
        shape = panel.close.shape
        found = Signals(np.full(shape, np.nan), np.zeros(shape), np.zeros(shape, np.int64), REASONS)
        for row in range(parameters.warmup - 1, shape[0]):
            for column, symbol in enumerate(panel.symbols):
                if not math.isfinite(panel.close[row, column]):
                    continue
                view = _view(symbol, int(panel.ends[row]), float(panel.close[row, column]), parameters.rate)
                before = panel.ends[max(row - parameters.volatility.history_days, 0) : row]
                history = [_volatility(int(end)) for end in before]
                known = regime(view, panel, parameters, iv_history=history, row=row)
                if known is not None:
                    found.target[row, column] = _named(pick(view, known, parameters))
                    found.confidence[row, column] = confidence(known)
                    found.reason[row, column] = REASONS.index(f"{known.trend}, {known.volatility}")
        return found

    return evaluate


REHEARSED = tuple(Strategy(name, rehearsed(pick), trades=("underlyings",)) for name, pick in STRATEGIES.items())
"""Every strategy of the module, by its name."""


def _named(picks: Picks) -> float:
    """Return a number that differs where the contracts do; 0 = none were found."""
    signs = (1.0 if pick.side is Side.BUY else -1.0 for pick in picks)
    quotes = (pick.contract.quote for pick in picks)
    named = (
        place * sign * (float(quote.strike) + quote.expiry.toordinal())
        for place, (sign, quote) in enumerate(zip(signs, quotes, strict=True), 1)
    )
    return sum(named, 0.0)


def _volatility(end: int) -> float:
    """Return the made-up volatility of a session, fraction per year."""
    return 0.22 + 0.12 * math.sin(end / 86_400 / 9)


@lru_cache(maxsize=4096)
def _view(symbol: str, end: int, spot: float, rate: float) -> ChainView:
    """Return the priced chain of a session's close."""
    now = datetime.fromtimestamp(end, UTC)
    quotes = [
        quote for days in _DAYS for right in OptionRight for quote in _quotes(symbol, now, (spot, rate, days), right)
    ]
    chain = OptionChain(underlying=symbol, ts=now, spot=_cents(spot), contracts=tuple(quotes))
    return view_of(chain, now, rate=rate)


def _quotes(symbol: str, now: datetime, of: tuple[float, float, int], right: OptionRight) -> list[OptionQuote]:
    spot, rate, days = of
    expiry = now.astimezone(NEW_YORK).date() + timedelta(days=days)
    strikes = np.round(_STRIKES * spot)
    asked = terms(
        spot=spot, strike=strikes, years=days * 86_400 / _YEAR_S, rate=rate, is_call=right is OptionRight.CALL
    )
    middles = np.nan_to_num(price(asked, _volatility(int(now.timestamp()))))
    return [
        OptionQuote(
            symbol=occ_symbol(symbol, expiry, right, strike),
            expiry=expiry,
            right=right,
            strike=strike,
            ts=now,
            bid=max(_cents(float(middle)) - _HALF_SPREAD, _CENT),
            ask=max(_cents(float(middle)) + _HALF_SPREAD, 2 * _CENT),
        )
        for strike, middle in zip((Decimal(int(one)) for one in strikes), middles, strict=True)
    ]


def _cents(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(_CENT)
