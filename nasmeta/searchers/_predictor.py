"""Any predictor is a searcher: a model, fitted on the fly, and an acquisition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_choice, check_int, check_number, check_options
from nasmeta.errors import SettingError
from nasmeta.predictors import PREDICTORS, log_expected_improvement, normal_scores
from nasmeta.registry import is_place
from nasmeta.searchers._base import ACQUISITIONS, SEARCHERS, WithoutReplacement
from nasmeta.searchers._models import UncertainModel, build_model_of
from nasmeta.spaces import SearchSpace

_REFIT_ALWAYS_BELOW = 20
_REFIT_GROWTH = 1.1
_LEAST_DEVIATION = 1e-9


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
        proposals = np.empty(n, np.int32)
        score = self._score()
        for i in range(n):
            if i and self.acquisition == "thompson":
                score = self._score()
            score[~self._open] = -np.inf
            ties = np.flatnonzero(score == score.max())
            proposals[i] = ties[0] if len(ties) == 1 else self.rng.choice(ties)
            self._open[proposals[i]] = False
        return proposals

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
