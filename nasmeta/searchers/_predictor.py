"""Any predictor is a searcher: a model, fitted on the fly, and an acquisition."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_int, check_number, check_options
from nasmeta.errors import NasmetaError, SettingError, shown
from nasmeta.predictors import PREDICTORS, PredictorEntry, log_expected_improvement, make_predictor, normal_scores
from nasmeta.registry import Registry, is_place
from nasmeta.searchers._base import ACQUISITIONS, SEARCHERS, WithoutReplacement
from nasmeta.spaces import SearchSpace

_OUTSIDE: Registry[Any] = Registry("predictor", group="nasmeta.predictors")  # functions and estimators, too
_REFIT_ALWAYS_BELOW = 20
_REFIT_GROWTH = 1.1
_LEAST_DEVIATION = 1e-9


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


@SEARCHERS.register("predictor")
class PredictorSearch(WithoutReplacement):
    """Fit a predictor to the values seen, and propose the maximum of an acquisition function.

    All open architectures are scored at once. The predictor is fitted anew for each proposal below 20 values, then each
    time that their number has grown by a tenth; architectures with the same score are drawn from at random.

    Every predictor has searchers of its own, named with their acquisition: ``xgboost-ei``, ``gnn-ucb``,
    ``my_package.module:Forest-greedy``. In Python, `of` makes one of an estimator.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    predictor : str or estimator, default "ridge"
        A name in `nasmeta.predictors.PREDICTORS`; ``package.module:Name`` of a regressor with scikit-learn's interface,
        or of a function that returns one; such a regressor or pipeline itself (then see `of` for `search` and
        `compare`, which record settings). One that does not begin with an encoder of `nasmeta.predictors` reads the
        space's count features.
    acquisition : {"ei", "ucb", "thompson", "greedy"}, default "ei"
        The expected improvement over the best label; mean plus `beta` times deviation; one draw: the prediction of
        a random one of trees or copies, else independent normal draws with mean and deviation; the mean.
    n_initial : int, default 10
        Random architectures before the predictor is used.
    copies : int, default 5
        Of a predictor that knows no deviation: so many, each fitted to a bootstrap resample, give one.
    beta : float, default 1
        Deviations that ``ucb`` adds.
    labels : {"rank", "value"}, default "rank"
        What is fitted: normal scores of ranks, or standardised values.
    options : mapping, optional
        Keyword arguments of the predictor, as in `nasmeta.predictors.make_predictor`.

    Notes
    -----
    A subclass may override `build_model`, `fit_model` and `predict_model`, and `knows` for names of its own.

    Examples
    --------
    >>> import nasmeta as nm
    >>> settings = {"options": {"n_estimators": 20}}
    >>> run = nm.search("random-forest-ucb", "nb201/cifar10", evaluations=25, settings=settings)
    >>> len(run)
    25
    """

    default_predictor: ClassVar[Any] = "ridge"
    default_acquisition: ClassVar[str] = "ei"
    is_bound: ClassVar[bool] = False  # whether the class's name says these two

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
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
            raise SettingError(f"{type(self).__name__} is one predictor with one acquisition: set them of predictor.")
        self.predictor = self.default_predictor if predictor is None else predictor
        chosen = self.default_acquisition if acquisition is None else acquisition
        self.acquisition = check_choice("acquisition", chosen, ACQUISITIONS)
        self.n_initial = check_int("n_initial", n_initial, 2, 1_000_000)
        self.copies = check_int("copies", copies, 2, 1_000)
        self.beta = check_number("beta", beta)
        self.labels = check_choice("labels", labels, ("rank", "value"))
        self.options = check_options(options, '{"n_estimators": 20}')
        self._fitted_at = 0
        self._best = -np.inf
        self._model = self.build_model(int(rng.integers(2**31)))

    @classmethod
    def of(
        cls, predictor: Any, acquisition: str = "ei", *, name: str | None = None, **settings: Any
    ) -> type[PredictorSearch]:
        """Return the searcher of one predictor: a class for `nasmeta.search` and `nasmeta.compare`.

        Parameters
        ----------
        predictor : str or estimator
        acquisition : {"ei", "ucb", "thompson", "greedy"}, default "ei"
        name : str, optional
            Under which results are kept: another predictor needs another name. That of the predictor and the
            acquisition where left out.

        Examples
        --------
        >>> import nasmeta as nm
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> kind = nm.searchers.PredictorSearch.of(KNeighborsRegressor(3), "greedy")
        >>> run = nm.search(kind, "nb201/cifar10", evaluations=25)
        >>> run.searcher, len(run)
        ('KNeighborsRegressor-greedy', 25)
        """
        check_choice("acquisition", acquisition, ACQUISITIONS)
        own = predictor[-1] if hasattr(predictor, "steps") else predictor
        said = predictor if isinstance(predictor, str) else getattr(own, "__name__", type(own).__name__)
        bound = {"default_predictor": predictor, "default_acquisition": acquisition, "is_bound": True}
        about = {"__module__": cls.__module__, "__doc__": f"{said}, {acquisition}; see `PredictorSearch`."}
        return type(name or f"{said}-{acquisition}", (cls,), {**bound, **about})

    @classmethod
    def knows(cls, predictor: str) -> bool:
        """Whether a name is that of a predictor for this class."""
        return predictor in PREDICTORS or is_place(predictor)

    # -- the model --------------------------------------------------------------------------------------------------
    def build_model(self, seed: int) -> Any:
        """Return the model, unfitted; called once, at birth."""
        model = build_model_of(self.predictor, self.options, self.space, seed)
        return UncertainModel(model, self.space, self.rng, 0 if self.acquisition == "greedy" else self.copies)

    def fit_model(self, cells: NDArray[np.int32], labels: NDArray[np.float64]) -> None:
        """Fit the model to architectures, int32, shape (n,), and labels, float64, shape (n,); higher is better."""
        self._model.fit(cells, labels)

    def predict_model(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of the labels of all architectures, both float64, shape (size,)."""
        mean, deviation = self._model.predict()
        return mean, deviation

    def draw_model(self) -> NDArray[np.float64]:
        """Return one draw of the labels of all architectures, float64, shape (size,)."""
        predictions = getattr(self._model, "predictions_", None)
        if predictions is None:
            return self.rng.normal(self._mean, self._deviation)
        drawn: NDArray[np.float64] = predictions[self.rng.integers(len(predictions))].copy()
        return drawn

    # -- the search -------------------------------------------------------------------------------------------------
    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the open architectures of the highest scores, ties at random; of a batch all by one fit."""
        self._require_open(n)
        if len(self._told) < self.n_initial or not self._is_fitted():
            return self._sample_open(n)
        score, proposals = self._score(), []
        for i in range(n):
            if i and self.acquisition == "thompson":
                score = self._score()
            proposals.append(self._take_best(score))
        return np.array(proposals, np.int32)

    def _is_fitted(self) -> bool:
        """Fit where that is due; False where all values are the same, so that nothing can be learnt."""
        n = len(self._told)
        grown = self._fitted_at < n < _REFIT_ALWAYS_BELOW or n >= _REFIT_GROWTH * self._fitted_at
        if self._fitted_at and not grown:
            return True
        cells, values = self._labelled()
        if not np.ptp(values) > 0:
            return False
        labels = normal_scores(values) if self.labels == "rank" else (values - values.mean()) / values.std()
        self.fit_model(cells, labels)
        self._mean, self._deviation = self.predict_model()
        self._best, self._fitted_at = float(labels.max()), n
        return True

    def _score(self) -> NDArray[np.float64]:
        """Return what a proposal of each architecture is worth, shape (size,), as an array of its own."""
        if self.acquisition == "thompson":
            return self.draw_model()
        if self.acquisition == "ei":
            # 25 deviations above the best the improvement is the difference; from 37 on its formula overflows.
            least = np.maximum((self._mean - self._best) / 25, _LEAST_DEVIATION)
            return log_expected_improvement(self._mean, np.maximum(self._deviation, least), self._best)
        return self._mean + (self.beta * self._deviation if self.acquisition == "ucb" else 0.0)
