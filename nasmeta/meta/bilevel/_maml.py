"""MAML: initial weights of a network that adapt to a task by a few gradient steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from nasmeta.checks import check_int
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed, Prediction
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._network_inputs import network_columns
from nasmeta.meta._quantile_matching import labels_like
from nasmeta.meta._source_scores import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, EpisodeSampler, SourceTask

_WIDTH = 64  # of the two hidden layers
_INNER_STEPS, _INNER_RATE = 5, 0.025
# Of the outer loop:
_BATCH = 8  # episodes per step
_RATE = 2e-3
_WEIGHT_DECAY = 1e-4
_LARGEST_GRADIENT = 5.0
# Of training tasks: deviation of the noise in labels, and share that mixes several sources.
_TASKS = Augmentation(noise=0.1, mixture=0.3)
_LABELS = 100  # maximum number of labels in a support or query set
_CACHED = 64  # tables of inputs, one per set of left-out groups

Weights = dict[str, Tensor]


class MAMLModel(NamedTuple):
    """The meta-model of MAML."""

    network: nn.Module  # with the outer parameters
    summary: Floats  # of the sources: mean score per role, and the spread of role 0; (n_roles + 1, n_architectures)
    noise: float  # root mean squared error on training tasks


def made_network(n_inputs: int, width: int = _WIDTH) -> nn.Sequential:
    """Return a network with two hidden layers; a last layer near 0 predicts the expected scores."""
    last = nn.Linear(width, 1)
    with torch.no_grad():
        last.weight.mul_(0.1)
        last.bias.zero_()
    return nn.Sequential(
        nn.Linear(n_inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), last
    )


def predicted(network: nn.Module, weights: Weights, inputs: Tensor) -> Tensor:
    """Return predictions, (n,), of inputs (n, n_inputs) by the network with these weights."""
    out: Tensor = functional_call(network, weights, (inputs,))[:, 0]
    return out


def adapted(network: nn.Module, inputs: Tensor, scores: Tensor) -> Weights:
    """Return the weights after the inner loop on a support set of inputs (k, d) and scores (k,).

    The weights are differentiable functions of the initial ones, second derivatives included.
    """
    weights: Weights = dict(network.named_parameters())
    if not len(scores):
        return weights
    slope_of = grad(
        lambda current: nn.functional.mse_loss(predicted(network, current, inputs), scores)
    )
    for _ in range(_INNER_STEPS):
        slopes = slope_of(weights)
        weights = {name: before - _INNER_RATE * slopes[name] for name, before in weights.items()}
    return weights


def train(
    parameters: Iterable[Tensor],
    loss: Callable[[np.random.Generator], Tensor],
    *,
    steps: int,
    seed: int,
    progress: Callable[[int, int, float], None] | None = None,
) -> float:
    r"""Minimise the expected query loss after adaptation: :math:`\min_\theta E_T L_T(\theta, \phi_T)`.

    Parameters
    ----------
    parameters : iterable of Tensor
        The outer parameters, trained in place.
    loss : callable
        ``loss(rng)`` draws a task, adapts to its support set, and returns the loss on its query
        set. Step t draws from (seed, t).
    steps, seed : int
    progress : callable, optional
        Called with (steps done, total steps, loss).

    Returns
    -------
    float
        Mean loss in the last tenth of the steps.
    """
    trained = list(parameters)
    optimiser = torch.optim.Adam(trained, lr=_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = []
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        optimiser.zero_grad()
        mean_loss = torch.stack([loss(rng) for _ in range(_BATCH)]).mean()
        mean_loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        losses.append(mean_loss.item())
        if progress is not None:
            progress(step + 1, steps, losses[-1])
    return float(np.mean(losses[-max(1, steps // 10) :]))


class MAML(MetaPredictor):
    """Model-agnostic meta-learning: weights adapt by a few gradient steps on the support set.

    Finn, Abbeel and Levine, ICML 2017. The network reads the structure of the architecture,
    zero-cost proxies if available, and the sources' scores without the task's own group. It
    predicts the difference of a score from the sources' mean.

    This is the textbook baseline of the bilevel problem, not a recommendation. On six targets its
    mean rank correlation with 10, 20, 50 and 100 labels is .70, .71, .71 and .72. `experts` reaches
    .71, .72, .75 and .76, and a Gaussian process without sources .45, .52, .63 and .69
    (``reports/transfer/few_shot``).

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    steps : int, default 150
        Steps of the outer loop.
    seed : int, default 0
        Seed of the meta-training.

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

    def __init__(
        self, space: str | SearchSpace = "nb201", *, steps: int = 150, seed: int = 0
    ) -> None:
        super().__init__(space, seed=seed)
        self.steps = steps

    def _meta_learn(self, sources: list[SourceTask]) -> MAMLModel:
        """Train the network on tasks drawn from the sources."""
        check_int("steps", self.steps)
        matrix = SourceMatrix.of(self.cell_space, sources)
        group_of = dict(zip([source.name for source in sources], matrix.groups, strict=True))
        n_labels = min(len(source) for source in sources)
        most = max(1, min(_LABELS, n_labels // 2))
        sampler = EpisodeSampler(
            sources,
            support=(min(5, most), most),
            query=max(1, min(_LABELS, n_labels - most)),
            augment=_TASKS,
        )

        @lru_cache(maxsize=_CACHED)
        def summary_without(groups: frozenset[int]) -> tuple[Tensor, Floats]:
            summary = _summary(matrix, groups)
            return self._inputs(summary), summary[0]

        def loss(rng: np.random.Generator) -> Tensor:
            episode = sampler.sample(rng)
            inputs, expected = summary_without(
                frozenset(group_of[name] for name in episode.sources)
            )
            support = episode.support_architectures
            query = episode.query_architectures
            scores = episode.support_labels
            if np.ptp(expected):  # without other sources, the labels are the scores
                scores = labels_like(expected[support], scores)
            weights = adapted(network, inputs[support], _tensor(scores - expected[support]))
            residuals = _tensor(episode.query_labels - expected[query])
            return nn.functional.mse_loss(predicted(network, weights, inputs[query]), residuals)

        summary = _summary(matrix)
        network = self._network(summary)
        error = train(
            network.parameters(), loss, steps=self.steps, seed=self.seed, progress=self.progress
        )
        return MAMLModel(network, summary, float(np.sqrt(error)))

    def _inputs(self, summary: Floats) -> Tensor:
        """Return the inputs of the network, shape (n_architectures, n_inputs)."""
        return _tensor(np.column_stack([network_columns(self.cell_space), summary.T]))

    def _network(self, summary: Floats) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return made_network(network_columns(self.cell_space).shape[1] + len(summary))

    def _expected(self, learned: MAMLModel) -> Floats:
        expected: Floats = learned.summary[0]
        return expected

    def _adapted(
        self, learned: MAMLModel, architectures: Architectures, scores: Floats
    ) -> Prediction:
        """Add the network's residuals, given those of the labelled architectures, to the expected scores."""
        inputs, expected = self._inputs(learned.summary), self._expected(learned)
        with torch.no_grad():
            weights = adapted(
                learned.network, inputs[architectures], _tensor(scores - expected[architectures])
            )
            residuals = predicted(learned.network, weights, inputs).double().numpy()
        return expected + residuals, np.full(len(expected), learned.noise)

    def _pack(self) -> Packed:
        learned: MAMLModel = self.require_meta_model()
        arrays = {name: value.numpy() for name, value in learned.network.state_dict().items()}
        arrays["summary"] = learned.summary
        return arrays, {"noise": learned.noise}

    def _unpack(self, arrays: Arrays, facts: Facts) -> MAMLModel:
        network = self._network(arrays["summary"])
        network.load_state_dict(
            {name: torch.from_numpy(arrays[name]) for name in network.state_dict()}
        )
        return MAMLModel(network, arrays["summary"], facts["noise"])


def _summary(matrix: SourceMatrix, without: Collection[int] = ()) -> Floats:
    """Return the summary of the sources without some groups, see `MAMLModel`."""
    return np.vstack([matrix.role_means(without), matrix.spread(without)])


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(values).float()
