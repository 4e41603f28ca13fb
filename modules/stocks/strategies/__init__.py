"""The strategies of the stocks module: one file each, registered here."""

from modules.stocks.strategies import leveraged, mean_reversion, momentum, sector_rotation
from orchestrator.domain.strategy import Strategy

STRATEGIES = (
    Strategy("sector_rotation", sector_rotation.evaluate, trades=("sectors",)),
    Strategy("momentum", momentum.evaluate, trades=("large_caps",)),
    Strategy("mean_reversion", mean_reversion.evaluate, trades=("large_caps", "sectors")),
    Strategy("leveraged", leveraged.evaluate, trades=("leveraged",), reads=("regime",)),
)
