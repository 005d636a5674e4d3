"""Bayesian optimisation with any meta-predictor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from nasmeta.errors import UnknownNameError
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed, Prediction
from nasmeta.meta._meta_predictor import META_PREDICTORS, is_meta_predictor
from nasmeta.searchers import MetaSearcher, PredictorSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_INITIAL = 5  # initial design; every second architecture is random, to reveal sources that mislead


class MetaPredictorSearch(PredictorSearch, MetaSearcher):
    """Adapt a meta-predictor to the observations and maximise an acquisition function over all architectures.

    Two of the first five architectures are random; the predictor proposes the others. The predictor
    is refitted as in `nasmeta.searchers.PredictorSearch`. Observed values may have any unit.
    Sources that mislead can harm the search.

    Parameters
    ----------
    predictor : str, default "experts"
        A name in `nasmeta.meta.META_PREDICTORS`, or ``package.module:Name``.
    acquisition : {"ucb", "ei", "thompson", "greedy"}, default "ucb"
        Mean plus `beta` deviations; expected improvement over the best label; independent normal
        draws; the mean.
    beta : float, default 0.5
        Multiplier of the deviation in the upper confidence bound.
    options : mapping, optional
        Keyword arguments of the predictor, such as ``{"steps": 50}``.

    Attributes
    ----------
    notes : list of dict
        For each of the last proposals, its origin (``sources`` or ``random``).

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-predictor", "nb201/cifar100", evaluations=5)
    >>> run.sources, len(run)
    (('nb201/cifar10', 'nb201/imagenet16-120'), 5)
    """

    default_predictor: ClassVar[Any] = "experts"
    default_acquisition: ClassVar[str] = "ucb"
    search_settings: ClassVar[tuple[str, ...]] = ("acquisition", "beta")

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        predictor: str | None = None,
        acquisition: str | None = None,
        beta: float = 0.5,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            space, rng, predictor=predictor, acquisition=acquisition, beta=beta, options=options
        )
        self.n_initial = 0
        self._taken: set[int] = set()  # proposed or observed

    @classmethod
    def knows(cls, predictor: str) -> bool:
        """Return whether this is the name of a meta-predictor."""
        return is_meta_predictor(predictor)

    @property
    def learner(self) -> Any:
        """The meta-predictor."""
        return self._model

    @classmethod
    def learner_name(cls, name: str, settings: Mapping[str, Any]) -> str:
        """Return the name of the meta-predictor, whose file serves every searcher that uses it."""
        return str(settings.get("predictor") or cls.default_predictor)

    @classmethod
    def with_learnt(cls, learned: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Add the settings of the trained meta-predictor to the options of a search."""
        return {**settings, "options": {**learned, **(settings.get("options") or {})}}

    # -- meta-training
    def _learn(self, sources: list[SourceTask]) -> Any:
        self._model.progress = self.progress
        return self._model.meta_fit(sources).meta_model_

    def _pack(self) -> Packed:
        packed: Packed = self._ready._pack()
        return packed

    def _unpack(self, arrays: Arrays, facts: Facts) -> Any:
        return self._model._unpack(arrays, facts)

    @property
    def _ready(self) -> Any:
        self._model.meta_model_ = self._require_meta_model()
        return self._model

    # -- the search
    def ask(self, n: int = 1) -> Architectures:
        """Propose architectures one by one: of the first five, every second one at random."""
        self._require_open(n)
        architectures, self.notes = np.empty(n, np.int32), []
        for i in range(n):
            by = "random" if len(self._taken) < _INITIAL and len(self._taken) % 2 else "sources"
            architectures[i] = self._drawn() if by == "random" else super().ask()[0]
            self._taken.add(int(architectures[i]))
            self.notes.append({"by": by})
        return architectures

    def _drawn(self) -> int:
        architecture = int(self.rng.choice(np.flatnonzero(self._open)))
        self._open[architecture] = False
        return architecture

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Add the values."""
        super().tell(architectures, values)
        self._taken.update(architectures.tolist())

    # -- the model
    def build_model(self, seed: int) -> Any:
        """Return the untrained meta-predictor."""
        if not isinstance(self.predictor, str) or not self.knows(self.predictor):
            raise UnknownNameError.of("meta-predictor", self.predictor, list(META_PREDICTORS))
        return META_PREDICTORS[self.predictor](self.space, **self.options)

    def fit_model(self, architectures: Architectures, labels: Floats) -> None:
        """Adapt to the values, not to the labels: the predictor has its own scale."""
        self._ready.fit(
            architectures, [self._observed[architecture] for architecture in architectures.tolist()]
        )
        self._highest = float(labels.max())

    def predict_model(self) -> Prediction:
        """Return mean and deviation of all scores, shifted so that the best observed score is the best label."""
        model = self._model
        return model.mean_ + (self._highest - model.scale_.scores.max()), model.std_

    @cached_property
    def _prior(self) -> Prediction:
        prior: Prediction = self._ready.prior()
        return prior

    def _is_fitted(self) -> bool:
        """Use the prior from the sources until two values differ."""
        if not self._observed or not super()._is_fitted():
            self._mean, self._deviation = self._prior
            self._best = float(self._mean.max())
        return True
