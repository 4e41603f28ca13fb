"""A real venue's days: what the desk did as its backtest would is matched, and the rest has its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from ml.parity.compare import Made
from ml.parity.panels import Source
from ml.parity.report import Subject, compared
from modules.options.module import OptionsModule
from orchestrator.adapters.memory.market import MemoryMarketData
from orchestrator.adapters.memory.store import MemoryDataLayer
from orchestrator.domain.base import ModuleName
from orchestrator.domain.codec import encode
from orchestrator.domain.documents import (
    BookDoc,
    EquityDoc,
    EquityPoint,
    ParametersDoc,
    TradeDoc,
    book_path,
    equity_path,
    parameters_path,
    trade_path,
)
from orchestrator.domain.errors import MissingDataError
from orchestrator.domain.parity import MOST_TRADES
from orchestrator.domain.positions import Position, PositionLeg, Trade
from orchestrator.domain.tuning import Tunable
from orchestrator.module import deciding
from orchestrator.ports import Put
from tests.tuning_stage import PlantedParameters
from tests.unit.test_parity_engine import BARS, TUNABLE, at, grid, made

STOCKS, OPTIONS = ModuleName.STOCKS, ModuleName.OPTIONS
BEGIN, END = at(149), at(199)
COLUMNS = ("ends", "open", "high", "low", "close", "volume")
FIRST, LAST, NOW = at(150).date(), at(199).date(), at(199) + timedelta(days=1)


def nothing_stored(symbol, _minutes, _first, _last):
    raise MissingDataError(f"{symbol} was never published")


def market() -> MemoryMarketData:
    found = MemoryMarketData()
    for symbol, series in BARS.items():
        found.put_bars(1440, symbol, series)
    return found


def subject(*, asked: MemoryMarketData | None) -> Subject:
    return Subject(TUNABLE, grid, Source(nothing_stored, asked, NOW))


def a_trade(number: int, one: Made, **more) -> Trade:
    known = {
        "id": f"t{number}",
        "module": STOCKS,
        "strategy": one.strategy,
        "symbol": one.symbol,
        "qty": Decimal(repr(one.qty)),
        "entry_px": Decimal(repr(one.entry_px)),
        "exit_px": Decimal(repr(one.exit_px)),
        "opened_at": one.opened_at + timedelta(minutes=3),
        "closed_at": one.closed_at and one.closed_at + timedelta(minutes=3),
        "realized_pnl": Decimal(repr(one.profit)),
        "fees": Decimal(0),
        "entry_slippage_bps": 0.0,
        "exit_reason": "signal",
        "confidence": 0.5,
        "features": {"timeframe_minutes": 1440.0},
        "parameters_version": 1,
    }
    return Trade.model_validate({**known, **more})


def held(number: int, one: Made) -> Position:
    leg = PositionLeg(symbol=one.symbol, qty=Decimal(repr(one.qty)), avg_px=Decimal(repr(one.entry_px)))
    known = {"id": f"p{number}", "module": STOCKS, "strategy": one.strategy, "symbol": one.symbol, "legs": (leg,)}
    return Position.model_validate(
        {**known, "opened_at": one.opened_at, "entry_px": leg.avg_px, "decision_px": leg.avg_px}
    )


def desk(positions: list[Made], **more) -> MemoryDataLayer:
    """The store of a desk that made these positions with the planted strategy."""
    trades = [a_trade(number, one, **more) for number, one in enumerate(positions) if one.closed_at is not None]
    open_ones = [held(number, one) for number, one in enumerate(positions) if one.closed_at is None]
    values = PlantedParameters().model_dump(mode="json")
    point = EquityPoint(at=BEGIN, equity=Decimal(100_000))
    known = {"version": 1, "values": values, "activated_at": BEGIN, "activated_by": "test"}
    book = BookDoc(module=STOCKS, positions={one.id: one for one in open_ones}, updated_at=END)
    docs = {
        book_path(STOCKS): book,
        parameters_path(STOCKS): ParametersDoc.model_validate({"module": STOCKS, **known}),
        equity_path(BEGIN.date()): EquityDoc(month=f"{BEGIN:%Y%m}", points=(point,)),
    }
    for one in trades:
        docs[trade_path(one.id)] = TradeDoc(trade=one, module=STOCKS, strategy=one.strategy, closed_at=one.closed_at)
    store = MemoryDataLayer()
    store.commit([Put(path, encode(doc)) for path, doc in docs.items()])
    return store


def parity(store: MemoryDataLayer, *subjects: Subject):
    return compared(store, subjects, first=FIRST, last=LAST, now=NOW)


def test_a_desk_that_did_what_its_backtest_does_is_matched_on_bars_of_the_venue() -> None:
    positions = made(local=False)
    doc = parity(desk(positions), subject(asked=market()))
    assert doc.counts == {"matched": len(positions)}
    assert doc.gap_bps_max < 0.01
    assert abs(doc.gap_usd) < 1
    assert any(trade.live.closed_at is not None for trade in doc.trades)


def test_what_one_side_alone_entered_is_named() -> None:
    first, *others = made(local=False)
    later = Made(first.strategy, first.symbol, 5.0, END - timedelta(days=1, hours=1), 50.0)
    doc = parity(desk([*others, later]), subject(asked=market()))
    alone = {trade.fate: trade for trade in doc.trades if trade.fate != "matched"}
    assert set(alone) == {"only_live", "only_backtest"}
    assert alone["only_backtest"].symbol == first.symbol
    assert all(trade.beyond for trade in alone.values())


def test_what_the_backtest_enters_in_place_of_what_is_not_compared_is_not_compared() -> None:
    first, *others = made(local=False)
    left = first.opened_at + timedelta(minutes=40)
    gone = Made("retired", first.symbol, 5.0, first.opened_at - timedelta(days=3), 50.0, left, 51.0, 5.0)
    meanwhile = Made(first.strategy, first.symbol, 5.0, first.opened_at + timedelta(hours=13), 50.0)
    doc = parity(desk([*others, gone, meanwhile]), subject(asked=market()))
    told = {trade.why for trade in doc.trades if trade.fate == "not_compared" and trade.strategy == first.strategy}
    assert told == {
        f"the desk held {first.symbol}, which is not compared, in its place",
        f"the backtest held {first.symbol} from an entry before, which is not compared",
    }
    assert "only_backtest" not in doc.counts


def test_without_any_bars_everything_is_listed_and_nothing_compared() -> None:
    positions = made(local=False)
    doc = parity(desk(positions), subject(asked=None))
    assert doc.counts == {"not_compared": len(positions)}
    assert all("was never published" in trade.why for trade in doc.trades)
    assert not any(trade.beyond for trade in doc.trades)


def test_a_position_on_other_bars_is_not_compared() -> None:
    doc = parity(desk(made(local=False)[:1], features={"timeframe_minutes": 5.0}), subject(asked=market()))
    [one] = [trade for trade in doc.trades if trade.live is not None]
    assert (one.fate, one.why) == ("not_compared", "decided on bars of 5 minutes; those of 1440 are compared")


def options_parity(symbol: str):
    """The comparison of a desk that traded one contract, or a structure on one underlying, and kept no chains."""
    store, one = desk([]), replace(made(local=False)[0], symbol=symbol)
    trade = a_trade(1, one, module=OPTIONS, strategy="long_call")
    values = ParametersDoc(module=OPTIONS, version=1, values={}, activated_at=BEGIN, activated_by="test")
    docs = {
        book_path(OPTIONS): BookDoc(module=OPTIONS, updated_at=END),
        parameters_path(OPTIONS): values,
        trade_path("o1"): TradeDoc(trade=trade, module=OPTIONS, strategy="long_call", closed_at=trade.closed_at),
    }
    store.commit([Put(path, encode(doc)) for path, doc in docs.items()])
    tunable = Tunable(
        module=OPTIONS, model=PlantedParameters, universe={}, bars_per_year=lambda _minutes: 252.0, cost_bps=2.0
    )
    return parity(store, Subject(tunable, None, Source(nothing_stored, market(), NOW), deciding(OptionsModule, {})))


def test_options_of_which_no_chains_were_kept_are_listed_and_not_compared() -> None:
    for symbol in (made(local=False)[0].symbol, f"{made(local=False)[0].symbol}260821C00100000"):
        doc = options_parity(symbol)
        assert [(one.module, one.fate) for one in doc.trades] == [(OPTIONS, "not_compared")]
        assert doc.trades[0].why == "no chains were kept when it was entered"
        assert any("options: no chains were kept from" in note for note in doc.notes)


def test_bars_that_are_missing_are_those_of_a_contracts_underlying() -> None:
    doc = options_parity("XYZ260821C00100000")
    assert doc.trades[0].why.startswith("bars are missing: XYZ was never published")


def test_a_module_that_cannot_be_compared_is_a_note_and_keeps_no_other_from_it() -> None:
    store = desk(made(local=False))
    store.commit([Put(book_path(OPTIONS), {"schema": 1, "what": "damaged"})])
    broken = Tunable(
        module=OPTIONS, model=PlantedParameters, universe={}, bars_per_year=lambda _minutes: 252.0, cost_bps=2.0
    )
    doc = parity(store, Subject(broken, None, Source(nothing_stored, None, NOW)), subject(asked=market()))
    assert set(doc.counts) == {"matched"}
    assert any("options: not compared" in note and "books/options" in note for note in doc.notes)


def test_too_few_bars_before_a_position_are_its_reason() -> None:
    late = MemoryMarketData()
    for symbol, series in BARS.items():
        late.put_bars(1440, symbol, type(series)(*(getattr(series, name)[148:] for name in COLUMNS)))
    doc = parity(desk(made(local=False)[:1]), subject(asked=late))
    [one] = [trade for trade in doc.trades if trade.live is not None]
    assert one.fate == "not_compared"
    assert "bars are known before it" in one.why


def test_what_no_strategy_of_the_backtest_made_is_not_compared() -> None:
    doc = parity(desk(made(local=False)[:1], strategy="retired"), subject(asked=market()))
    assert "retired is no strategy of the backtest" in {trade.why for trade in doc.trades}


def test_a_document_keeps_the_newest_and_counts_all() -> None:
    first = made(local=False)[0]
    shifted = [
        Made(first.strategy, "GONE", 1.0, BEGIN + timedelta(hours=number), 50.0) for number in range(MOST_TRADES + 1)
    ]
    doc = parity(desk(shifted), subject(asked=market()))
    assert len(doc.trades) == MOST_TRADES
    assert sum(doc.counts.values()) > MOST_TRADES
