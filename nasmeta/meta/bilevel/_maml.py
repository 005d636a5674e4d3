"""MAML: initial weights for adaptation by a few gradient steps."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from nasmeta.checks import check_int
from nasmeta.meta._network_predictor import Batch, NetworkLearner
from nasmeta.spaces import SearchSpace

_RATE = 0.05  # first inner learning rate
Weights = dict[str, Tensor]


class AdaptedNetwork(nn.Module):
    """A small network with a linear head, and the logarithm of an inner learning rate per parameter tensor."""

    def __init__(self, n_inputs: int, width: int) -> None:
        """Initialise the weights; a head near 0 predicts the expected scores."""
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = nn.Linear(width, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
        names = [name.replace(".", "_") for name, _ in self.named_parameters()]
        self.rates = nn.ParameterDict({name: nn.Parameter(torch.tensor(np.log(_RATE)).float()) for name in names})

    def forward(self, inputs: Tensor) -> Tensor:
        """Return predictions, (n,), of inputs (n, n_inputs)."""
        out: Tensor = self.head(self.body(inputs))[:, 0]
        return out


def loss_of(module: nn.Module, weights: Weights, inputs: Tensor, scores: Tensor) -> Tensor:
    """Return the smooth L1 loss of a network with some of its weights replaced."""
    return nn.functional.smooth_l1_loss(functional_call(module, weights, (inputs,)), scores)


@dataclass(eq=False, repr=False)
class MAML(NetworkLearner):
    """Model-agnostic meta-learning: weights adapt by a few gradient steps on the support set.

    Finn, Abbeel and Levine, ICML 2017; with a learned step size per parameter tensor (Meta-SGD, Li et al., 2017, learns
    one per parameter).

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    inner_steps : int, default 5
    width : int, default 64
        Width of the two hidden layers.
    steps : int, optional
        Steps of the outer loop; by default 150.
    seed : int, default 0
    blends : bool, default True
        See `MetaPredictor`.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import META_PREDICTORS
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = META_PREDICTORS["maml"](steps=5).meta_fit(source.as_sources(300, np.random.default_rng(0)))
    >>> predictor.fit([3, 500, 7000], target[0].values[[3, 500, 7000]]).predict([6111]).shape
    (1,)
    """

    space: str | SearchSpace = "nb201"
    _: KW_ONLY
    inner_steps: int = 5
    width: int = 64
    steps: int | None = None
    seed: int = 0
    blends: bool = True

    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        check_int("inner_steps", self.inner_steps, most=1000)
        return AdaptedNetwork(n_inputs, self.width)

    def adapt(self, module: nn.Module, inputs: Tensor, scores: Tensor) -> Weights:
        """Return the weights after the inner loop on a support set of inputs (k, d) and scores (k,).

        The weights are differentiable functions of the initial ones, second derivatives included.
        """
        weights: Weights = {
            name: weights for name, weights in module.named_parameters() if name.startswith(("body.", "head."))
        }
        slope = grad(lambda adapted: loss_of(module, adapted, inputs, scores))
        for _ in range(self.inner_steps if len(scores) else 0):
            slopes = slope(weights)
            weights = {
                name: before - module.rates[name.replace(".", "_")].exp() * slopes[name]  # type: ignore[index]
                for name, before in weights.items()
            }
        return weights

    def _loss(self, module: nn.Module, batch: Batch) -> Tensor:
        adapted = self.adapt(module, batch.support, batch.support_scores)
        return loss_of(module, adapted, batch.query, batch.query_scores)

    def _posterior(self, module: nn.Module, support: Tensor, scores: Tensor, query: Tensor) -> tuple[Tensor, None]:
        with torch.no_grad():
            return functional_call(module, self.adapt(module, support, scores), (query,)), None
