"""Replaying a folder of recorded market data as a `venue.feed.Feed`."""

from venue.replay.feed import ReplayFeed
from venue.replay.universe import parse_universe

__all__ = ["ReplayFeed", "parse_universe"]
