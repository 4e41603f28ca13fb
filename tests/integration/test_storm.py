"""A short storm over emulators, functions and venue: nothing is lost, doubled or forgotten."""

from __future__ import annotations

import pytest

from scripts.chaos.stack import run, running_stack
from scripts.steps import MissingToolError, in_ci

pytestmark = [pytest.mark.suite, pytest.mark.slow]

SECONDS = 20.0


def test_desk_and_venue_tell_the_same_story_after_a_storm() -> None:
    try:
        with running_stack(7) as stack:
            figures = run(stack, seconds=SECONDS)
    except MissingToolError as error:
        if in_ci():
            raise
        pytest.skip(str(error))
    assert figures.breach == ""
    assert figures.checked > 0
    assert sum(stack.storm.done.values()) > 0
