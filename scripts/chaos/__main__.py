"""`python -m scripts.chaos --minutes 5 [--seed 7]`: storm the whole local suite; 1 when something broke."""

from __future__ import annotations

import argparse
import sys

from scripts.chaos.invariants import orders
from scripts.chaos.stack import Stack, run, running_stack
from scripts.processes import ProcessError
from scripts.steps import MissingToolError, say


def main() -> int:
    """Run a storm and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m scripts.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long the storm lasts")
    parser.add_argument("--seed", type=int, default=7, help="of the market and of the storm")
    chosen = parser.parse_args()
    try:
        with running_stack(chosen.seed) as stack:
            figures = run(stack, seconds=chosen.minutes * 60)
            show(stack)
            return 1 if figures.breach else 0
    except (MissingToolError, ProcessError) as error:
        say(f"chaos: {error}")
        return 3


def show(stack: Stack) -> None:
    """Print what happened and what came of it."""
    figures, every = stack.figures, list(orders(stack.store).values())
    say(f"storm of {figures.seconds:.0f} s over {figures.steps} minutes of the market, then quiet")
    for job, count in sorted(figures.runs.items()):
        say(f"  {job:<18} {count:>5} runs, {figures.failures[job]} without success")
    for what, count in sorted(stack.storm.done.items()):
        say(f"  {what:<28} {count:>5}")
    say(f"  orders {len(every)}, fills {sum(len(order.fills) for order in every)}")
    if figures.breach:
        say(f"  BREACH: {figures.breach}")
    else:
        say(f"  {figures.checked} facts compared with the venue's ledger: nothing lost, doubled or forgotten")


if __name__ == "__main__":
    sys.exit(main())
