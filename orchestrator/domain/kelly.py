"""How a strategy wants to be sized, and what its closed trades say of its edge.

Pure statistics in R, the loss that a trade had put at risk: an edge does not depend on the size it was traded with.
Nothing here knows limits; what Kelly asks for is only one of the caps in `orchestrator.domain.sizing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from orchestrator.domain.base import Value
from orchestrator.domain.parameters import Parameters


class SizingRules(Parameters):
    """How large a strategy's positions are, before any limit; whatever the method, no limit is passed over.

    The prior of `kelly` is worth `prior_trades` closed trades, `prior_win_rate` of them won with `prior_payoff` R each,
    the others lost with 1 R each.
    """

    method: Literal["volatility_target", "fixed_fraction", "kelly"] = "volatility_target"
    """`volatility_target` asks for no more than the desk's limits do; the other two may only ask for less."""
    fixed_fraction: float = Field(default=0.005, ge=0.0005, le=0.05)
    """Share of the equity that is lost at the stop."""
    kelly_multiple: float = Field(default=0.25, ge=0.05, le=0.5)
    """Share of the full Kelly fraction that is used: the edge is only an estimate."""
    kelly_min_trades: int = Field(default=20, ge=0, le=500)
    """Closed trades below which the prior alone counts."""
    prior_win_rate: float = Field(default=0.5, ge=0.05, le=0.95)
    prior_payoff: float = Field(default=1.1, ge=0.1, le=10)
    """Average gain over average loss."""
    prior_trades: float = Field(default=40, ge=1, le=500)


class StrategyRecord(Value):
    """The closed round trips of a strategy, counted; gains and losses in R, both sums positive."""

    trades: int = 0
    wins: int = 0
    sum_win_r: float = 0.0
    sum_loss_r: float = 0.0

    def with_trade(self, r: float) -> StrategyRecord:
        """Return the record after a trade that gained `r` R, costs taken off; nothing gained is a loss."""
        won = r > 0
        return StrategyRecord(
            trades=self.trades + 1,
            wins=self.wins + won,
            sum_win_r=self.sum_win_r + max(r, 0.0),
            sum_loss_r=self.sum_loss_r + max(-r, 0.0),
        )


@dataclass(frozen=True, slots=True)
class Edge:
    """What a strategy's next trade is expected to do: probability of a gain, average gain and average loss in R."""

    win_rate: float
    win_r: float
    loss_r: float

    @property
    def payoff(self) -> float:
        """Average gain over average loss."""
        return self.win_r / self.loss_r


def shrunk_edge(record: StrategyRecord, rules: SizingRules) -> Edge:
    """Return the edge that closed trades show, shrunk towards the prior by how few they are.

    Notes
    -----
    The win rate is the mean of a Beta(a, b) prior after `wins` and `trades - wins`, where a = prior_trades x
    prior_win_rate and b = prior_trades - a. Average gain and loss are those of the a and b trades of the prior (gaining
    prior_payoff R and losing 1 R) together with the measured ones. Below `kelly_min_trades` the measured ones are none.
    """
    seen = record if record.trades >= rules.kelly_min_trades else StrategyRecord()
    good = rules.prior_trades * rules.prior_win_rate
    bad = rules.prior_trades - good
    wins, losses = good + seen.wins, bad + seen.trades - seen.wins
    return Edge(
        win_rate=wins / (wins + losses),
        win_r=(good * rules.prior_payoff + seen.sum_win_r) / wins,
        loss_r=(bad + seen.sum_loss_r) / losses,
    )


def kelly_fraction(win_rate: float, payoff: float) -> float:
    """Return the share of the capital to lose with a losing trade that lets it grow fastest; 0 without an edge.

    Parameters
    ----------
    win_rate
        Probability of a gain, 0 to 1.
    payoff
        Gain of a winning trade over the loss of a losing one; positive.

    References
    ----------
    J. L. Kelly, A new interpretation of information rate, Bell System Technical Journal 35, 1956.
    E. O. Thorp, The Kelly criterion in blackjack, sports betting and the stock market, in Handbook of Asset and
    Liability Management, volume 1, 2006, section 2: f* = p - q / b for a bet that pays b to 1.

    Examples
    --------
    >>> kelly_fraction(0.6, 1.0)
    0.2
    """
    return max(round(win_rate - (1 - win_rate) / payoff, 12), 0.0)
