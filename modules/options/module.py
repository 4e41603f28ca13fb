"""The options module: what it needs to see, what it would enter, how it looks after what it holds.

Trades structures of bounded loss, each as one order, and pairs of shares and contracts in safe steps. It decides; it
never places, reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import cast

from modules.options.entries import lot_entry, overlay_entry, structure_entry
from modules.options.exits import Situation, due, exit_order
from modules.options.holdings import entering, leaving, occupied, pairs, still_entering
from modules.options.lots import missing, pair_exits, wants_contract
from modules.options.marks import AnyQuote, mark, nearest_expiry, open_legs
from modules.options.parameters import OptionsParameters, StrategyName
from modules.options.playbook import ON_SHARES, STRATEGIES, suited
from modules.options.reading import DAILY, Reading, Views, is_fresh, memory, narrowed, read, today
from modules.options.regime import Regime
from modules.options.sensitivities import unit_greeks
from modules.options.universe import underlying_of
from orchestrator.domain.base import ModuleName
from orchestrator.domain.chains import ladder
from orchestrator.domain.documents import BookDoc
from orchestrator.domain.flatten import leave, parts_of
from orchestrator.domain.greeks import Greeks
from orchestrator.domain.instruments import is_occ
from orchestrator.domain.market import DataRequest, OptionChain
from orchestrator.domain.opportunities import TradeOpportunity
from orchestrator.domain.parameters import Parameters
from orchestrator.domain.positions import Position
from orchestrator.module import Context, TradingModule

_LADDER_DAYS = 14
"""Calendar days beyond the wanted ones to which the ladder of expiries reaches."""


class OptionsModule(TradingModule):
    """Long calls, vertical spreads, covered calls and protective puts on liquid underlyings."""

    module_name = ModuleName.OPTIONS
    parameters_model = OptionsParameters

    _read: tuple[Context, dict[str, Reading]] | None = None

    @cached_property
    def views(self) -> Views:
        """Chains that were priced: a module that is asked again of the same recorded chains prices none twice."""
        return {}

    def request(self, book: BookDoc, parameters: Parameters, now: datetime) -> DataRequest:
        """Return daily bars, quotes and chains of the universe and of what is held.

        Held contracts are asked for by name too: a chain does not show a strike that the price has left far behind.
        """
        knobs = cast("OptionsParameters", parameters)
        held = (underlying_of(position.symbol) for position in book.positions.values())
        symbols = tuple(dict.fromkeys((*self._universe(), *held)))
        legs = (leg.symbol for position in book.positions.values() for leg in open_legs(position))
        expiries = [e for p in book.positions.values() if (e := nearest_expiry(p)) is not None]
        days = [(expiry - today(now)).days for expiry in expiries]
        return DataRequest(
            bars={DAILY: symbols},
            lookback_days={DAILY: _lookback_days(knobs)},
            quotes=tuple(dict.fromkeys((*symbols, *legs))),
            chains=symbols,
            min_days_to_expiry=max(min([knobs.selection.min_days, knobs.exits.exit_days, *days]), 0),
            max_days_to_expiry=max([knobs.selection.max_days, *days]),
        )

    def analyze(self, context: Context) -> list[TradeOpportunity]:
        """Return contracts that shares lack, then new structures, the most confident first."""
        if not context.market.session.is_open:
            return []
        fresh = sorted(self._entries(context), key=lambda found: (-found.confidence, found.symbol))
        return [*self._overlays(context), *fresh]

    def monitor(self, context: Context) -> list[TradeOpportunity]:
        """Return the orders that leave positions, at most one for each; one that is being left is left alone."""
        if not context.market.session.is_open:
            return []
        busy = leaving(context.book)
        seen = self._situations(context)
        return [_exit(context, seen[key], why) for key, why in self._due(context, seen).items() if key not in busy]

    def greeks(self, context: Context) -> Mapping[str, Greeks]:
        """Return the Greeks of one unit of each structure that this cycle's chain can price, by position id."""
        readings = self._readings(context)
        found = {
            key: unit_greeks(position, reading)
            for key, position in context.book.positions.items()
            if position.units > 0 and (reading := readings.get(underlying_of(position.symbol))) is not None
        }
        return {key: greeks for key, greeks in found.items() if greeks is not None}

    def remember(self, context: Context) -> Mapping[str, str]:
        """Return at-the-money volatility by session, and when each underlying was last held."""
        knobs = cast("OptionsParameters", context.parameters)
        return memory(context.book, self._readings(context), knobs, now=context.now)

    def chains_to_keep(self, context: Context, *, last: bool) -> Mapping[str, OptionChain]:
        """Return of each chain what entries are decided on and what is held; at the end of a session a ladder too.

        Whoever tries other parameters holds other contracts than the desk does: the ladder is what he can follow.
        """
        knobs, chains = cast("OptionsParameters", context.parameters), context.market.chains
        also = {leg.symbol for position in context.book.positions.values() for leg in open_legs(position)}
        if last:
            days = knobs.selection.target_days + _LADDER_DAYS
            rungs = (ladder(chain, context.now, most_days=days).contracts for chain in chains.values())
            also |= {one.symbol for contracts in rungs for one in contracts}
        return {symbol: narrowed(chain, knobs, now=context.now, also=also) for symbol, chain in chains.items()}

    def keeps_every(self, parameters: Parameters) -> timedelta:
        """Return the market time between two chains that are kept while nothing is traded."""
        return timedelta(minutes=cast("OptionsParameters", parameters).keep_minutes)

    def _universe(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(symbol for listed in self.config.universe.values() for symbol in listed))

    def _readings(self, context: Context) -> dict[str, Reading]:
        """Return the readings of a context; pricing a chain is kept for the calls of the same cycle."""
        if self._read is None or self._read[0] is not context:
            knobs = cast("OptionsParameters", context.parameters)
            found = read(context.market, knobs, book=context.book, now=context.now, views=self.views)
            self._read = (context, found)
        return self._read[1]

    def _entries(self, context: Context) -> Iterator[TradeOpportunity]:
        knobs, universe = cast("OptionsParameters", context.parameters), self._universe()
        taken = occupied(context.book, universe, reentry_days=knobs.exits.reentry_days, now=context.now)
        for symbol, reading in self._readings(context).items():
            if symbol in universe and symbol not in taken and reading.fresh and reading.regime is not None:
                found = (_entry(context, reading, reading.regime, name) for name in suited(reading.regime, knobs))
                yield from [entry for entry in found if entry is not None][:1]

    def _overlays(self, context: Context) -> Iterator[TradeOpportunity]:
        knobs, readings = cast("OptionsParameters", context.parameters), self._readings(context)
        found = pairs(context.book)
        if not found:
            return
        ending, waiting = (
            {*self._due(context, self._situations(context)), *leaving(context.book)},
            entering(context.book),
        )
        for pair in found:
            reading, lots = readings.get(pair.underlying), missing(pair, leaving=ending)
            if lots == 0 or pair.underlying in waiting or reading is None or not reading.fresh:
                continue
            if reading.regime is not None and wants_contract(pair, reading.regime):
                picks = STRATEGIES[cast("StrategyName", pair.strategy)](reading.view, reading.regime, knobs)
                entry = overlay_entry(reading, pair.strategy, picks, lots=lots, parameters=knobs, now=context.now)
                yield from [] if entry is None else [entry]

    def _situations(self, context: Context) -> dict[str, Situation]:
        """Return every open position with its worth, by id; what is not filled yet is not looked at."""
        readings = self._readings(context)
        return {
            key: _situation(context, position, readings.get(underlying_of(position.symbol)))
            for key, position in context.book.positions.items()
            if position.units > 0
        }

    def _due(self, context: Context, seen: Mapping[str, Situation]) -> dict[str, str]:
        """Return the positions to leave with the reason, in the order of the book."""
        whys = {key: why for pair in pairs(context.book) for key, why in pair_exits(pair, seen).items()}
        for key, each in seen.items():
            if each.position.strategy not in ON_SHARES and (why := due(each)) is not None:
                whys[key] = why
        return {key: whys[key] for key in seen if key in whys}


