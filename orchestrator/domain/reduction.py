"""The stated plan by which the desk cuts holdings that have grown past its limits. Pure, the same whoever asks.

A limit that holdings have outgrown by more than `reduce_above` is brought back to `reduce_to` of itself:

1. first concentration in a symbol, then in a sector or group, then a module's allocation, then the desk's own limits;
   what was cut for one counts for the next;
2. under one limit every position is cut by the same share of itself, the largest first, no further than needed;
3. in whole units (spreads, shares), rounded up; a rest that is too small to trade goes too;
4. shares that cover a written call stay, and nothing is ever added: each row says how much may be kept.

Tail risk is in proportion to the size of the book: cutting everything by one share cuts it by that share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from orchestrator.domain.base import ZERO, Amount, ModuleName, UtcTime, Value
from orchestrator.domain.positions import Position
from orchestrator.domain.risk import RiskLimits


class Breach(Value):
    """A limit that holdings have grown past, kept until they are back under it. USD."""

    name: str
    subject: str
    limit_usd: Amount
    observed_usd: Amount
    since: UtcTime


class Cut(Value):
    """One row of the plan: of a position that had `units`, only `keep` may stay."""

    module: ModuleName
    position_id: str
    symbol: str
    units: Amount
    keep: Amount
    cause: str
    """The limits that it is cut for."""


def due_units(cut: Cut, position: Position | None) -> Decimal:
    """Return how many units are still to leave; none once they have, or when a split has changed what a unit is."""
    if position is None or position.units > cut.units:
        return ZERO
    return max(ZERO, position.units - cut.keep)


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that was outgrown: `observed_usd` is to come down to `target_usd`."""

    key: str
    observed_usd: Decimal
    target_usd: Decimal
    module: ModuleName | None = None
    """Whose positions count; None = everybody's."""
    symbols: frozenset[str] | None = None
    """Positions of which symbols count; None = of all."""
    scales: bool = False
    """Whether it is in proportion to the size of the book (tail risk), not a part of it."""


def reduction_plan(
    held: Mapping[ModuleName, Sequence[Position]], excesses: Sequence[Excess], limits: RiskLimits
) -> tuple[Cut, ...]:
    """Return what to cut, the largest first; nothing while auto-reduction is off.

    Parameters
    ----------
    held
        Every open position, by module.
    excesses
        What was outgrown, in any order.
    """
    if not limits.auto_reduce:
        return ()
    draft = _Draft.of(held, limits.min_order_usd)
    for excess in sorted(excesses, key=_narrowest_first):
        draft.cut(excess)
    return draft.rows()


def _narrowest_first(excess: Excess) -> tuple[int, bool, bool, str]:
    breadth = len(excess.symbols) if excess.symbols is not None else 1_000_000
    return breadth, excess.module is None, excess.scales, excess.key


@dataclass(slots=True)
class _Slot:
    """A position while the plan is made."""

    module: ModuleName
    position: Position
    unit_usd: Decimal
    least: Decimal
    """Units that must stay: they cover something."""
    keep: Decimal
    causes: tuple[str, ...] = ()

    @property
    def usd(self) -> Decimal:
        return self.keep * self.unit_usd

    def cut(self, share: Decimal, min_order_usd: Decimal) -> Decimal:
        """Take away that share, rounded up to what can be traded; return the USD taken."""
        step = _step(self.position)
        wanted = max(self.keep * share, min_order_usd / self.unit_usd)
        units = min((wanted / step).to_integral_value(ROUND_UP) * step, self.keep - self.least)
        if self.least == 0 and (self.keep - units) * self.unit_usd < min_order_usd:
            units = self.keep
        self.keep -= units
        return units * self.unit_usd


@dataclass(slots=True)
class _Draft:
    slots: list[_Slot]
    min_order_usd: Decimal

    @classmethod
    def of(cls, held: Mapping[ModuleName, Sequence[Position]], min_order_usd: Decimal) -> _Draft:
        slots = [
            _Slot(
                module, position, position.gross_exposure / position.units, _covering(position, owned), position.units
            )
            for module, owned in held.items()
            for position in owned
            if position.units > 0 and position.gross_exposure > 0
        ]
        return cls(slots, min_order_usd)

    def cut(self, excess: Excess) -> None:
        counted = [
            slot
            for slot in self.slots
            if excess.module in {None, slot.module}
            and (excess.symbols is None or slot.position.symbol in excess.symbols)
        ]
        over = self._over(excess, counted)
        while over > 0 and (open_slots := [slot for slot in counted if slot.keep > slot.least]):
            share = min(Decimal(1), over / sum((slot.usd for slot in open_slots), ZERO))
            for slot in sorted(open_slots, key=lambda one: (-one.usd, one.position.id)):
                if over <= 0:
                    return
                over -= slot.cut(share, self.min_order_usd)
                slot.causes += (excess.key,)

    def _over(self, excess: Excess, counted: Sequence[_Slot]) -> Decimal:
        """Return the USD of holdings still to cut for an excess, what was cut before taken into account."""
        before = sum((slot.position.gross_exposure for slot in counted), ZERO)
        now = sum((slot.usd for slot in counted), ZERO)
        if not excess.scales:
            return excess.observed_usd - (before - now) - excess.target_usd
        if excess.observed_usd <= 0:
            return ZERO
        return now - before * excess.target_usd / excess.observed_usd

    def rows(self) -> tuple[Cut, ...]:
        cut = [slot for slot in self.slots if slot.causes]
        cut.sort(key=lambda one: ((one.keep - one.position.units) * one.unit_usd, one.position.id))
        return tuple(
            Cut(
                module=slot.module,
                position_id=slot.position.id,
                symbol=slot.position.symbol,
                units=slot.position.units,
                keep=slot.keep,
                cause="; ".join(dict.fromkeys(slot.causes)),
            )
            for slot in cut
        )


def _covering(position: Position, owned: Sequence[Position]) -> Decimal:
    """Return how many of these shares cover calls that the same module has written on them."""
    if len(position.legs) != 1 or position.legs[0].multiplier != 1:
        return ZERO
    written = [
        leg
        for other in owned
        if other.symbol == position.symbol and len(other.legs) == 1
        for leg in other.legs
        if leg.qty < 0 and leg.multiplier != 1
    ]
    return min(position.units, sum((-leg.qty * leg.multiplier for leg in written), ZERO))


def _step(position: Position) -> Decimal:
    """Return the smallest part a position is cut by: a share, a contract; of a coin its last decimal."""
    if position.module is not ModuleName.CRYPTO:
        return Decimal(1)
    exponent = position.units.normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, 0)) if isinstance(exponent, int) else Decimal(1)
