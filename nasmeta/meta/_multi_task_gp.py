"""Bayesian optimisation with one Gaussian process over architectures and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import solve_triangular

from nasmeta.meta._arrays import AnyFloats, Floats
from nasmeta.meta._transfer_search import JointGPSearch


@dataclass(frozen=True)
class MultiTaskSettings:
    """Prior of the sources' weights; ``reports/meta/gp`` and ``reports/transfer`` have results."""

    mean: float = 0.3  # of the sum of all weights
    variance: float = 0.1  # of the sum


MULTI_TASK = MultiTaskSettings()


def regression_weights(
    sources: AnyFloats, labels: Floats, factor: Floats, prior: MultiTaskSettings
) -> Floats:
    """Return the posterior mean of the sources' weights by generalised least squares.

    Parameters
    ----------
    sources : ndarray, shape (n_sources, n)
        Predictions of the observed architectures.
    labels : ndarray, shape (n,)
    factor : ndarray, shape (n, n)
        Lower Cholesky factor of the covariance of the labels around the weighted sum.
    prior : MultiTaskSettings

    Returns
    -------
    ndarray of float64, shape (n_sources,)
    """
    n_sources = len(sources)
    before, variance = np.full(n_sources, prior.mean / n_sources), prior.variance / n_sources
    if len(labels) < 2:
        return before
    seen = sources.T.astype(np.float64)
    both = np.c_[seen - seen.mean(axis=0), labels - labels.mean()]
    whitened = solve_triangular(factor, both, lower=True, check_finite=False)
    by_source, values = whitened[:, :-1], whitened[:, -1]
    known = by_source.T @ by_source + np.eye(n_sources) / variance
    return np.asarray(
        np.linalg.solve(known, by_source.T @ values + before / variance), dtype=np.float64
    )


class MultiTaskGPSearch(JointGPSearch):
    r"""Bayesian optimisation with a process over architectures and tasks: the target is a weighted sum of the sources.

    A function of the target is :math:`f(x) = \sum_s w_s f_s(x) + g(x)`, the linear model of coregionalisation
    (Bonilla, Chai and Williams, "Multi-task Gaussian process prediction", NeurIPS 2007). The sources' functions
    :math:`f_s` are learned jointly before the search, from as few as a dozen labels per source, by a process with one
    part that all tasks share and one part per task. The weights have a Gaussian prior with a positive mean and are
    regressed again at each step (generalised least squares under the process of g). So a source that the observations
    contradict gets no weight, or a negative one. g has the first kernel, hyperparameters and acquisition function of
    `nasmeta.searchers.GPSearch`. The joint process with equal weights chooses the first `n_initial` architectures.

    Sources may have another space. If it neither contains the target's nor is contained in it,
    positions are matched by name and relative level, see `nasmeta.spaces.codes_by_level`.

    Parameters
    ----------
    n_initial : int, default 5
        Size of the initial design.
    features : sequence of str, optional
        Features that the kernel compares, see `nasmeta.spaces.SearchSpace.feature`; by default the
        space's ``kernel_features``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> run = nm.search("multi-task-gp", "nb201/cifar100", sources=few, evaluations=10)
    >>> run.sources
    ('nb201/cifar10', 'nb201/imagenet16-120')
    """

    prior_of_weights: ClassVar[MultiTaskSettings] = MULTI_TASK

    def _weights(self, labels: Floats) -> Floats:
        seen = self._models.standard_means[:, self._gp.architectures]
        return regression_weights(seen, labels, self._gp.factor, self.prior_of_weights)
