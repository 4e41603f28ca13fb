"""Reads a growing collection to its end, page by page, in order of a time that several documents may share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

PAGE = 200


class Stored(Protocol):
    """A document as a store tells it."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What it says."""


S = TypeVar("S", bound=Stored)


def every(page_from: Callable[[datetime, int], Sequence[S]], begin: datetime, *, by: str) -> Iterator[S]:
    """Yield every document of a query in order of the time `by`; a page that holds one time only is doubled.

    Parameters
    ----------
    page_from
        Returns at most so many documents from a time on, that time included: all upwards, or all downwards.
    """
    seen: set[str] = set()
    limit = PAGE
    while True:
        page = page_from(begin, limit)
        yield from (stored for stored in page if stored.path not in seen)
        if len(page) < limit:
            return
        seen.update(stored.path for stored in page)
        furthest: datetime = page[-1].data[by]
        limit = limit * 2 if furthest == begin else PAGE
        begin = furthest
