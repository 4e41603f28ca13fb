"""The model of a trade's outcome as plain numbers: scored with numpy, so that a cycle needs no learning library.

It says how likely a trade is to end with a profit; what follows from that is said in `orchestrator.domain.outlook`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestrator.domain.base import Value
from orchestrator.domain.errors import MissingDataError

STATED = "stated_confidence"
"""Feature that keeps the strategy's own confidence where the model has lowered it."""


def known_features(features: Mapping[str, float], confidence: float) -> dict[str, float]:
    """Return what the model is learned on and asked with: the same of a closed trade and of an opportunity.

    Examples
    --------
    >>> known_features({"edge": 1.0, "stated_confidence": 0.8}, 0.4)
    {'edge': 1.0, 'confidence': 0.8}
    """
    own = {name: value for name, value in features.items() if name != STATED}
    return own | {"confidence": features.get(STATED, confidence)}


class OutcomeModel(Value):
    """A logistic regression on standardised features.

    Parameters
    ----------
    features
        Names, in the order of the other fields; `confidence` is the opportunity's own.
    means, scales
        What a feature is standardised with; scales are positive.
    weights, intercept
        Of the standardised features, in log odds.
    """

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability of a profit, 0 to 1.

        Raises
        ------
        MissingDataError
            A feature that it was learned on is not given.

        Examples
        --------
        >>> model = OutcomeModel(features=("x",), means=(1.0,), scales=(2.0,), weights=(0.0,), intercept=0.0)
        >>> model.probability({"x": 5.0})
        0.5
        """
        missing = [name for name in self.features if name not in features]
        if missing:
            raise MissingDataError(f"outcome model: no {', '.join(missing)} among the features")
        known = np.array([features[name] for name in self.features], dtype=np.float64)
        standard = (known - np.array(self.means)) / np.array(self.scales)
        score = float(standard @ np.array(self.weights)) + self.intercept
        return float(1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0))))
