"""`python -m venue`: serves a replay of a data folder, or a made-up market, until it is stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from orchestrator.domain.errors import TradingError
from venue.accounts import DEFAULT_ACCOUNTS, AccountSpec, rules_of
from venue.exchange import Exchange
from venue.feed import Feed
from venue.orders import Refusal, RefusedError
from venue.replay import ReplayFeed
from venue.replay.universe import parse_universe
from venue.server import listen, run
from venue.synthetic import SyntheticFeed
from venue.web.control import Pace

USAGE_ERROR, DATA_ERROR = 2, 3


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    words = argparse.ArgumentParser(prog="python -m venue", description=__doc__)
    kind = words.add_mutually_exclusive_group(required=True)
    kind.add_argument("--data", type=Path, help="folder of recorded data to replay")
    kind.add_argument("--synthetic", action="store_true", help="make a market up from --seed")
    words.add_argument("--from", dest="first", type=date.fromisoformat, help="first day of the replay")
    words.add_argument("--to", dest="last", type=date.fromisoformat, help="last day of the replay")
    words.add_argument("--universe", nargs="+", help="stocks=XLK,XLF options=SPY crypto=BTC,ETH")
    words.add_argument("--seed", type=int, default=7)
    words.add_argument("--start", type=datetime.fromisoformat, help="time at which the made-up market begins")
    words.add_argument("--speed", type=float, help="venue seconds a second; default 1 synthetic, 0 replay")
    words.add_argument("--profile", action="append", default=[], help="kraken=gate: whose rules an account follows")
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, default=8900)
    return words


def feed_of(options: argparse.Namespace) -> Callable[[], Feed]:
    """Return what makes the feed that the command line asks for, again after a reset.

    Raises
    ------
    TradingError
        If the universe is not understood.
    """
    universe = parse_universe(options.universe) if options.universe else None
    if options.synthetic:
        start = options.start or datetime.now(UTC)
        start = start if start.tzinfo is not None else start.replace(tzinfo=UTC)
        return lambda: SyntheticFeed(options.seed, start, universe)
    return lambda: ReplayFeed(options.data, options.first, options.last, universe)


def accounts_of(profiles: Sequence[str]) -> list[AccountSpec]:
    """Return the accounts to open, under the rules that the command line names.

    Raises
    ------
    RefusedError
        An account or a profile is not known.
    """
    wanted = dict(one.partition("=")[::2] for one in profiles)
    unknown = set(wanted) - {spec.name for spec in DEFAULT_ACCOUNTS}
    if unknown:
        raise RefusedError(Refusal.BAD_REQUEST, f"--profile: there is no account {', '.join(sorted(unknown))}")
    return [
        replace(spec, profile=rules_of(spec.broker, wanted[spec.name])) if spec.name in wanted else spec
        for spec in DEFAULT_ACCOUNTS
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; return the exit code."""
    words = parser()
    options = words.parse_args(arguments)
    if options.data is not None and (options.first is None or options.last is None):
        words.error("--data needs --from and --to")
    try:
        make = feed_of(options)
        feed = make()
        accounts = accounts_of(options.profile)
        listener = listen(options.host, options.port)
    except (TradingError, OSError, RefusedError) as error:
        print(f"venue: {error}", file=sys.stderr)
        return DATA_ERROR
    speed = options.speed if options.speed is not None else float(options.synthetic)
    pace = Pace(speed, feed.now, getattr(feed, "end", None))
    print(f"venue: {feed.name} on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    run(Exchange(feed, accounts, feed_factory=make), listener, pace)
    return 0


if __name__ == "__main__":
    sys.exit(main())
