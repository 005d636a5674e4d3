"""The in-context learner as a meta-predictor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._arrays import (
    Architectures,
    Arrays,
    Facts,
    Floats,
    Floats32,
    Packed,
    Prediction,
    of_prefix,
    with_prefix,
)
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._network_inputs import proxy_scores
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.meta.in_context._network import InContextNetwork, Weights, checked_weights, chosen_weights
from nasmeta.meta.in_context._reading import Similarity, SourceView, read
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, normal_scores

_BLOCK = 4096  # architectures predicted at once
_PREFIX = "weights."


@dataclass(frozen=True, eq=False)
class InContextModel:
    """Scores of the sources, shape (n_sources, n_architectures), and pretrained weights."""

    scores: Floats32
    weights: Weights

    @cached_property
    def network(self) -> InContextNetwork:
        """The transformer."""
        return InContextNetwork(self.weights.arrays)


class InContext(MetaPredictor):
    """Transformer pretrained on many families of tasks; labels and sources are its context, without gradient steps.

    A prior-fitted network (Müller, Hollmann, Pineda Arango, Grabocka and Hutter, "Transformers can do Bayesian
    inference", ICLR 2022) with the attention of a transformer neural process (Nguyen and Grover, ICML 2022). The inputs
    of an architecture include predictions of experts: Gaussian processes of the labels alone and around the sources'
    mean, each with three kernels; the processes' average, weighted by marginal likelihood; the sources' mean; and the
    sources that agree most with the labels. Labelled architectures also have each expert's leave-one-out error,
    although the weights of processes and sources use all labels. Attention depends on similarity of features, so the
    network works on any space. The head weights the experts for each architecture.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    weights : str or path-like, default "auto"
        A file, a name, or ``"auto"``: shipped weights that have seen neither the space nor a dataset or device of the
        sources or of ``avoid``. Runs and predictions set ``avoid`` to the datasets and devices of their target.
    objective : {"likelihood", "joint", "reward"}, default "likelihood"
        Objective of the training of shipped weights: likelihood of predictions, likelihood and rewards of searches, or
        rewards alone.
    seed : int, default 0
        Ignored.
    blends : bool, default True
        See `MetaPredictor`.

    Raises
    ------
    LeakageError
        In `meta_fit`, if named weights have seen the space, or a dataset or device of the sources.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = META_PREDICTORS["in-context"]().meta_fit(source.as_sources(300, np.random.default_rng(0)))
    >>> "nb201" in predictor.meta_model_.weights.card["families"]
    False
    >>> predictor.fit([3, 500], target[0].values[[3, 500]]).predict([6111, 0]).shape
    (2,)
    """

    def __init__(
        self,
        space: str | SearchSpace = "nb201",
        *,
        weights: Any = "auto",
        objective: str = "likelihood",
        seed: int = 0,
        blends: bool = True,
    ) -> None:
        super().__init__(space, seed=seed, blends=blends)
        self.weights, self.objective = weights, objective

    def _meta_learn(self, sources: list[SourceTask]) -> InContextModel:
        names = dict.fromkeys([*self.avoid, *(name for source in sources for name in source.held_out)])
        weights = chosen_weights(self.weights, self.cell_space, names, self.objective)
        return InContextModel(SourceMatrix.of(self.cell_space, sources, "rank").scores, weights)

    def _expected(self, learned: InContextModel) -> Floats:
        return SourceView.of(learned.scores).mean.astype(np.float64)

    def _trust(self, learned: InContextModel) -> float:
        return 0.0  # the labels' own normal scores, as in the training

    def _adapted(self, learned: InContextModel, architectures: Architectures, scores: Floats) -> Prediction:
        return self._forecast(learned, architectures, scores, np.arange(self.cell_space.size))

    def _forecast(
        self, learned: InContextModel, architectures: NDArray[Any], scores: Floats, asked: NDArray[Any]
    ) -> Prediction:
        """Predict normal scores, and map them to the scale of the scores (n,) by least squares.

        All queries share one pass over the labelled architectures; they are read in blocks.
        """
        ranked = normal_scores(scores) if len(scores) else scores
        view = SourceView.of(learned.scores, proxy_scores(self.cell_space).T)
        reading = read(self._similarity, view, architectures, ranked, asked, np.arange(self.cell_space.size))
        mean, deviation = np.empty(len(asked)), np.empty(len(asked))
        contexts = learned.network.contexts(reading)
        for first in range(0, len(asked), _BLOCK):
            some = slice(first, first + _BLOCK)
            parts = reading.asked[some], reading.experts[some], reading.across[some]
            mean[some], deviation[some] = learned.network.answer(contexts, *parts)
        if not len(scores):
            return mean, deviation
        spread = float(ranked.var())
        slope = float(np.cov(ranked, scores, bias=True)[0, 1]) / spread if spread > 0 else 1.0
        return scores.mean() + slope * (mean - ranked.mean()), slope * deviation

    @cached_property
    def _similarity(self) -> Similarity:
        return Similarity(self.cell_space)

    def _pack(self) -> Packed:
        learned: InContextModel = self.require_meta_model()
        arrays = {"scores": learned.scores, **with_prefix(_PREFIX, learned.weights.arrays)}
        return arrays, {"weights": learned.weights.card}

    def _unpack(self, arrays: Arrays, facts: Facts) -> InContextModel:
        return InContextModel(arrays["scores"], checked_weights(of_prefix(_PREFIX, arrays), facts["weights"]))
