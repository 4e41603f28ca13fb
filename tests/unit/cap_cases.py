"""Candidates with room for ten units, none, and less than none under every cap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from orchestrator.domain.base import ModuleName
from orchestrator.domain.documents import AccountView, ModuleExposure
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.market import Quote
from orchestrator.domain.risk import DenialCode, RiskLimits
from orchestrator.domain.rules import Candidate
from orchestrator.domain.rules.caps import desk_room_left, symbol_room_left
from orchestrator.domain.rules.room import SUM_CODES
from orchestrator.domain.tape import Tape
from tests.builders import NOW, book, exposure, opportunity
from tests.unit.risk_cases import FREE, ONE, UNIT, C, Case, D, candidate, others, spread, traded

OWN = {"symbol_concentration", "sector_concentration", "group_concentration"}
"""The caps that a symbol has of its own."""


def cap_cases() -> Iterator[Case]:
    """Yield the rows of every cap: room for 10 units and a half, none, and less than none."""
    for code, name, make in _caps():
        yield Case(code, name, "inside", make(D("10.5") * UNIT), denied=False)
        yield Case(code, name, "at", make(D(0)), denied=True)
        yield Case(code, name, "outside", make(D(-1)), denied=True)


def room_cases() -> Iterator[Case]:
    """Yield the rows of the rules on sums of exposures: room for more than the least order, for it, for less."""
    for code, name, make in _caps():
        if name in SUM_CODES:
            rule = symbol_room_left if name in OWN else desk_room_left
            yield Case(code, rule, "inside", make(D("100.01")), denied=False)
            yield Case(code, rule, "at", make(D(100)), denied=False)
            yield Case(code, rule, "outside", make(D("99.99")), denied=True)


def _caps() -> Iterator[tuple[DenialCode, str, Any]]:
    """Yield each cap's code, name, and a maker of a candidate with so much room, USD of exposure."""

    def share(limits: RiskLimits = FREE, module: ModuleName = ModuleName.OPTIONS, **values: Any) -> Candidate:
        return replace(others(module, **values), limits=limits)

    wide = FREE.model_copy(update={"sector_concentration": ONE})
    yield (
        C.MODULE_ALLOCATION_ABOVE_MAX,
        "module_allocation",
        lambda r: share(module=ModuleName.STOCKS, held_usd=D(50_000) - r),
    )
    yield (
        C.STRATEGY_ALLOCATION_ABOVE_MAX,
        "strategy_allocation",
        lambda r: share(strategies={"momentum": D(30_000) - r}),
    )
    yield C.SYMBOL_CONCENTRATION_ABOVE_MAX, "symbol_concentration", lambda r: share(symbols={"XLK": D(15_000) - r})
    yield C.SECTOR_CONCENTRATION_ABOVE_MAX, "sector_concentration", lambda r: share(symbols={"ORCL": D(40_000) - r})
    yield C.GROUP_CONCENTRATION_ABOVE_MAX, "group_concentration", lambda r: share(wide, symbols={"MSFT": D(50_000) - r})
    yield C.VENUE_EXPOSURE_ABOVE_MAX, "venue_exposure", lambda r: share(venue="alpaca", held_usd=D(80_000) - r)
    yield C.GROSS_EXPOSURE_ABOVE_MAX, "gross_exposure", lambda r: share(venue="kraken", reserved_usd=D(100_000) - r)
    yield C.BUYING_POWER_BELOW_MIN, "buying_power", _with_cash
    yield C.NET_EXPOSURE_ABOVE_MAX, "net_exposure", lambda r: share(long_usd=D(150_000) - r)
    yield C.LEVERAGE_ABOVE_MAX, "leverage", lambda r: share(long_usd=D(100_000) - r, short_usd=D(100_000))
    yield C.DELTA_ABOVE_MAX, "greek_delta", lambda r: share(greeks={"XLK": Greeks(delta_usd=float(50_000 - r))})
    yield from _option_caps()
    yield from _loss_caps()
    thin = Tape(panels={1440: traded("XLK", 200)})
    yield (
        C.VOLUME_SHARE_ABOVE_MAX,
        "volume_share",
        lambda r: candidate(tape=thin, limits=FREE.model_copy(update={"volume_share": max(r, D(0)) / UNIT / 200})),
    )
    yield (
        C.VOLUME_SHARE_ABOVE_MAX,
        "volume_share",
        lambda r: candidate(limits=FREE.model_copy(update={"unseen_volume_usd": max(r, D(0))})),
    )
    shown = Tape(quotes={"XLK": Quote(symbol="XLK", ts=NOW, bid=D(99), ask=D(100), ask_size=ONE)})
    yield (
        C.TOUCH_SHARE_ABOVE_MAX,
        "touch_multiple",
        lambda r: candidate(tape=shown, limits=FREE.model_copy(update={"touch_multiple": max(r, D(0)) / UNIT})),
    )


def _with_cash(room: Decimal) -> Candidate:
    """Return the entry with so much buying power beside 5,000 that another module of the account has in flight."""
    venue = AccountView(venue="alpaca", cash=D(0), equity=D(100_000), buying_power=D(5000) + room, as_of=NOW)
    beside = others(ModuleName.OPTIONS, venue="alpaca", reserved_usd=D(5000))
    return replace(beside, book=book(account=venue), limits=FREE)


def _option_caps() -> Iterator[tuple[DenialCode, str, Any]]:
    """Yield the caps on Greeks; the unit is a spread with room for 10."""

    def holding(**greeks: float) -> Candidate:
        share = ModuleExposure(greeks={"SPY": Greeks(**({"delta_usd": 0.0} | greeks))})
        beside = exposure(modules={ModuleName.CRYPTO: share})
        bold = FREE.model_copy(update={"risk_per_trade": ONE, "position_vol": ONE})
        return candidate(opportunity=opportunity(**spread()), exposure=beside, limits=bold)

    def tenth(room: Decimal) -> float:
        return float(room / UNIT)

    yield C.GAMMA_ABOVE_MAX, "greek_gamma", lambda r: holding(gamma_usd=500_000 - 1000 * tenth(r))
    yield C.VEGA_ABOVE_MAX, "greek_vega", lambda r: holding(vega_usd=500 - 10 * tenth(r))
    yield C.THETA_ABOVE_MAX, "greek_theta", lambda r: holding(theta_usd=-200 + 5 * tenth(r))


def _loss_caps() -> Iterator[tuple[DenialCode, str, Any]]:
    """Yield the caps on the loss under shocks and of a day: 20 % of a unit, and its sigma at a tail."""

    def only(name: str, **share: Any) -> Candidate:
        limits = FREE.model_copy(update={name: D("0.07")})
        return candidate(exposure=exposure(modules={ModuleName.CRYPTO: ModuleExposure(**share)}), limits=limits)

    yield C.SHOCK_LOSS_ABOVE_MAX, "shock_loss", lambda r: only("shock_loss", shock_usd=(7000 - float(r) * 0.2,) * 18)
    daily = 0.2 / 252**0.5
    tails = {"var_95": 1.6448536, "var_99": 2.3263479, "cvar_95": 2.0627128, "cvar_99": 2.6652142}
    for name, tail in tails.items():
        code = C.CVAR_ABOVE_MAX if name.startswith("c") else C.VAR_ABOVE_MAX
        yield (
            code,
            name,
            lambda r, name=name, tail=tail: only(name, unseen_sigma_usd=(7000 - 1e-4) / tail - float(r) * daily),
        )
