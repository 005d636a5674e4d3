"""Search with any predictor and an acquisition function."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Array, Facts, Floats
from nasmeta.checks import check_choice, check_int, check_number
from nasmeta.code_identity import code_within, estimator_digest, identity_of
from nasmeta.errors import NasmetaWarning, SettingError, calls_inside
from nasmeta.gaussian_process import log_expected_improvement
from nasmeta.predictors import PREDICTORS, knows_deviation, label_of, make_predictor
from nasmeta.registry import is_place
from nasmeta.searchers._searcher import ACQUISITIONS, WithoutReplacement
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import normal_scores

_REFIT_ALWAYS_BELOW = 20
_REFIT_GROWTH = 1.1
_LEAST_DEVIATION = 1e-9


def _digest_of(estimator: Any) -> str:
    try:
        return estimator_digest(estimator)
    except SettingError:  # a parameter that cannot be pickled
        return repr(estimator)


def _encode_space(model: Any, space: SearchSpace) -> tuple[Array, Any]:
    """Encode all architectures once, if the model starts with an encoder; return the rows and the other steps."""
    from sklearn.pipeline import FeatureUnion, Pipeline

    from nasmeta.predictors import CellEncoder

    def encodes(step: Any) -> bool:
        if isinstance(step, FeatureUnion):
            return all(encodes(part) for _, part in step.transformer_list)
        return isinstance(step, CellEncoder)

    architectures = np.arange(space.size, dtype=np.int32)
    if not isinstance(model, Pipeline) or not encodes(model[0]):
        return architectures, model
    rows = np.asarray(model[0].fit(architectures).transform(architectures))  # (size, n_features)
    others = model[-1] if len(model) == 2 else Pipeline(model.steps[1:])
    return rows, others


class UncertainModel:
    """A predictor with a deviation, fitted to some architectures; it predicts all.

    The deviation is the predictor's own if ``predict`` takes ``return_std``. Otherwise it is that
    of copies, each fitted to a bootstrap resample (Breiman, "Bagging predictors", 1996), whose
    predictions, (n_copies, size), are ``predictions_``; with 0 copies it is zero.
    """

    def __init__(self, model: Any, space: SearchSpace, rng: Generator, copies: int) -> None:
        self._rows, self._model = _encode_space(model, space)
        self._rng, self._copies = rng, copies
        self._has_deviation = copies > 0 and knows_deviation(self._model)
        self.predictions_: Floats | None = None

    def fit(self, architectures: Architectures, labels: Floats) -> UncertainModel:
        """Fit to architectures, int32, shape (n,), and labels that are not all the same."""
        if self._has_deviation or not self._copies:
            self._fitted = [self._fit_copy(architectures, labels)]
            return self
        self._fitted = []
        for _ in range(self._copies):
            drawn = self._rng.integers(len(architectures), size=len(architectures))
            drawn[:2] = labels.argmin(), labels.argmax()  # labels must differ
            self._fitted.append(self._fit_copy(architectures[drawn], labels[drawn]))
        return self

    def adopt(self, before: UncertainModel) -> None:
        """Copy the fitted models, which predict rows with the same columns."""
        self._fitted = before._fitted

    @property
    def reads_rows(self) -> bool:
        """Whether the fitted copies read encoded architectures, not indices in one space."""
        return self._rows.ndim > 1

    def _fit_copy(self, architectures: Architectures, labels: Floats) -> Any:
        from sklearn.base import clone

        copy = clone(self._model, safe=False)
        return copy.fit(self._rows[architectures], labels)

    def predict(self) -> tuple[Floats, Floats]:
        """Return mean and deviation of all architectures, both float64, shape (size,)."""
        if self._has_deviation:
            mean, deviation = self._fitted[0].predict(self._rows, return_std=True)
            return np.asarray(mean, np.float64), np.asarray(deviation, np.float64)
        predictions = np.empty((len(self._fitted), len(self._rows)))
        for i, copy in enumerate(self._fitted):
            predictions[i] = np.ravel(copy.predict(self._rows))
        self.predictions_ = predictions if self._copies else None
        return predictions.mean(axis=0), predictions.std(axis=0)


class PredictorSearch(WithoutReplacement):
    """Fit a predictor to the values seen, and propose the maximum of an acquisition function.

    All unevaluated architectures are scored at once; ties are broken at random. The predictor is
    refitted for each proposal below 20 values, then whenever their number has grown by a tenth.

    Every predictor with an acquisition is also a searcher: ``ridge-ei``, ``mlp-ucb``,
    ``my_package.module:Forest-greedy``. In Python, `of` returns the searcher of an estimator.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    predictor : str or estimator, default "ridge"
        As in `nasmeta.predictors.make_predictor`: a name, ``package.module:Name``, or an estimator.
        The name of such a run is the class of the estimator and, if it is given, the acquisition;
        see `of`.
    acquisition : {"ei", "ucb", "thompson", "greedy"}, optional
        The expected improvement over the best label; mean plus `beta` times deviation; one draw
        (the prediction of a random copy, or independent normal draws with mean and deviation); the
        mean. By default ``"ei"``, and ``"greedy"`` for a predictor without predictive deviations.
    n_initial : int, default 10
        Random architectures before the predictor is used.
    copies : int, default 5
        Number of bootstrap copies that provide deviations for a predictor without them; a warning
        states their use.
    beta : float, default 1
        Deviations that ``ucb`` adds.
    labels : {"rank", "value"}, default "rank"
        Fit normal scores of ranks, or standardised values.
    options : mapping, optional
        Keyword arguments of the predictor, as in `nasmeta.predictors.make_predictor`.

    Notes
    -----
    A subclass may override `build_model`, `fit_model`, `predict_model`, and `knows` for its own names.

    Examples
    --------
    >>> import nasmeta as nm
    >>> settings = {"options": {"n_estimators": 20}}
    >>> run = nm.search("random-forest-ucb", "nb201/cifar10", evaluations=25, settings=settings)
    >>> len(run)
    25
    """

    traces = "statistical"  # predictors are from other packages, and partly networks
    default_predictor: ClassVar[Any] = "ridge"
    default_acquisition: ClassVar[str | None] = None
    is_bound: ClassVar[bool] = False  # whether `of` has set these two

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        predictor: Any = None,
        acquisition: str | None = None,
        n_initial: int = 10,
        copies: int = 5,
        beta: float = 1.0,
        labels: str = "rank",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(space, rng)
        if self.is_bound and not predictor is acquisition is None:
            raise SettingError(
                f"{type(self).__name__} has a fixed predictor and acquisition. Use predictor instead."
            )
        self.predictor = self.default_predictor if predictor is None else predictor
        chosen = self.default_acquisition if acquisition is None else acquisition
        self.acquisition = (
            "" if chosen is None else check_choice("acquisition", chosen, ACQUISITIONS)
        )
        self.n_initial = check_int("n_initial", n_initial, 2)
        self.copies = check_int("copies", copies, 2)
        self.beta = check_number("beta", beta)
        self.labels = check_choice("labels", labels, ("rank", "value"))
        self.options = dict(options or {})
        self._fitted_at = 0
        self._best = -np.inf
        self._model = self.build_model(int(rng.integers(2**31)))
        self.acquisition = self.acquisition or "ei"

    @classmethod
    def of(
        cls,
        predictor: Any,
        acquisition: str | None = None,
        *,
        name: str | None = None,
        **settings: Any,
    ) -> type[PredictorSearch]:
        """Return the searcher of one predictor: a class for `nasmeta.search` and `nasmeta.compare`.

        Parameters
        ----------
        predictor : str or estimator
        acquisition : {"ei", "ucb", "thompson", "greedy"}, optional
            As in the class.
        name : str, optional
            Name in results; by default the predictor and, if it is given, the acquisition.

        Examples
        --------
        >>> import nasmeta as nm
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> from sklearn.pipeline import make_pipeline
        >>> mine = make_pipeline(nm.predictors.make_encoder("counts"), KNeighborsRegressor(3))
        >>> kind = nm.searchers.PredictorSearch.of(mine, "greedy")
        >>> run = nm.search(kind, "nb201/cifar10", evaluations=25)
        >>> run.searcher, len(run)
        ('KNeighborsRegressor-greedy', 25)
        """
        if acquisition is not None:
            check_choice("acquisition", acquisition, ACQUISITIONS)
        label = "-".join(filter(None, (label_of(predictor), acquisition)))
        bound = {
            "default_predictor": staticmethod(predictor),
            "default_acquisition": acquisition,
            "is_bound": True,
        }
        about = {"__module__": cls.__module__, "__doc__": f"{label}; see `PredictorSearch`."}
        return type(name or label, (cls,), {**bound, **about})

    @classmethod
    def code_identity(cls, settings: Facts) -> str | None:
        """Return the identity of the code; for an estimator, also of its classes and parameters."""
        predictor = settings.get("predictor", cls.default_predictor)
        code = super().code_identity(settings)
        if isinstance(predictor, str) or predictor is None:
            return code
        if isinstance(predictor, type) or not hasattr(predictor, "get_params"):
            parts = [
                code,
                json.dumps(identity_of(predictor)) if callable(predictor) else repr(predictor),
            ]
        else:
            parts = [code, code_within(predictor), _digest_of(predictor)]
        return " ".join(part for part in parts if part is not None)

    @classmethod
    def knows(cls, predictor: str) -> bool:
        """Return whether this class knows a predictor of this name."""
        return predictor in PREDICTORS or is_place(predictor)

    def build_model(self, seed: int) -> Any:
        """Return the unfitted model; called once."""
        model = make_predictor(self.predictor, None, self.space, seed, **self.options)
        has_deviation = knows_deviation(model)
        self.acquisition = self.acquisition or ("ei" if has_deviation else "greedy")
        if not has_deviation and self.acquisition != "greedy":
            text = f"{label_of(self.predictor)} has no predictive deviations, so {self.acquisition} uses those of"
            hint = f"{self.copies} bootstrap copies. The acquisition greedy needs none."
            warnings.warn(f"{text} {hint}", NasmetaWarning, stacklevel=calls_inside() + 1)
        n_copies = 0 if self.acquisition == "greedy" else self.copies
        return UncertainModel(model, self.space, self.rng, n_copies)

    def fit_model(self, architectures: Architectures, labels: Floats) -> None:
        """Fit the model to architectures, int32, shape (n,), and labels, float64, shape (n,); higher is better."""
        self._model.fit(architectures, labels)

    def predict_model(self) -> tuple[Floats, Floats]:
        """Return mean and deviation of the labels of all architectures, both float64, shape (size,)."""
        prediction: tuple[Floats, Floats] = self._model.predict()
        return prediction

    def draw_model(self) -> Floats:
        """Return one draw of the labels of all architectures, float64, shape (size,)."""
        predictions = getattr(self._model, "predictions_", None)
        if predictions is None:
            return self.rng.normal(self._mean, self._deviation)
        drawn: Floats = predictions[self.rng.integers(len(predictions))].copy()
        return drawn

    def ask(self, n: int = 1) -> Architectures:
        """Propose the open architectures with the highest scores; one fit per batch."""
        self._require_open(n)
        if len(self._observed) < self.n_initial or not self._is_fitted():
            return self._sample_open(n)
        score, proposals = self._score(), []
        for i in range(n):
            if i and self.acquisition == "thompson":
                score = self._score()
            proposals.append(self._take_best(score))
        return np.array(proposals, np.int32)

    def adopt(self, before: Any) -> None:
        """Predict the new candidates with the fitted model, until a refit is due."""
        if before._fitted_at and isinstance(self._model, UncertainModel) and self._model.reads_rows:
            self._model.adopt(before._model)
            self._mean, self._deviation = self.predict_model()
            self._best, self._fitted_at = before._best, before._fitted_at

    def _is_fitted(self) -> bool:
        """Refit if it is due; return False if all values are equal."""
        n = len(self._observed)
        grown = self._fitted_at < n < _REFIT_ALWAYS_BELOW or n >= _REFIT_GROWTH * self._fitted_at
        if self._fitted_at and not grown:
            return True
        architectures, values = self._labelled()
        if not np.ptp(values) > 0:
            return False
        if self.labels == "rank":
            labels = normal_scores(values)
        else:
            labels = (values - values.mean()) / values.std()
        self.fit_model(architectures, labels)
        self._mean, self._deviation = self.predict_model()
        self._best, self._fitted_at = float(labels.max()), n
        return True

    def _score(self) -> Floats:
        """Return the acquisition of each architecture, a new array, shape (size,)."""
        if self.acquisition == "thompson":
            return self.draw_model()
        if self.acquisition == "ei":
            # From 25 deviations above the best, the improvement equals the difference; from 37 on,
            # it overflows.
            least = np.maximum((self._mean - self._best) / 25, _LEAST_DEVIATION)
            deviation = np.maximum(self._deviation, least)
            return log_expected_improvement(self._mean, deviation, self._best)
        if self.acquisition == "ucb":
            return self._mean + self.beta * self._deviation
        return self._mean.copy()
