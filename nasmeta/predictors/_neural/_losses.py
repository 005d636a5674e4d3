"""Losses of a batch, one number for each member."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional


def mean_squared_error(predicted: Tensor, scores: Tensor) -> Tensor:
    """Return the mean squared error, shape (n_members,), of arrays of shape (n_members, n)."""
    return (predicted - scores).square().mean(-1)


def pairwise_logistic(predicted: Tensor, scores: Tensor) -> Tensor:
    r"""Return RankNet's loss, shape (n_members,), of predictions and scores, (n_members, n).

    It is the mean of :math:`\log(1 + e^{-(p_i - p_j)})` over the pairs with t_i > t_j.
    Burges et al., "Learning to rank using gradient descent", ICML 2005. Only the order of the scores counts; tied
    scores say nothing. A batch of n gives n(n - 1)/2 pairs.
    """
    above = (scores[:, :, None] > scores[:, None, :]).to(predicted.dtype)
    losses = functional.softplus(predicted[:, None, :] - predicted[:, :, None]) * above
    return torch.as_tensor(losses.sum((1, 2)) / above.sum((1, 2)).clamp(min=1))


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": mean_squared_error, "ranking": pairwise_logistic}
