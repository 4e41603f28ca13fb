"""A short storm over the real stack: workers killed, faults at the venue, events told again.

Emulators, functions and venue run as they do in `make up`, and what they leave is compared with the venue's ledger;
`make chaos-stack` storms for longer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.domain.codec import encode
from orchestrator.domain.documents import OrderDoc, order_path
from orchestrator.ports import Put
from scripts.chaos.invariants import BreachError, check_quiet, orders, read
from scripts.chaos.ledger import read_ledgers
from scripts.chaos.stack import Stack, conclude, running_stack
from scripts.steps import MissingToolError, in_ci

pytestmark = [pytest.mark.suite, pytest.mark.slow]

SEED = 7
CALM, STORM, KILLS = 15, 6, 3
"""Minutes until something has traded, at most; of the storm; of the storm with a worker killed for certain."""


def traded(stack: Stack) -> bool:
    return any(order.fills for order in orders(stack.store).values())


def storm(stack: Stack) -> None:
    """Let the desk trade in calm weather first, then storm, then calm down and check."""
    for _ in range(CALM):
        stack.step()
        if traded(stack):
            break
    for minute in range(STORM):
        if minute < KILLS:
            stack.storm.strike()
        stack.storm.blow()
        stack.step()
    conclude(stack)


@pytest.fixture(scope="module")
def stormed() -> Iterator[Stack]:
    """Return a desk after a storm, quiet again."""
    try:
        with running_stack(SEED) as stack:
            storm(stack)
            yield stack
    except MissingToolError as error:
        if in_ci():
            raise
        pytest.skip(str(error))


def test_a_storm_loses_doubles_and_forgets_nothing(stormed: Stack) -> None:
    assert not stormed.figures.breach
    assert stormed.storm.done["workers killed"], stormed.storm.done
    assert traded(stormed), "the storm came over a desk that traded"
    assert stormed.figures.checked > len(orders(stormed.store))


def test_a_fill_that_the_desk_forgot_is_a_breach(stormed: Stack) -> None:
    """The comparison that found nothing after the storm finds what is missing."""
    key = next(key for key, order in orders(stormed.store).items() if order.fills)
    kept = read(stormed.store, OrderDoc, order_path(key))
    forgetful = kept.model_copy(update={"order": kept.order.model_copy(update={"fills": ()})})
    stormed.store.commit([Put(order_path(key), encode(forgetful))])
    with pytest.raises(BreachError, match="that are in no order"):
        check_quiet(stormed.store, read_ledgers(stormed.venue_url))
