"""What the options module keeps of a chain: enough to decide the same again, and a ladder that can be followed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from modules.options.module import OptionsModule
from modules.options.parameters import OptionsParameters, SelectionParameters
from modules.options.reading import narrowed
from orchestrator.domain.chains import ladder, view_of
from orchestrator.domain.instruments import OptionRight
from orchestrator.module import deciding
from tests.options_market import NOW, RATE, book_of, chain_of, closes, context_of, holding, market_of, quoted

DAYS = (2, 4, 7, 9, 12, 16, 23, 28, 29, 30, 31, 37, 44, 58)
CHAIN = chain_of("SPY", days=DAYS)
MODULE = deciding(OptionsModule, {"underlyings": ("SPY",)})


def context(**more: Any):
    market = market_of([CHAIN], {"SPY": closes()})
    return context_of(market, **more)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("target", [14, 30, 45])
def test_what_is_kept_is_priced_as_the_whole_chain_is(last, target) -> None:
    knobs = OptionsParameters(selection=SelectionParameters(target_days=target))
    [kept] = MODULE.chains_to_keep(context(parameters=knobs), last=last).values()
    again, once = (narrowed(one, knobs, now=NOW) for one in (kept, CHAIN))
    assert again == once
    assert repr(view_of(again, NOW, rate=RATE)) == repr(view_of(once, NOW, rate=RATE))  # NaN equals nothing


def test_what_is_kept_is_a_part_of_the_chain_with_what_is_held() -> None:
    far = quoted(CHAIN, days=58, right=OptionRight.CALL, strike=110)
    book = book_of(holding("long_call", [(far.symbol, 1, "1.00")]))
    [kept] = MODULE.chains_to_keep(context(book=book), last=False).values()
    assert far in kept.contracts
    assert {one.expiry for one in kept.contracts if one != far} == {
        NOW.date() + timedelta(days=days) for days in (4, 29, 30, 31)
    }


def test_a_ladder_shows_on_a_later_day_what_it_showed_before() -> None:
    seen = {one.symbol for one in ladder(CHAIN, NOW, most_days=40).contracts}
    for gone in range(1, 20):
        later = NOW + timedelta(days=gone)
        moved = CHAIN.model_copy(update={"spot": CHAIN.spot + Decimal(gone)})
        listed = tuple(one for one in moved.contracts if one.expiry > later.date())
        shown = {
            one.symbol for one in ladder(moved.model_copy(update={"contracts": listed}), later, most_days=40).contracts
        }
        alive = {one.symbol for one in listed}
        assert seen & alive <= shown


def test_a_ladder_has_round_strikes_and_one_expiry_a_week() -> None:
    found = ladder(CHAIN.model_copy(update={"spot": Decimal(620)}), NOW, most_days=44).contracts
    assert {one.strike % 5 for one in found} == {0}
    days = sorted({(one.expiry - NOW.date()).days for one in found})
    assert days == [4, 9, 16, 23, 31, 37, 44]


def test_the_end_of_a_session_keeps_the_ladder_too() -> None:
    [kept] = MODULE.chains_to_keep(context(), last=True).values()
    [usual] = MODULE.chains_to_keep(context(), last=False).values()
    rungs = set(ladder(CHAIN, NOW, most_days=44).contracts)
    assert rungs <= set(kept.contracts)
    assert set(kept.contracts) == set(usual.contracts) | rungs
