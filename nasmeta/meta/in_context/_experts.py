"""Experts weighted by their errors, as a meta-predictor."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.special import softmax

from nasmeta.meta._arrays import (
    Architectures,
    Arrays,
    Facts,
    Floats,
    Floats32,
    Integers,
    Packed,
    Prediction,
)
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._network_inputs import proxy_scores
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.meta.in_context._reading import Context, Similarity, SourceView, deviations_of
from nasmeta.predictors import make_predictor
from nasmeta.tasks import SourceTask

_SHARPNESS = 0.25  # of the weights, per label
# predictors that are experts from ten labels on, by their errors in five folds
_LEARNERS = ("ridge", "xgboost", "random-forest")
_FEWEST, _FOLDS = 10, 5


class Experts(MetaPredictor):
    r"""Average of predictions, weighted by their errors on the target's labels.

    The experts are zero; Gaussian processes of the labels alone and around the sources' mean, each
    with three kernels; the processes' average, weighted by marginal likelihood; the sources' mean;
    and the mean of the sources that agree most with the labels. From ten labels on, `ridge`,
    `xgboost` and `random-forest` on the labels alone are also experts. With n labels, the weight of
    an expert is proportional to :math:`m^{-n/4}`, where m is its mean squared error: leave-one-out,
    and in five folds for the last three. ``reports/transfer/few_shot`` compares it with predictors
    without sources.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    seed : int, default 0
        Ignored.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = META_PREDICTORS["experts"]().meta_fit(sources.as_sources(300, np.random.default_rng(0)))
    >>> predictor.fit([3, 500], target[0].values[[3, 500]]).predict([6111, 0]).shape
    (2,)
    """

    def _meta_learn(self, sources: list[SourceTask]) -> Floats32:
        return SourceMatrix.of(self.cell_space, sources).scores

    def _expected(self, learned: Floats32) -> Floats:
        return SourceView.of(learned).mean.astype(np.float64)

    def _trust(self, learned: Floats32) -> float:
        return 0.0  # the labels' own normal scores

    def _adapted(
        self, learned: Floats32, architectures: Architectures, scores: Floats
    ) -> Prediction:
        similarity = self._similarity
        every = np.arange(self.cell_space.size)
        view = SourceView.of(learned, proxy_scores(self.cell_space).T)
        order = np.argsort(architectures)
        known = architectures[order]
        level = scores.mean() if len(scores) else 0.0
        labels = scores[order] - level
        context = Context(view, known, labels, similarity.between(known, known))
        predicted = context.experts(every, similarity.between(every, known))  # (size, n_experts)
        errors = context.errors  # (n, n_experts)
        if len(known) >= _FEWEST and np.ptp(labels):
            for name in _LEARNERS:
                further, left_out = self._learner(name, known, labels)
                predicted = np.column_stack([predicted, further])
                errors = np.column_stack([errors, left_out])
        deviations = deviations_of(errors)
        weights = softmax(-2 * _SHARPNESS * len(known) * np.log(deviations))
        mean, deviation = mixture(weights, predicted.T, deviations[:, None])
        return level + mean, deviation

    def _learner(self, name: str, known: Integers, labels: Floats) -> Prediction:
        """Return predictions of all architectures by a predictor, and its cross-validated errors on the labels."""
        n = len(known)
        errors = labels.copy()
        model = make_predictor(name, space=self.cell_space)
        order = np.random.default_rng(n).permutation(n)
        for fold in np.array_split(order, _FOLDS):
            kept = np.setdiff1d(np.arange(n), fold)
            if np.ptp(labels[kept]):
                model.fit(known[kept], labels[kept])
                errors[fold] -= model.predict(known[fold])
        model.fit(known, labels)
        return model.predict(np.arange(self.cell_space.size)), errors

    @cached_property
    def _similarity(self) -> Similarity:
        return Similarity(self.cell_space)

    def _pack(self) -> Packed:
        return {"scores": self.require_meta_model()}, {}

    def _unpack(self, arrays: Arrays, facts: Facts) -> Floats32:
        return arrays["scores"]


def mixture(weights: Floats, means: Floats, stds: Floats) -> Prediction:
    """Return mean and deviation of a mixture of models, (n_models,), whose predictions have shape (n_models, n).

    >>> mixture(np.array([0.25, 0.75]), np.array([[0.0], [4.0]]), np.array([[1.0], [2.0]]))
    (array([3.]), array([2.5]))
    """
    mean = weights @ means
    # var x = E var x + var E x
    variance = weights @ (stds**2 + (means - mean) ** 2)
    return mean, np.sqrt(variance)
