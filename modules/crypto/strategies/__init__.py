"""The strategies of the crypto module: one file each, registered here."""

from modules.crypto.strategies import session_momentum, session_reversion
from orchestrator.domain.strategy import Strategy

STRATEGIES = (
    Strategy("session_momentum", session_momentum.evaluate, trades=("pairs",)),
    Strategy("session_reversion", session_reversion.evaluate, trades=("pairs",)),
)
