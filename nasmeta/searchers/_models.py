"""Any regressor as the model of a search: how it is made, what it reads, how sure it is."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import NasmetaError, SettingError, shown
from nasmeta.predictors import PREDICTORS, PredictorEntry, make_predictor
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import SearchSpace

_OUTSIDE: Registry[Any] = Registry("predictor", group="nasmeta.predictors")  # functions and estimators, too


def build_model_of(predictor: object, options: Mapping[str, Any], space: SearchSpace, seed: int) -> Any:
    """Return a new, unfitted model: of a name in `PREDICTORS`, of ``package.module:Name``, or a copy of an estimator.

    Options are keyword arguments, or parameters of an estimator; the seed is for what draws random numbers and has
    none.
    """
    found = predictor
    if isinstance(predictor, str):
        found = PREDICTORS[predictor] if predictor in PREDICTORS or not is_place(predictor) else _OUTSIDE[predictor]
        if isinstance(found, type | PredictorEntry):
            return _with_seeds(make_predictor(predictor, space=space, seed=seed, **options), seed)
    try:
        if isinstance(found, type) or not hasattr(found, "fit"):
            model = _call_factory(found, options, space)
        else:
            from sklearn.base import clone

            model = clone(found, safe=False)
            if options:
                model.set_params(**options)
    except (TypeError, ValueError) as reason:
        if isinstance(reason, NasmetaError):
            raise
        raise SettingError(f"The predictor {shown(predictor)} cannot take the options {options}: {reason}") from reason
    if not (hasattr(model, "fit") and hasattr(model, "predict")):
        raise SettingError(
            f"A predictor has fit and predict, as scikit-learn's regressors have; {shown(predictor)} gives "
            f"{type(model).__name__}."
        )
    return _with_seeds(model, seed)


def _call_factory(maker: Any, options: Mapping[str, Any], space: SearchSpace) -> Any:
    if not callable(maker):
        raise SettingError(f"A predictor is a name, an estimator or a class of one, not {shown(maker)}.")
    takes_space = "space" in inspect.signature(maker).parameters and "space" not in options
    return maker(**options, **({"space": space} if takes_space else {}))


def _with_seeds(model: Any, seed: int) -> Any:
    """Give a seed to every part without one: scikit-learn's would draw from the global generator."""
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    unset = [name for name, value in parameters.items() if name.split("__")[-1] == "random_state" and value is None]
    return model.set_params(**dict.fromkeys(unset, seed)) if unset else model


def _encode_space(model: Any, space: SearchSpace) -> tuple[NDArray[Any], Any]:
    """Return what the model reads of all architectures, encoded once, and the model without its encoder."""
    from sklearn.pipeline import FeatureUnion, Pipeline

    from nasmeta.predictors import CellEncoder, CountEncoder

    def encodes(step: Any) -> bool:
        if isinstance(step, FeatureUnion):
            return all(encodes(part) for _, part in step.transformer_list)
        return isinstance(step, CellEncoder)

    encoder, rest = CountEncoder(space), model
    if isinstance(model, Pipeline) and encodes(model[0]):
        encoder, rest = model[0], model[-1] if len(model) == 2 else model[1:]
    every = np.arange(space.size, dtype=np.int32)
    return np.asarray(encoder.fit(every).transform(every)), rest


class UncertainModel:
    """A model that also says how sure it is, fitted to some architectures and asked for all.

    The deviation is the model's own where ``predict`` takes ``return_std``; of a random forest of scikit-learn that of
    its trees; else that of copies, each fitted to a bootstrap resample (Breiman, "Bagging predictors", 1996); with 0
    copies there is none. A pipeline that begins with an encoder of `nasmeta.predictors` reads that, any other model the
    count features of the space. ``predictions_``, (n_members, size), is what trees or copies predict.
    """

    def __init__(self, model: Any, space: SearchSpace, rng: np.random.Generator, copies: int) -> None:
        self._rows, self._model = _encode_space(model, space)
        self._rng, self._copies = rng, copies
        last = self._model[-1] if hasattr(self._model, "steps") else self._model
        self._has_deviation = copies > 0 and "return_std" in inspect.signature(last.predict).parameters
        self.predictions_: NDArray[np.float64] | None = None

    def fit(self, cells: NDArray[np.int32], labels: NDArray[np.float64]) -> UncertainModel:
        """Fit to architectures, int32, shape (n,), and labels that are not all the same."""
        self._fitted = []
        if self._has_deviation or not self._copies or _is_forest(self._model):
            self._fitted = [self._fit_copy(cells, labels)]
            self._has_deviation = self._has_deviation and _predicts_deviation(self._fitted[0], self._rows[cells[:1]])
        if self._copies and not self._has_deviation and not _is_forest(self._model):
            self._fitted = []
            for _ in range(self._copies):
                drawn = self._rng.integers(len(cells), size=len(cells))
                drawn[:2] = labels.argmin(), labels.argmax()  # of labels that are all the same nothing is learnt
                self._fitted.append(self._fit_copy(cells[drawn], labels[drawn]))
        return self

    def _fit_copy(self, cells: NDArray[np.int32], labels: NDArray[np.float64]) -> Any:
        from sklearn.base import clone

        copy = clone(self._model, safe=False)
        copy.fit(self._rows[cells], labels)
        return copy

    def predict(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of all architectures, both float64, shape (size,)."""
        first = self._fitted[0]
        if self._has_deviation:
            mean, deviation = first.predict(self._rows, return_std=True)
            return np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
        if not self._copies:
            return np.asarray(first.predict(self._rows), np.float64).ravel(), np.zeros(len(self._rows))
        members, rows = self._fitted, self._rows
        if _is_forest(first):
            members, rows = first.estimators_, rows.astype(np.float32)  # what a tree would make of them, each anew
        self.predictions_ = np.stack([np.asarray(member.predict(rows), np.float64).ravel() for member in members])
        return self.predictions_.mean(axis=0), self.predictions_.std(axis=0)


def _is_forest(model: Any) -> bool:
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

    return isinstance(model, RandomForestRegressor | ExtraTreesRegressor)


def _predicts_deviation(model: Any, row: NDArray[Any]) -> bool:
    """Say whether it knows a deviation as it is set: one booster knows none."""
    try:
        model.predict(row, return_std=True)
    except NasmetaError:
        return False
    return True
