"""The interface and the registry of meta-predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from nasmeta.errors import ArchitectureError, LabelError, SettingError
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed, Prediction
from nasmeta.meta._quantile_matching import Scale
from nasmeta.registry import Registry, is_place
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import SourceTask, Task, checked_sources

META_PREDICTORS: Registry[Any] = Registry("meta-predictor", group="nasmeta.meta_predictors")

for _name, _place in (
    ("experts", "in_context._experts:Experts"),
    ("maml", "bilevel._maml:MAML"),
):
    META_PREDICTORS.declare(
        _name, f"nasmeta.meta.{_place}", None if _name == "experts" else "torch"
    )


_OUTSIDE: Registry[Any] = Registry("meta-learner", group="")  # objects named package.module:Name


def is_meta_searcher(name: str) -> bool:
    """Return whether this is the name of a meta-searcher; a module in ``package.module:Name`` is imported."""
    kind = SEARCHERS[name] if name in SEARCHERS else _OUTSIDE[name] if is_place(name) else None
    return isinstance(kind, type) and issubclass(kind, MetaSearcher)


def is_meta_predictor(name: str) -> bool:
    """Return whether this is the name of a meta-predictor; a module in ``package.module:Name`` is imported.

    Examples
    --------
    >>> from nasmeta.meta import is_meta_predictor
    >>> is_meta_predictor("maml"), is_meta_predictor("meta-gp")
    (True, False)
    """
    kind = _OUTSIDE[name] if name not in META_PREDICTORS and is_place(name) else None
    return name in META_PREDICTORS or (isinstance(kind, type) and issubclass(kind, MetaPredictor))


class MetaPredictor(BaseEstimator, ABC):  # type: ignore[misc]
    """Base of meta-predictors.

    ``meta_fit(sources)`` learns from sources, ``fit(architectures, y)`` adapts to labels of the
    target, and ``predict(architectures)`` predicts. ``meta_model_`` contains everything learned
    from the sources, so one meta-training serves any number of targets, and can be written to a
    file (`nasmeta.meta.SavedMetaModel.write`).

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        Space of the architectures, or its name.
    seed : int, default 0
        Of the meta-training.

    Notes
    -----
    Higher labels are better, as in `nasmeta.tasks.SourceTask`: pass minus a latency.
    Meta-predictors are scikit-learn estimators; `sklearn.base.clone` gives an untrained copy.
    ``nasmeta.testing.MetaPredictorContract`` contains the tests that any meta-predictor must pass.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import MetaPredictor
    >>> class MeanOfSources(MetaPredictor):
    ...     def _meta_learn(self, sources):
    ...         return np.mean([source.utilities for source in sources], axis=0)
    ...
    ...     def _expected(self, learned):
    ...         return (learned - learned.mean()) / learned.std()
    ...
    ...     def _adapted(self, learned, architectures, scores):
    ...         return self._expected(learned), np.ones(len(learned))
    ...
    ...     def _pack(self):
    ...         return {"mean": self.meta_model_}, {}
    ...
    ...     def _unpack(self, arrays, facts):
    ...         return arrays["mean"]
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = MeanOfSources().meta_fit(sources).fit([0, 5, 6111], target[0].values[[0, 5, 6111]])
    >>> bool(np.corrcoef(predictor.predict(np.arange(15625)), target[0].values)[0, 1] > 0.9)
    True
    """

    meta_model_: Any = None
    meta_sources_: tuple[dict[str, Any], ...] = ()
    search_settings: ClassVar[tuple[str, ...]] = ()
    progress: Any = None  # called with (steps done, total steps, loss) of a gradient-based training

    def __init__(self, space: str | SearchSpace = "nb201", *, seed: int = 0) -> None:
        self.space, self.seed = space, seed

    @property
    def cell_space(self) -> SearchSpace:
        """The space as an object."""
        return get_space(self.space)

    def meta_fit(self, sources: Iterable[SourceTask | Task]) -> MetaPredictor:
        """Learn from source tasks.

        Parameters
        ----------
        sources : iterable of Task or SourceTask

        Raises
        ------
        SettingError
            If there is no source, or one of another space; see `nasmeta.tasks.checked_sources`.
        """
        who = META_PREDICTORS.name_of(type(self)) or type(self).__name__
        seen = checked_sources(who, sources, self.cell_space)
        self.meta_model_ = self._meta_learn(seen)
        self.meta_sources_ = tuple(source.facts for source in seen)
        return self

    def fit(self, architectures: Any, y: Any) -> MetaPredictor:
        """Adapt to labels of the target.

        Parameters
        ----------
        architectures : array-like of int or str, shape (n,)
        y : array-like of float, shape (n,)
            Higher is better.

        Raises
        ------
        LabelError
            If a label is not finite, or the numbers of labels and architectures differ or are zero.
        """
        learned = self.require_meta_model()
        known, labels = self._indices(architectures), np.asarray(y, dtype=np.float64).ravel()
        if len(labels) != len(known) or not len(labels) or not np.isfinite(labels).all():
            raise LabelError(
                f"y needs one finite label per architecture, of {len(known)} architectures."
            )
        if len(np.unique(known)) < len(known):
            raise ArchitectureError("An architecture appears twice: pass the mean of its labels.")
        self.scale_ = Scale.fit(labels, self._expected(learned)[known], self._trust(learned))
        self.mean_, self.std_ = self._adapted(learned, known, self.scale_.scores)
        return self

    def predict(self, architectures: Any, return_std: bool = False) -> Any:
        """Predict labels of architectures.

        Parameters
        ----------
        architectures : array-like of int or str, shape (n,)
        return_std : bool, default False

        Returns
        -------
        mean : ndarray of float64, shape (n,)
        std : ndarray of float64, shape (n,)
            Only with `return_std`.
        """
        if not hasattr(self, "mean_"):
            raise SettingError(
                f"{type(self).__name__} has no labels of the target yet: call fit(architectures, y) first."
            )
        asked = self._indices(architectures)
        mean = self.scale_.to_labels(self.mean_[asked])
        return (mean, self.std_[asked] * abs(self.scale_.slope)) if return_std else mean

    def _indices(self, architectures: Any) -> Architectures:
        return np.atleast_1d(
            np.asarray(self.cell_space.index_of(list(np.ravel(architectures))), dtype=np.int32)
        )

    def prior(self) -> Prediction:
        """Return mean and deviation of all architectures' scores before any label, both of shape (n_architectures,)."""
        nothing = np.zeros(0, dtype=np.int32)
        return self._adapted(self.require_meta_model(), nothing, np.zeros(0))

    def require_meta_model(self) -> Any:
        """Return the meta-model, or raise an error before `meta_fit`."""
        if self.meta_model_ is None:
            raise SettingError(
                f"{type(self).__name__} has not learned from sources yet: call meta_fit(tasks) first."
            )
        return self.meta_model_

    @abstractmethod
    def _meta_learn(self, sources: list[SourceTask]) -> Any:
        """Return the meta-model."""

    @abstractmethod
    def _expected(self, learned: Any) -> Floats:
        """Return the prior mean of all architectures' scores, shape (n_architectures,)."""

    @abstractmethod
    def _adapted(self, learned: Any, architectures: Architectures, scores: Floats) -> Prediction:
        """Return mean and deviation of all architectures' scores, given the scores of some or none."""

    def _trust(self, learned: Any) -> float:
        """Return the weight of the prior mean in the scale of a target's labels, from 0 to 1; see `Scale.fit`."""
        return 1.0

    @abstractmethod
    def _pack(self) -> Packed:
        """Return the meta-model as arrays and facts."""

    @abstractmethod
    def _unpack(self, arrays: Arrays, facts: Facts) -> Any:
        """Return the meta-model that `_pack` described."""
