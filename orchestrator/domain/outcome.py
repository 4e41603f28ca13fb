"""The model of a trade's outcome as plain numbers: scored with numpy, so that a cycle needs no learning library.

It says how likely a trade is to end with a profit. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestrator.domain.base import Value
from orchestrator.domain.errors import MissingDataError


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
