"""An ensemble of source processes, weighted by how well they rank what the target has shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._source_guided import SourceGuidedSearch
from nasmeta.searchers import SEARCHERS

__all__ = ["RGPESearch", "ranking_losses"]

_SLOPE = 0.5  # of the target's ranks on a source that ranks best in every sample
_SAMPLES = 100
_WORSE_THAN = 0.95  # share of the own model's losses above which a source is left out


def ranking_losses(
    predictions: Sequence[NDArray[np.float64]], labels: NDArray[np.float64], samples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return how many pairs each prediction has in the wrong order, in bootstrap samples of the observations.

    Parameters
    ----------
    predictions : sequence of ndarray of float, shape (n,)
    labels : ndarray of float64, shape (n,)
    samples : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (n_predictions, samples)
        Ordered pairs (i, j), so each pair counts twice.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.meta._rgpe import ranking_losses
    >>> labels = np.array([1.0, 2.0, 3.0])
    >>> ranking_losses([labels, -labels], labels, 2, np.random.default_rng(0))
    array([[0., 0.],
           [6., 0.]])
    """
    n = len(labels)
    times = rng.multinomial(n, np.full(n, 1 / n), size=samples).astype(np.float32)
    order = np.sign(labels[:, None] - labels)
    losses = np.empty((len(predictions), samples))
    for loss, predicted in zip(losses, predictions, strict=True):
        wrong = np.sign(predicted[:, None] - predicted) != order
        loss[:] = np.einsum("sn,sn->s", times @ wrong.astype(np.float32), times)
    return losses


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
    space : SearchSpace
    rng : numpy.random.Generator
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
        sources = self._source_means[:, self._gp.cells]
        if len(labels) < 3:
            return np.full(len(sources), _SLOPE / len(sources))
        losses = ranking_losses([*sources, self._left_out(labels)], labels, _SAMPLES, self.rng)
        useless = np.median(losses[:-1], axis=1) > np.quantile(losses[-1], _WORSE_THAN)
        losses[:-1][useless] = np.inf
        best = losses == losses.min(axis=0)
        weights: NDArray[np.float64] = (best / best.sum(axis=0)).mean(axis=1)
        return _SLOPE * weights[:-1]

    def _left_out(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the target's own process predicts each label to be from the others, shape (n,).

        Rasmussen and Williams 2006, equation 5.12, with the hyperparameters that are the target's at present.
        """
        noise = self._gp.hyperparameters.noise
        inverse = np.linalg.inv(self._gp.observed_covariance() + noise * np.eye(len(self._gp.cells)))
        predicted: NDArray[np.float64] = labels - (inverse @ labels) / np.diag(inverse)
        return predicted
