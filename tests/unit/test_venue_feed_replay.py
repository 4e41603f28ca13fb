"""A small folder replayed: what is known when, quotes, chains, actions, joins and the messages of what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.domain.errors import ConfigurationError, MalformedDataError, MissingDataError
from tests.venue_feed_folder import BARS, CHAIN, DAILY, GREEKS, daily, minute, week, write
from venue.feed import AssetKind, CorporateAction
from venue.replay import ReplayFeed, parse_universe
from venue.replay.quotes import SpreadModel

STOCKS = {AssetKind.STOCK: ("XLK",)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def replay(root: Path, words: str, start: str = "2026-07-16", end: str = "2026-07-17") -> ReplayFeed:
    return ReplayFeed(root, date.fromisoformat(start), date.fromisoformat(end), parse_universe([words]))


def test_default_universe_is_what_the_folder_has(tmp_path: Path) -> None:
    feed = ReplayFeed(week(tmp_path), date(2026, 7, 16), date(2026, 7, 17))
    assert sorted(feed.assets()) == ["BTC/USD", "ETH/USD", "SPY", "XLK"]
    assert feed.underlyings() == ("SPY",)
    assert feed.synthetic is False
    assert feed.name.startswith("replay of ")


def test_daily_bar_gives_its_open_and_its_close(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "stocks=XLK")
    moments = [moment.time for moment in feed.schedule(feed.now, feed.end)]
    assert moments == [at(f"2026-07-{day}T{time}") for day in (16, 17) for time in ("13:30:00", "19:59:59")]
    feed.advance(at("2026-07-16T13:30"))
    quote = feed.quote("XLK")
    assert quote is not None
    assert (quote.last, quote.bid, quote.ask) == (Decimal(102), Decimal("101.98"), Decimal("102.02"))
    assert quote.bid_size == 50  # 5 % of the day before: this day's volume is not known yet
    assert len(feed.bars("XLK", 1440, at("2026-01-01"), at("2027-01-01"))) == 3


def test_open_is_told_before_and_close_after_the_bar_is_complete(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "stocks=XLK")
    first = feed.advance(at("2026-07-16T19:59:58"))
    assert (first.bars, first.quotes) == ((), ("XLK",))
    second = feed.advance(at("2026-07-16T20:00"))
    assert [(symbol, bar.close) for symbol, bar in second.bars] == [("XLK", Decimal(103))]
    assert [session.day for session in second.sessions_closed] == [date(2026, 7, 16)]
    quote = feed.quote("XLK")
    assert quote is not None
    assert (quote.last, quote.ts) == (Decimal(103), at("2026-07-16T19:59:59"))


def test_spread_model_is_a_parameter(tmp_path: Path) -> None:
    model = SpreadModel(stock_half_bps=Decimal(100), participation=Decimal(1))
    feed = ReplayFeed(week(tmp_path), date(2026, 7, 16), date(2026, 7, 17), STOCKS, spread=model)
    quote = feed.quote("XLK")
    assert quote is not None
    assert (quote.last, quote.bid, quote.ask) == (Decimal(102), Decimal("100.98"), Decimal("103.02"))
    assert quote.ask_size == 1000


def test_time_does_not_go_back(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "stocks=XLK")
    with pytest.raises(MissingDataError, match="it cannot go back to"):
        feed.advance(feed.now - timedelta(seconds=1))


def test_coarse_data_has_no_finer_bars(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "stocks=XLK crypto=ETH")
    feed.advance(feed.end)
    always = (at("2020-01-01"), at("2030-01-01"))
    assert feed.bars("XLK", 60, *always) == []
    assert feed.bars("ETH/USD", 5, *always) == []
    assert [len(feed.bars("ETH/USD", minutes, *always)) for minutes in (15, 30, 60, 1440)] == [95, 47, 23, 0]
    assert feed.bars("NONE", 60, *always) == []


def test_quotes_of_a_period_without_prints_are_none(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "crypto=ETH")
    assert feed.quote("ETH/USD") is not None  # the open of the first bar, at the start itself
    assert feed.quote("XLK") is None
    assert feed.quote("SPY260724C00600000") is None
    assert feed.chain("SPY") is None
    assert feed.actions("ETH/USD") == []


def test_chain_at_the_close_is_moved_before_it_and_uses_the_official_close(tmp_path: Path) -> None:
    feed = replay(week(tmp_path), "options=SPY")
    assert feed.chain("SPY") is None
    told = feed.advance(at("2026-07-17T19:59:59"))
    assert told.chains == ("SPY",)
    chain = feed.chain("SPY")
    assert chain is not None
    assert (chain.ts, chain.underlying_price) == (feed.now, Decimal(604))
    call, put = chain.contracts["SPY260724C00600000"], chain.contracts["SPY260724P00600000"]
    assert (call.bid, call.ask, call.bid_size, call.iv) == (Decimal("8.1"), Decimal("8.3"), Decimal(20), 0.15)
    assert (put.bid, put.bid_size, put.iv) == (None, Decimal(0), None)
    quote = feed.quote("SPY260724C00600000")
    assert quote is not None
    assert (quote.ts, quote.ask, quote.last) == (chain.ts, Decimal("8.3"), Decimal("8.2"))
    assert feed.quote("SPY260724C00601000") is None


def test_contract_that_left_the_list_keeps_its_last_quote(tmp_path: Path) -> None:
    rows = [
        "2026-07-16T15:59:59,2026-07-16T20:48:17Z,605.5,2026-07-24,C,590,18.1,18.3,18.2,10,20,0.15",
        "2026-07-17T15:59:59,2026-07-17T20:48:17Z,605.5,2026-07-24,C,600,8.1,8.3,8.2,10,20,0.15",
    ]
    write(week(tmp_path), "options/chains_2026/SPY_eod.csv.gz", CHAIN, *rows)
    feed = replay(tmp_path, "options=SPY")
    feed.advance(feed.end)
    quote = feed.quote("SPY260724C00590000")
    assert quote is not None
    assert quote.ts == at("2026-07-16T19:59:59")


def test_unusable_rows_of_a_chain_are_counted(tmp_path: Path) -> None:
    head = "2026-07-16T15:00:00Z,100"
    tail = "1,1,0.2,{delta},0.1,-0.1,0.1,0.1,cboe"
    good = "XLK260724C00100000,2026-07-24,C,100,1.0,1.2,1.1," + tail.format(delta="0.5")
    rows = [
        f"{head},{good}",
        f"{head},{good}",
        f"{head},XLK260724C00101000,2026-07-24,C,101,1.0,1.2,1.1,{tail.format(delta='')}",
        f"{head},XLK260724C00102000,2026-07-24,C,102,1.3,1.2,1.1,{tail.format(delta='0.4')}",
        f"{head},XLK260724C00103000,2026-07-24,C,103,,,1.1,{tail.format(delta='0.3')}",
        f"{head},XLK260710C00100000,2026-07-10,C,100,1.0,1.2,1.1,{tail.format(delta='0.5')}",
        f"2026-07-17T02:50:00Z,100,{good}",
    ]
    write(week(tmp_path), "options/chains_greeks_2026/XLK.csv.gz", GREEKS, *rows)
    feed = replay(tmp_path, "options=XLK")
    feed.advance(feed.end)
    chain = feed.chain("XLK")
    assert chain is not None
    assert list(chain.contracts) == ["XLK260724C00100000"]
    assert chain.contracts["XLK260724C00100000"].delta == 0.5
    assert chain.underlying_price == 100  # the file's own price: it was taken with the quotes
    assert feed.report()["options/chains_greeks_2026/XLK.csv.gz"] == {
        "contract twice in a snapshot (first kept)": 1,
        "crossed quote (bid above ask)": 1,
        "dead contract (no Greeks)": 1,
        "expired contract": 1,
        "no quote on either side": 1,
        "snapshot taken with the market closed (stale quotes)": 1,
    }


def test_chain_with_another_right_is_refused(tmp_path: Path) -> None:
    row = "2026-07-16T15:59:59,2026-07-16T20:48:17Z,605.5,2026-07-24,X,590,18.1,18.3,18.2,10,20,0.15"
    write(week(tmp_path), "options/chains_2026/SPY_eod.csv.gz", CHAIN, row)
    feed = replay(tmp_path, "options=SPY")
    with pytest.raises(MalformedDataError, match="line 2, column right: expected C or P, found 'X'"):
        feed.schedule(feed.now, feed.end)


def test_steps_of_adj_close_are_dividends(tmp_path: Path) -> None:
    rows = [daily("2026-07-15", 200, adj=198), daily("2026-07-16", 200, adj=200), daily("2026-07-17", 200, adj=199)]
    write(tmp_path, "equity/daily/recent/XLK.csv.gz", DAILY, *rows)
    feed = replay(tmp_path, "stocks=XLK")
    assert feed.actions("XLK") == []
    assert feed.advance(at("2026-07-16T13:29:59")).actions == ()
    told = feed.advance(at("2026-07-16T13:30")).actions
    assert told == (CorporateAction("XLK", date(2026, 7, 16), cash=Decimal("2.000")),)
    feed.advance(feed.end)
    assert feed.actions("XLK") == list(told)
    counted = feed.report()["equity/daily/recent/XLK.csv.gz"]
    assert counted == {"adj_close steps down (no dividend can do that, ignored)": 1}


def test_factor_file_tells_splits_and_dividends(tmp_path: Path) -> None:
    rows = [f"{day},700,701,699,700,100" for day in ("2014-06-05", "2014-06-06")]
    rows += [f"{day},100,101,99,100,700" for day in ("2014-06-09", "2014-06-10")]
    write(tmp_path, "equity/daily/lean_raw/AAPL.csv.gz", "date,open,high,low,close,volume", *rows)
    factors = tmp_path / "equity/daily/lean_raw/factor_files/AAPL.csv"
    factors.parent.mkdir()
    factors.write_text("20140605,0.99,0.142857,700\n20140606,1,0.142857,645.57\n20501231,1,1,0\n")
    feed = replay(tmp_path, "stocks=AAPL", "2014-06-05", "2014-06-10")
    assert feed.advance(feed.end).actions == (
        CorporateAction("AAPL", date(2014, 6, 6), cash=Decimal("7.000")),
        CorporateAction("AAPL", date(2014, 6, 9), ratio=Decimal(7)),
    )
    factors.write_text("20140605,0.99,x,700\n")
    broken = replay(tmp_path, "stocks=AAPL", "2014-06-05", "2014-06-10")
    with pytest.raises(MalformedDataError, match="line 1: expected yyyymmdd,price_factor,split_factor"):
        broken.advance(broken.end)


def test_tiingo_columns_tell_splits_and_dividends(tmp_path: Path) -> None:
    header = "symbol,date,open,high,low,close,volume,divCash,splitFactor"
    rows = ["VTI,2017-03-24,1,2,1,1,5,0.5,1.0", "GLD,2017-03-24,1,2,1,1,5,0,1.0", "VTI,2017-03-27,1,2,1,1,5,0,1.5"]
    write(tmp_path, "equity/daily/etf_dividends/all.csv.gz", header, *rows)
    feed = replay(tmp_path, "stocks=VTI,GLD", "2017-03-24", "2017-03-27")
    assert feed.advance(feed.end).actions == (
        CorporateAction("VTI", date(2017, 3, 24), cash=Decimal("0.500")),
        CorporateAction("VTI", date(2017, 3, 27), ratio=Decimal("1.5")),
    )


def test_older_source_on_another_basis_is_scaled_to_join(tmp_path: Path) -> None:
    root = week(tmp_path)
    days = ["2026-07-09", "2026-07-10", "2026-07-13", "2026-07-14", "2026-07-15"]
    closes = [46, 48, 50, 50.5, 51]
    rows = [f"{day},{close},{close},{close},{close},10" for day, close in zip(days, closes, strict=True)]
    where = "equity/daily/leveraged_adjusted/XLK.csv.gz"
    write(root, where, "date,open,high,low,close,volume", *rows)
    feed = replay(root, "stocks=XLK")
    bars = feed.bars("XLK", 1440, at("2026-01-01"), at("2027-01-01"))
    assert [bar.close for bar in bars] == [92, 96, 100, 101, 102]
    assert feed.notes()[where] == ["XLK: prices scaled by 2 to join, measured on 3 common days"]


def test_source_that_cannot_be_compared_is_left_out(tmp_path: Path) -> None:
    root = week(tmp_path)
    where = "equity/daily/other/XLK.csv.gz"
    write(root, where, DAILY, daily("2020-01-02", 5))
    feed = replay(root, "stocks=XLK")
    assert len(feed.bars("XLK", 1440, at("2019-01-01"), feed.now)) == 3
    assert "left out, no day in common" in feed.notes()[where][0]


def test_recorded_quotes_are_served_as_they_are(tmp_path: Path) -> None:
    header = "ts_utc,bid_open,bid_high,bid_low,bid_close,bid_size,ask_open,ask_high,ask_low,ask_close,ask_size"
    stamps = [f"2026-07-16T13:3{n}:00Z" for n in range(4)]
    write(tmp_path, "equity/minute/lean/SPY_trade.csv.gz", BARS, *(minute(stamp, 600) for stamp in stamps))
    rows = [f"{stamps[0]},599,600,599,599.5,7,601,601,600,600.25,9", f"{stamps[1]},601,601,601,601,7,600,600,600,600,9"]
    write(tmp_path, "equity/minute/lean/SPY_quote.csv.gz", header, *rows)
    feed = replay(tmp_path, "stocks=SPY")
    feed.advance(at("2026-07-16T13:31"))
    quote = feed.quote("SPY")
    assert quote is not None
    assert (quote.bid, quote.ask, quote.bid_size, quote.ask_size) == (
        Decimal("599.5"),
        Decimal("600.25"),
        Decimal(7),
        Decimal(9),
    )
    feed.advance(at("2026-07-16T13:32"))
    modelled = feed.quote("SPY")
    assert modelled is not None
    assert modelled.bid == Decimal("599.94")  # the crossed quote is dropped, the model takes over
    assert feed.report()["equity/minute/lean/SPY_quote.csv.gz"] == {"crossed quote (bid above ask)": 2}


def test_finer_bars_win_and_coarser_ones_fill_the_rest_of_a_day(tmp_path: Path) -> None:
    root = week(tmp_path)
    stamps = [f"2026-07-16T13:{minute_:02d}:00Z" for minute_ in (30, 35, 40, 45)]
    write(root, "equity/5min/XLK.csv.gz", BARS, *(minute(stamp, 102.5) for stamp in stamps))
    feed = replay(root, "stocks=XLK")
    told = feed.advance(at("2026-07-16T23:00"))
    assert [bar.end.minute for _, bar in told.bars] == [35, 40, 45]
    quote = feed.quote("XLK")
    assert quote is not None
    assert (quote.last, quote.ts) == (
        Decimal(103),
        at("2026-07-16T19:59:59"),
    )  # the daily close is the day's last print


def test_unknown_symbol_names_where_it_looked_and_what_exists(tmp_path: Path) -> None:
    root = week(tmp_path)
    with pytest.raises(ConfigurationError) as error:
        replay(root, "stocks=XYZ")
    assert str(error.value) == f"stocks: no file of XYZ under {root / 'equity'}; there is: SPY, XLK"
    with pytest.raises(ConfigurationError, match=r"options: no file of QQQ under .*options; there is: SPY"):
        replay(root, "options=QQQ")
    with pytest.raises(ConfigurationError, match=r"crypto: no file of DOGE/USD under .*; there is: BTC/USD, ETH/USD"):
        replay(root, "crypto=DOGE")


def test_period_without_data_names_what_exists(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        replay(week(tmp_path), "stocks=XLK", "2020-01-02", "2020-02-03")
    there = "equity/daily/recent/XLK.csv.gz 2026-07-13..2026-07-17"
    assert str(error.value) == f"stocks: XLK has no data in 2020-01-02..2020-02-03; there is: {there}"


def test_period_between_two_bars_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="BTC/USD has no data in 2026-07-18"):
        replay(week(tmp_path), "crypto=BTC", "2026-07-18", "2026-07-18")  # its only bar may be unfinished


def test_wrong_folder_and_wrong_period_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expected a folder with equity/, options/ or crypto/ in it"):
        ReplayFeed(tmp_path / "nowhere", date(2026, 7, 16), date(2026, 7, 17))
    week(tmp_path)
    with pytest.raises(ConfigurationError, match="the end is before the start"):
        replay(tmp_path, "stocks=XLK", "2026-07-17", "2026-07-16")
    with pytest.raises(ConfigurationError, match="expected a time with a time zone"):
        ReplayFeed(tmp_path, datetime(2026, 7, 16), date(2026, 7, 17))


def test_malformed_file_is_refused_when_its_symbol_is_used(tmp_path: Path) -> None:
    root = week(tmp_path)
    path = write(root, "equity/daily/recent/XLK.csv.gz", DAILY, daily("2026-07-16", 10), "2026-07-17,a,1,1,1,1,1")
    with pytest.raises(MalformedDataError) as error:
        replay(root, "stocks=XLK")
    assert str(error.value) == f"{path}: line 3, column open: expected a number, found 'a'"
    assert replay(root, "stocks=SPY").quote("SPY") is not None


def test_universe_has_a_text_form() -> None:
    assert parse_universe(["stocks=XLK,xlf", "options=SPY crypto=BTC,ETH/USD"]) == {
        AssetKind.STOCK: ("XLK", "XLF"),
        AssetKind.OPTION: ("SPY",),
        AssetKind.CRYPTO: ("BTC/USD", "ETH/USD"),
    }
    with pytest.raises(ConfigurationError, match="'bonds=TLT' is not of the form stocks=XLK,XLF"):
        parse_universe(["bonds=TLT"])
