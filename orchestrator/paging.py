"""Reads a growing collection to its end, page by page, in order of a time that several documents may share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from orchestrator.ports import Snapshot

PAGE = 200


def every(page_from: Callable[[datetime, int], Sequence[Snapshot]], since: datetime, *, by: str) -> Iterator[Snapshot]:
    """Yield every document of a query in order of the time `by`; a page that holds one time only is doubled.

    Parameters
    ----------
    page_from
        Returns at most so many documents from a time on, in order.
    """
    seen: set[str] = set()
    limit = PAGE
    while True:
        page = page_from(since, limit)
        yield from (snapshot for snapshot in page if snapshot.path not in seen)
        if len(page) < limit:
            return
        seen.update(snapshot.path for snapshot in page)
        newest: datetime = page[-1].data[by]
        limit = limit * 2 if newest == since else PAGE
        since = newest
