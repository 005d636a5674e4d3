"""Bayesian optimisation with one Gaussian process over cells and tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from nasmeta.meta._source_guided import SourceGuidedSearch
from nasmeta.searchers import SEARCHERS

_MEAN, _VARIANCE = 0.3, 0.1  # of the sources' weights before anything is observed, all sources together


def prior_of_weights(n_sources: int) -> tuple[NDArray[np.float64], float]:
    """Return the prior mean of the sources' weights, shape (n_sources,), and the variance of each."""
    return np.full(n_sources, _MEAN / n_sources), _VARIANCE / n_sources


def regression_weights(
    sources: NDArray[np.floating], labels: NDArray[np.float64], factor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the posterior mean of the sources' weights, shape (n_sources,), by generalised least squares.

    Sources, (n_sources, n), are their predictions of the observed cells; `factor`, (n, n), is the lower Cholesky factor
    of the covariance of the labels, (n,), around the weighted sum.
    """
    n_sources = len(sources)
    before, variance = prior_of_weights(n_sources)
    if len(labels) < 2:
        return before
    seen = sources.T.astype(np.float64)
    both = np.c_[seen - seen.mean(axis=0), labels - labels.mean()]
    whitened = solve_triangular(factor, both, lower=True, check_finite=False)
    by_source, values = whitened[:, :-1], whitened[:, -1]
    known = by_source.T @ by_source + np.eye(n_sources) / variance
    return np.asarray(np.linalg.solve(known, by_source.T @ values + before / variance), dtype=np.float64)


@SEARCHERS.register("multi-task-gp")
class MultiTaskGPSearch(SourceGuidedSearch):
    r"""Bayesian optimisation with a process over cells and tasks: the target is a weighted sum of the sources.

    A function of the target is :math:`f(x) = \sum_s w_s f_s(x) + g(x)`, the linear model of coregionalisation
    (Bonilla, Chai and Williams, "Multi-task Gaussian process prediction", NeurIPS 2007). The sources' functions
    :math:`f_s` are learnt together before the search, from as few as a dozen labels a source, by a process that has
    one part which all tasks share and one of each task. Their weights are Gaussian with a mean above zero, and are
    regressed again at each step (generalised least squares under the process of g), so a source that the target's
    values contradict loses its weight, even to the other side. g has the kernel, hyperparameters and acquisition of
    `nasmeta.searchers.GPSearch`. The first `n_initial` cells are those of the joint process, with equal weights.

    Sources may be of another space that has all architectures of the target's, or whose architectures are all in it.

    Parameters
    ----------
    n_initial : int, default 5
        Evaluations that the joint process chooses.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> run = nm.search("multi-task-gp", "nb201/cifar100", sources=few, evaluations=10)
    >>> run.sources
    ('nb201/cifar10', 'nb201/imagenet16-120')
    """

    def _weights(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        return regression_weights(self._source_means[:, self._gp.cells], labels, self._gp.factor)
