"""The risk of the sample desk: a month of reports, outgrown limits, and things in doubt. Every figure is invented."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from pydantic import BaseModel

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import BookDoc, ReductionDoc, RiskReportDoc, risk_report_path
from orchestrator.domain.foreign import ForeignHolding, ForeignOrder, How
from orchestrator.domain.orders import Side
from orchestrator.domain.reduction import Breach, Cut
from orchestrator.domain.reports import (
    DayActivity,
    Measure,
    PeriodPnl,
    Reading,
    ShockRow,
    StateChange,
    TailRow,
    UnderlyingRow,
)
from orchestrator.domain.risk import DeskState
from tests.browser import sample
from tests.browser.sample import CRYPTO, NOW, OPTIONS, STOCKS, minutes

DAYS = 12


def usd(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def _reading(name: str, limit: float, observed: float, subject: str = "desk", kind: str = "exposure") -> Reading:
    return Reading(name=name, subject=subject, measure=Measure(kind), limit_usd=usd(limit), observed_usd=usd(observed))


def limits() -> tuple[Reading, ...]:
    """Return what stands against each limit."""
    return (
        _reading("loss of the UTC day", 3_050, 0, kind="loss"),
        _reading("loss of the UTC week", 6_110, 1_240, kind="loss"),
        _reading("drawdown, reducing", 10_236, 292, kind="loss"),
        _reading("drawdown, halted", 15_355, 292, kind="loss"),
        _reading("VaR 95 %", 5_104, 1_832, kind="tail"),
        _reading("VaR 99 %", 7_145, 3_204, kind="tail"),
        _reading("CVaR 99 %", 9_186, 4_011, kind="tail"),
        _reading("worst shock", 30_621, 21_930, kind="tail"),
        _reading("gross exposure", 102_072, 61_998),
        _reading("net exposure", 153_108, 48_120),
        _reading("module allocation", 51_036, 43_300, "stocks"),
        _reading("module allocation", 30_622, 5_832, "options"),
        _reading("module allocation", 20_414, 8_824, "crypto"),
        _reading("symbol concentration", 15_311, 17_020, "XLK"),
        _reading("symbol concentration", 15_311, 9_537, "NVDA"),
        _reading("symbol concentration", 15_311, 5_538, "BTC/USD"),
        _reading("sector concentration", 40_829, 26_557, "technology"),
    )


def tails() -> tuple[TailRow, ...]:
    """Return both methods at both levels."""
    rows = (("historical", 0.95, 1_832, 2_540), ("historical", 0.99, 3_204, 4_011))
    rows += (("parametric", 0.95, 1_655, 2_075), ("parametric", 0.99, 2_340, 2_681))
    return tuple(
        TailRow.model_validate({"method": method, "level": level, "var_usd": usd(var), "cvar_usd": usd(cvar)})
        for method, level, var, cvar in rows
    )


def shocks() -> tuple[ShockRow, ...]:
    """Return the table of shocks."""
    return tuple(
        ShockRow(move=move, vol_points=vol, loss_usd=usd(-62_000 * move + 41_000 * move**2 + 96 * vol))
        for move in (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)
        for vol in (-5.0, 0.0, 10.0)
    )


def underlyings() -> tuple[UnderlyingRow, ...]:
    """Return sensitivities."""
    rows = (("SPY", 14_210, -61_500, -118, 42), ("XLK", 12_390, 0, 0, 0), ("NVDA", 9_537, 0, 0, 0))
    rows += (("AAPL", 7_860, 38_400, 64, -21), ("BTC/USD", 5_538, 0, 0, 0))
    return tuple(
        UnderlyingRow(underlying=name, delta_usd=usd(d), gamma_usd=usd(g), vega_usd=usd(v), theta_usd=usd(t))
        for name, d, g, v, t in rows
    )


def breach() -> Breach:
    return Breach(
        name="symbol concentration", subject="XLK", limit_usd=usd(15_311), observed_usd=usd(16_950), since=minutes(40)
    )


def reports() -> dict[str, RiskReportDoc]:
    """Return the report of the running day and of those before it."""
    found = {}
    for back in range(DAYS):
        gained = 418.22 if back == 0 else 520 * math.sin(back * 1.7) - 60
        day = (NOW - timedelta(days=back)).date()
        found[risk_report_path(day)] = RiskReportDoc(
            day=day,
            final=back > 0,
            state=DeskState.ACTIVE,
            equity=usd(102_071.67 - 170 * back),
            peak_equity=usd(102_364.05),
            drawdown=0.00286 + 0.0016 * back,
            pnl=PeriodPnl(day=usd(gained), week=usd(gained * 1.6 - 1_100)),
            modules={STOCKS: PeriodPnl(day=usd(gained * 0.7), week=usd(gained))},
            limits=limits(),
            tails=tails() if back < 9 else (),
            shocks=shocks(),
            underlyings=underlyings(),
            breaches={"symbol concentration: XLK": breach()} if back == 0 else {},
            activity=None if back == 0 else _activity(back),
            as_of=minutes(0 if back == 0 else 1_440 * back - 330),
        )
    return found


def _activity(back: int) -> DayActivity:
    change = StateChange(
        at=minutes(1_440 * back),
        to="REDUCING",
        by="risk",
        text="The desk is REDUCING (by risk): a loss of the UTC day.",
    )
    return DayActivity(
        orders={"FILLED": 9, "CANCELLED": 2, "REJECTED": 1},
        fills=13,
        denials={"CONFIDENCE_BELOW_MIN": 41, "SYMBOL_CONCENTRATION_ABOVE_MAX": 7, "QUOTE_AGE_ABOVE_MAX": 3},
        changes=(change,) if back == 3 else (),
    )


def reduction() -> ReductionDoc:
    """Return the limit that was outgrown and what is cut for it."""
    cut = Cut(
        module=STOCKS,
        position_id="sxlk-p",
        symbol="XLK",
        units=Decimal(48),
        keep=Decimal(43),
        cause="symbol concentration: XLK",
    )
    return ReductionDoc(breaches={"symbol concentration: XLK": breach()}, number=1, cuts=(cut,), planned_at=minutes(5))


def books() -> dict[str, BookDoc]:
    """Return the sample's books with what is in doubt in them."""
    found = sample.books()
    doubts: dict[ModuleName, dict[str, object]] = {
        STOCKS: {
            "naked": {"stqqq-p": 2},
            "quarantine": {"AAPL": "split 4:1 seen, the venue's quantity is awaited"},
            "foreign": {
                "TSLA": ForeignHolding(
                    qty=Decimal(12), price=usd(341.2), value_usd=usd(4_094.4), first_seen=minutes(2_900), how=How.FILL
                )
            },
            "foreign_orders": {
                "f-1": ForeignOrder(
                    symbol="TSLA",
                    side=Side.SELL,
                    qty=Decimal(12),
                    leaves=Decimal(12),
                    limit_price=Decimal(380),
                    seen_at=minutes(130),
                )
            },
        },
        OPTIONS: {},
        CRYPTO: {"drift": {"SOL/USD": Decimal("-0.35")}},
    }
    return {path: book.model_copy(update=doubts[book.module]) for path, book in found.items()}


def documents() -> Iterator[tuple[str, BaseModel]]:
    """Yield every document of risk with its path."""
    yield from books().items()
    yield from reports().items()
    yield "desk/reduction", reduction()
