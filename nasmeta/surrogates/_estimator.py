"""A predictor with scikit-learn's interface as the model of a surrogate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        architectures: NDArray[Any],
        u: NDArray[np.float64],
        seed: int,
    ) -> EstimatorModel:
        """Fit a predictor, an argument of `nasmeta.predictors.make_predictor`, to labels, shape (n,)."""
        listed, rows = _listed(space, architectures)
        pipeline, name = make_predictor(predictor, space=listed, seed=seed), label_of(predictor)
        if space.is_large and getattr(pipeline[0], "gives_indices", True):
            raise SettingError(
                "predictor in a large space", name, "one that reads features, such as xgboost"
            )
        return cls(space, name, pipeline.fit(rows, u))

    def predict(self, architectures: NDArray[Any], **options: bool) -> Any:
        """Return the predictions, float64, shape (n,); the options are those of the predictor."""
        listed, rows = _listed(self.space, architectures)
        names = [name for name in self.pipeline.get_params() if name.split("__")[-1] == "space"]
        return self.pipeline.set_params(**dict.fromkeys(names, listed)).predict(rows, **options)

    def intervals(self, architectures: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return the bounds of the 90 % predictive intervals, shape (2, n); None without a deviation."""
        if not knows_deviation(self.pipeline):
            return None
        mean, deviation = self.predict(architectures, return_std=True)
        return np.asarray(mean + QUANTILE * np.stack([-deviation, deviation]))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file; none if it cannot hold the predictor."""
        return self.pipeline[-1].to_arrays() if self.name == SAVED else {}

    @classmethod
    def of_arrays(cls, space: SearchSpace, arrays: Mapping[str, NDArray[Any]]) -> EstimatorModel:
        """Rebuild a model from the arrays of `to_arrays`."""
        pipeline = make_predictor(
            SAVED, space=_listed(space, space.sample(1, np.random.default_rng(0)))[0]
        )
        pipeline[-1].restore(arrays)
        return cls(space, SAVED, pipeline)


def _listed(space: SearchSpace, architectures: NDArray[Any]) -> tuple[SearchSpace, NDArray[Any]]:
    """Return an enumerated space with these architectures, and their indices in it."""
    if not space.is_large:
        return space, architectures
    unique, rows = np.unique(architectures, return_inverse=True)
    return space.listed(unique), rows
