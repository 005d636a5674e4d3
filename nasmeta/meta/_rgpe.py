"""An ensemble of source processes, weighted by how well they rank what the target has shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._source_guided import SourceGuidedSearch
from nasmeta.predictors import CellGP
from nasmeta.searchers import SEARCHERS

_SLOPE = 0.5  # of the target's ranks on a source that ranks best in every sample
_SAMPLES = 100
_WORSE_THAN = 0.95  # share of the own model's losses above which a source is left out


def ranking_losses(
    predictions: Sequence[NDArray[np.float64]], labels: NDArray[np.float64], times: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return how many ordered pairs each prediction, (n,), has in the wrong order, shape (n_predictions, n_samples).

    `times`, (n_samples, n), says how often each sample has each of the observed labels, (n,).
    """
    order = np.sign(labels[:, None] - labels)
    losses = np.empty((len(predictions), len(times)))
    for loss, predicted in zip(losses, predictions, strict=True):
        wrong = np.sign(predicted[:, None] - predicted) != order
        loss[:] = np.einsum("sn,sn->s", times @ wrong.astype(np.float32), times)
    return losses


def ranking_shares(
    sources: NDArray[np.floating], process: CellGP, labels: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return who ranks best in samples of the labels, (n_sources + 1, n_samples), and how often each label is drawn.

    The last row is the target's own process, which predicts each label from the others (Rasmussen and Williams 2006,
    equation 5.12).
    """
    n, noise = len(labels), process.hyperparameters.noise
    inverse = np.linalg.inv(process.observed_covariance().astype(np.float64) + noise * np.eye(n))
    left_out = labels - (inverse @ labels) / np.diag(inverse)
    times = rng.multinomial(n, np.full(n, 1 / n), size=_SAMPLES).astype(np.float32)
    losses = ranking_losses([*sources, left_out], labels, times)
    losses[:-1][np.median(losses[:-1], axis=1) > np.quantile(losses[-1], _WORSE_THAN)] = np.inf
    best = losses == losses.min(axis=0)
    return best / best.sum(axis=0), times


@SEARCHERS.register("rgpe")
class RGPESearch(SourceGuidedSearch):
    """Bayesian optimisation with source processes that are weighted by their ranking of the target's values.

    A source's weight is the share of bootstrap samples of the target's observations in which its process has the
    fewest pairs in the wrong order, among the sources and the target's own process, which predicts each observation
    from the others. A source whose median loss is above the 95 % quantile of the own process's has no weight. After
    Feurer, Letham and Bakshy, "Scalable meta-learning for Bayesian optimization" (ICML AutoML workshop 2018).

    Theirs averages the posteriors of all members. Here the weighted sum of the sources' posterior means is the prior
    mean of the target's process, so that each observation corrects it. All else is as in `MultiTaskGPSearch`: the
    beginning, the kernel, and sources of another space.

    Parameters
    ----------
    n_initial : int, default 5
        Evaluations that the joint process over cells and tasks chooses.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> len(nm.search("rgpe", "nb201/cifar100", sources=few, evaluations=10))
    10
    """

    def _weights(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._weights_with_and_without(labels)[0]

    def _weights_with_and_without(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sources' weights, shape (n_sources,), and those without each observation, shape (n, n_sources).

        The weights without an observation are those of the bootstrap samples that have not drawn it.
        """
        sources = self._source_means[:, self._gp.cells]
        n = len(labels)
        if n < 3:
            before = np.full(len(sources), _SLOPE / len(sources))
            return before, np.tile(before, (n, 1))
        shares, times = ranking_shares(sources, self._gp, labels, self.rng)
        weights: NDArray[np.float64] = _SLOPE * shares.mean(axis=1)[:-1]
        undrawn = times == 0
        without = _SLOPE * (shares[:-1] @ undrawn / np.maximum(undrawn.sum(axis=0), 1)).T
        return weights, np.where(undrawn.any(axis=0)[:, None], without, weights)
