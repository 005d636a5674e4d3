"""The outer loop of gradient-based meta-learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nasmeta.errors import SettingError
from nasmeta.tasks import Episode

Loss = Callable[[nn.Module, Episode], Tensor]


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of the outer loop."""

    steps: int = 500  # of Adam; the learning rate has 5 % linear warm-up and cosine decay
    batch: int = 8  # episodes per step
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip: float = 5.0  # largest norm of the gradient
    validate_every: int = 50  # steps between two validations
    seed: int = 0  # step t draws from (seed, t)


class MetaTrainer:
    r"""Minimise the expected query loss after adaptation: :math:`\min_\theta E_T L_T(\theta, \phi_T)`.

    Parameters
    ----------
    module : torch.nn.Module
        Its parameters are the outer ones, trained in place.
    loss : callable
        ``loss(module, episode) -> Tensor`` adapts to the support set and returns the query loss.
    sample : callable
        ``sample(rng)`` draws an episode.
    plan : TrainingPlan
    validation : sequence of Episode, optional
        Episodes of held-out sources; the weights of their lowest loss are restored at the end.
    progress : callable, optional
        Called with (steps done, total steps, loss).

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> architectures, space = np.arange(2, dtype=np.int32), get_space("nb201")
    >>> def sample(rng):
    ...     label = rng.normal(3.0, 0.1, 2)
    ...     return Episode(space, architectures, label, architectures, label, ("made up",))
    >>> module = torch.nn.Linear(1, 1)
    >>> def loss(module, episode):
    ...     return (module(torch.zeros(1, 1)) - torch.as_tensor(episode.query_labels).float()).square().mean()
    >>> MetaTrainer(module, loss, sample, TrainingPlan(steps=300, learning_rate=0.1)).run()
    >>> round(module.bias.item(), 1)
    3.0
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        sample: Callable[[np.random.Generator], Episode],
        plan: TrainingPlan,
        *,
        validation: Sequence[Episode] = (),
        progress: Callable[[int, int, float], None] | None = None,
    ) -> None:
        self.module, self.loss, self.sample, self.plan, self.validation = module, loss, sample, plan, validation
        self.progress = progress
        self._weights = [weights for weights in module.parameters() if weights.requires_grad]
        self._optimiser = torch.optim.Adam(self._weights, lr=plan.learning_rate, weight_decay=plan.weight_decay)

    def run(self) -> None:
        """Train; with validation episodes, restore the weights of the lowest validation loss."""
        plan, least, best = self.plan, math.inf, self.module.state_dict()
        for step in range(plan.steps):
            rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(step,)))
            loss = self._update([self.sample(rng) for _ in range(plan.batch)], (step + 1) / plan.steps)
            if not math.isfinite(loss):
                raise SettingError(f"loss of step {step}", loss, "a finite number", "Lower the learning rate.")
            if self.validation and (step + 1) % plan.validate_every == 0 and (validated := self._validated()) < least:
                least, best = validated, deepcopy(self.module.state_dict())
            if self.progress is not None:
                self.progress(step + 1, plan.steps, loss)
        self.module.load_state_dict(best)

    def _update(self, episodes: Sequence[Episode], share: float) -> float:
        """Take one step of Adam, after which this share of all steps is done; return the mean loss of the episodes."""
        self._optimiser.zero_grad()
        total = 0.0
        for episode in episodes:
            loss = self.loss(self.module, episode) / len(episodes)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self._weights, self.plan.clip)
        self._optimiser.param_groups[0]["lr"] = self.plan.learning_rate * _rate(share)
        self._optimiser.step()
        return total

    def _validated(self) -> float:
        with torch.no_grad():
            return float(np.mean([float(self.loss(self.module, episode)) for episode in self.validation]))


def _rate(share: float) -> float:
    """Return the learning-rate factor after a share of all steps: linear warm-up, cosine decay."""
    return share / 0.05 if share < 0.05 else 0.5 * (1 + math.cos(math.pi * (share - 0.05) / 0.95)) + 1e-3