def _entry(context: Context, reading: Reading, regime: Regime, name: StrategyName) -> TradeOpportunity | None:
    knobs = cast("OptionsParameters", context.parameters)
    picks = STRATEGIES[name](reading.view, regime, knobs)
    if not picks:
        return None
    if name in ON_SHARES:
        quote = context.market.quotes.get(reading.underlying)
        return lot_entry(reading, name, quote, parameters=knobs, now=context.now)
    return structure_entry(reading, name, picks, parameters=knobs, now=context.now)


def _exit(context: Context, each: Situation, why: str) -> TradeOpportunity:
    """Return the order that leaves a position; of contracts that were delivered the shares first, which they hedge.

    No venue takes shares and several contracts as one order.
    """
    parts = [part for part in parts_of(each.position) if not is_occ(part.legs[0].symbol)]
    if parts and len(open_legs(each.position)) > 1:
        return leave(parts[0], context.book, context.market, context.now, reason=why)
    replaces = still_entering(context.book, each.position.id)
    return exit_order(each.position, each.worth, why=why, replaces=replaces, now=context.now)


def _situation(context: Context, position: Position, reading: Reading | None) -> Situation:
    knobs = cast("OptionsParameters", context.parameters)
    worth = mark(position, _quotes_of(position, context, reading))
    return Situation(
        position=position,
        worth=worth,
        trend=None if reading is None else reading.trend,
        spot=None if reading is None else reading.spot,
        session=context.market.session,
        rules=knobs.exits,
        now=context.now,
        fresh=worth.quote_ts is not None and is_fresh(worth.quote_ts, knobs, now=context.now),
    )


def _quotes_of(position: Position, context: Context, reading: Reading | None) -> dict[str, AnyQuote]:
    """Return the quotes of what is held: the chain's before one of its own."""
    own, chain = context.market.quotes, {} if reading is None else reading.quotes
    found = ((leg.symbol, chain.get(leg.symbol) or own.get(leg.symbol)) for leg in open_legs(position))
    return {symbol: quote for symbol, quote in found if quote is not None}


def _lookback_days(knobs: OptionsParameters) -> int:
    """Return calendar days that surely hold the sessions that trend and rank look back on."""
    sessions = max(
        knobs.trend.slow_days,
        knobs.trend.momentum_days + 1,
        knobs.volatility.history_days + knobs.volatility.realised_days + 1,
    )
    return int(sessions * 1.5) + 7
