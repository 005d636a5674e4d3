"""MAML, ANIL and Reptile: initial weights for adaptation by a few gradient steps."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, shown
from nasmeta.meta._arrays import Floats, Prediction
from nasmeta.meta._network_learner import Batch, EpisodeInputs, NetworkLearner, NetworkModel
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Episode

Weights = dict[str, Tensor]


class _Network(nn.Module):
    """A small network with a linear head, and an inner learning rate per parameter tensor."""

    def __init__(self, n_inputs: int, width: int, rate: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.head = nn.Linear(width, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.zero_()
        names = [name.replace(".", "_") for name, _ in self.named_parameters()]
        self.rates = nn.ParameterDict({name: nn.Parameter(torch.tensor(np.log(rate)).float()) for name in names})

    def forward(self, inputs: Tensor) -> Tensor:
        """Return predictions, (n,), of inputs (n, n_inputs)."""
        out: Tensor = self.head(self.body(inputs))[:, 0]
        return out


@dataclass(eq=False, repr=False)
class _GradientLearner(NetworkLearner):
    """Base with the inner loop."""

    adapted_prefix: ClassVar[tuple[str, ...]] = ("body.", "head.")

    space: str | SearchSpace = "nb201"
    _: KW_ONLY
    inner_steps: int = 5
    order: int = 2
    width: int = 64
    steps: int | None = None
    noise: float = 0.1
    device: str = "cpu"
    seed: int = 0
    blends: bool = True

    def _module(self, n_inputs: int, n_groups: int, n_each: int) -> nn.Module:
        check_int("inner_steps", self.inner_steps, most=1000)
        if self.order not in (1, 2):
            raise SettingError(f"order must be 1 or 2, not {shown(self.order)}.")
        return _Network(n_inputs, check_int("width", self.width, most=4096), 0.05)

    def _inner(self, module: nn.Module, inputs: Tensor, scores: Tensor, differentiable: bool) -> Weights:
        """Return the adapted weights after the inner loop, without those that do not adapt."""
        weights: Weights = {name: p for name, p in module.named_parameters() if name.startswith(self.adapted_prefix)}
        rates = {name: module.rates[name.replace(".", "_")].exp() for name in weights}  # type: ignore[index]

        def loss(adapted: Weights) -> Tensor:
            predicted = functional_call(module, adapted, (inputs,))
            return nn.functional.smooth_l1_loss(predicted, scores)

        for _ in range(self.inner_steps if len(scores) else 0):
            slopes = grad(loss)(weights)
            if self.order == 1 or not differentiable:
                slopes = {name: slope.detach() for name, slope in slopes.items()}
            weights = {name: weights[name] - rates[name] * slopes[name] for name in weights}
        return weights

    def _loss(self, module: nn.Module, inputs: EpisodeInputs, episode: Episode) -> Tensor:
        batch = inputs(episode)
        adapted = self._inner(module, batch.support, batch.support_scores, True)
        predicted = functional_call(module, adapted, (batch.query,))
        return nn.functional.smooth_l1_loss(predicted, batch.query_scores)

    def _squared_error(self, module: nn.Module, batch: Batch) -> float:
        adapted = self._inner(module, batch.support, batch.support_scores, False)
        with torch.no_grad():
            predicted = functional_call(module, adapted, (batch.query,))
            return float((predicted - batch.query_scores).square().mean())

    def _predicted(self, learnt: NetworkModel, rows: NDArray[np.int64], scores: Floats) -> Prediction:
        support, known = learnt.inputs[torch.from_numpy(rows)], torch.from_numpy(scores).float()
        adapted = self._inner(learnt.module, support, known, False)
        with torch.no_grad():
            mean = functional_call(learnt.module, adapted, (learnt.inputs,)).double().numpy()
        return mean, np.full(len(mean), learnt.noise)


class MAML(_GradientLearner):
    """Model-agnostic meta-learning: all weights adapt by a few gradient steps on the support set.

    Finn, Abbeel and Levine, ICML 2017; with a learned step size per parameter tensor, as in Meta-SGD (Li et al., 2017).
    ``order=1`` omits second derivatives (first-order MAML).

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    inner_steps : int, default 5
    order : {2, 1}, default 2
    width : int, default 64
        Of the two hidden layers.
    steps : int, optional
        Of the outer loop; by default 150.
    noise : float, default 0.1
        Standard deviation of the noise added to the sources' scores.
    device : str, default "cpu"
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


class ANIL(_GradientLearner):
    """Almost no inner loop: only the head adapts, the features are shared.

    Raghu et al., "Rapid learning or feature reuse?", ICLR 2020. Parameters as `MAML`.

    Examples
    --------
    >>> from nasmeta.meta import META_PREDICTORS
    >>> META_PREDICTORS["anil"](order=1).order
    1
    """

    adapted_prefix = ("head.",)


@dataclass(eq=False, repr=False, kw_only=True)
class Reptile(_GradientLearner):
    """The initial weights move towards the adapted weights of each task; no derivative of the inner loop.

    Nichol, Achiam and Schulman, "On first-order meta-learning algorithms", 2018. Parameters as `MAML`, of which
    ``order`` has no effect.

    Examples
    --------
    >>> from nasmeta.meta import META_PREDICTORS
    >>> META_PREDICTORS["reptile"]().inner_steps
    10
    """

    inner_steps: int = 10
    order: int = 1

    def _direction(self) -> Any:
        def direction(module: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
            inputs = torch.cat([batch.support, batch.query])
            scores = torch.cat([batch.support_scores, batch.query_scores])
            adapted = self._inner(module, inputs, scores, False)
            with torch.no_grad():
                loss = nn.functional.smooth_l1_loss(functional_call(module, adapted, (inputs,)), scores)
                moves = [
                    (p - adapted[name]).detach() if name in adapted else torch.zeros_like(p)
                    for name, p in module.named_parameters()
                ]
            return loss, moves

        return direction
