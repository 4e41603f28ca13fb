"""A seeded, made-up market that says so everywhere, as a `venue.feed.Feed`."""

from venue.synthetic.feed import SyntheticFeed

__all__ = ["SyntheticFeed"]
