"""A predictor with scikit-learn's interface as the model of a surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Array, Floats
from nasmeta.errors import SettingError
from nasmeta.predictors import knows_deviation, label_of, make_predictor
from nasmeta.spaces import SearchSpace
from nasmeta.surrogates._scores import QUANTILE

SAVED = "xgboost"  # the predictor that a file can hold without pickles


@dataclass(frozen=True, eq=False)
class EstimatorModel:
    """A fitted predictor of architectures, also in a large space."""

    space: SearchSpace
    name: str
    pipeline: Any

    @classmethod
    def fit(
        cls,
        space: SearchSpace,
        predictor: Any,
        architectures: Architectures,
        u: Floats,
        seed: int,
    ) -> EstimatorModel:
        """Fit a predictor, an argument of `nasmeta.predictors.make_predictor`, to labels, shape (n,)."""
        listed, rows = _listed(space, architectures)
        pipeline = make_predictor(predictor, space=listed, seed=seed)
        name = label_of(predictor)
        if space.is_large and getattr(pipeline[0], "gives_indices", True):
            allowed = "one that reads features, such as xgboost"
            raise SettingError("predictor in a large space", name, allowed)
        return cls(space, name, pipeline.fit(rows, u))

    def predict(self, architectures: Architectures, **options: bool) -> Any:
        """Return the predictions, float64, shape (n,); the options are those of the predictor."""
        listed, rows = _listed(self.space, architectures)
        # The encoders of the pipeline read features of the space that lists these architectures.
        names = [name for name in self.pipeline.get_params() if name.split("__")[-1] == "space"]
        self.pipeline.set_params(**dict.fromkeys(names, listed))
        return self.pipeline.predict(rows, **options)

    def intervals(self, architectures: Architectures) -> Floats | None:
        """Return the bounds of the 90 % predictive intervals, shape (2, n); None without a deviation."""
        if not knows_deviation(self.pipeline):
            return None
        mean, deviation = self.predict(architectures, return_std=True)
        return np.asarray(mean + QUANTILE * np.stack([-deviation, deviation]))

    def to_arrays(self) -> dict[str, Array]:
        """Return the arrays of a file; none if it cannot hold the predictor."""
        arrays: dict[str, Array] = {}
        if self.name == SAVED:
            arrays = self.pipeline[-1].to_arrays()
        return arrays

    @classmethod
    def of_arrays(cls, space: SearchSpace, arrays: Mapping[str, Array]) -> EstimatorModel:
        """Rebuild a model from the arrays of `to_arrays`."""
        # Any architecture: `predict` sets the space.
        listed, _ = _listed(space, space.sample(1, np.random.default_rng(0)))
        pipeline = make_predictor(SAVED, space=listed)
        pipeline[-1].restore(arrays)
        return cls(space, SAVED, pipeline)


def _listed(space: SearchSpace, architectures: Architectures) -> tuple[SearchSpace, Array]:
    """Return an enumerated space with these architectures, and their indices in it."""
    if not space.is_large:
        return space, architectures
    unique, rows = np.unique(architectures, return_inverse=True)
    return space.listed(unique), rows
