"""Which of the owner's limits were in force when: every version that a command wrote is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml.backtest.account import Limits, limits_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import decode
from orchestrator.domain.documents import CONFIG_RISK, RiskLimitsDoc, limits_version_path
from orchestrator.domain.risk import RiskLimits
from orchestrator.ports import Snapshot, Store


@dataclass(frozen=True, slots=True)
class Reign:
    """Limits from a time on, until those of the next one."""

    since: datetime
    limits: RiskLimits


def reigns(store: Store, stored: Snapshot | None, begin: datetime, module: ModuleName) -> tuple[Reign, ...]:
    """Return the limits that were in force from `begin` on, oldest first: of changes only those a backtest keeps.

    Parameters
    ----------
    stored
        `config/risk` as read; None = it is not there, and the defaults are in force.

    Notes
    -----
    The oldest one may be younger than `begin`: then nobody kept what was in force before.

    Raises
    ------
    MalformedDataError
        A version is damaged; the message names it.
    """
    if stored is None:
        return (Reign(begin, RiskLimits()),)
    current = decode(RiskLimitsDoc, stored.data, where=CONFIG_RISK)
    versions = [current, *_before(store, current, begin)][::-1]
    found = [Reign(versions[0].updated_at, versions[0].limits)]
    for one in versions[1:]:
        if _kept(one.limits, module) != _kept(found[-1].limits, module):
            found.append(Reign(one.updated_at, one.limits))
    return tuple(found)


def _kept(limits: RiskLimits, module: ModuleName) -> Limits | RiskLimits:
    """Return what of the limits a backtest of the module keeps: that of options keeps all."""
    return limits if module is ModuleName.OPTIONS else limits_of(limits, module)


def _before(store: Store, current: RiskLimitsDoc, begin: datetime) -> Iterator[RiskLimitsDoc]:
    """Yield the versions before one, newest first, down to the one that was in force at `begin`."""
    newest = current
    while newest.updated_at > begin and newest.version > 0:
        path = limits_version_path(newest.version - 1)
        found = store.get_many([path])
        if path not in found:
            return
        newest = decode(RiskLimitsDoc, found[path].data, where=path)
        yield newest


def at(known: Sequence[Reign], moment: datetime) -> RiskLimits:
    """Return the limits that were in force at a time; before the oldest that is known, those."""
    return [known[0], *(one for one in known if one.since <= moment)][-1].limits
