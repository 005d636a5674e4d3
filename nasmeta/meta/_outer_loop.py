"""The outer loop of gradient-based meta-learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nasmeta.errors import SettingError
from nasmeta.meta._monitor import Monitor
from nasmeta.tasks import Episode

Loss = Callable[[nn.Module, Episode], Tensor]


@dataclass(frozen=True)
class TrainingPlan:
    """Settings of the outer loop.

    >>> TrainingPlan(steps=20, batch=2).patience
    6
    """

    steps: int = 500  # of Adam; the learning rate has 5 % linear warm-up and cosine decay
    batch: int = 8  # episodes per step
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    clip: float = 5.0  # largest norm of the gradient
    validate_every: int = 50  # steps between two validations
    patience: int = 6  # validations without improvement before early stopping, which restores the best parameters
    seed: int = 0  # step t draws from (seed, t), so a resumed training gives the same result


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
        Episodes of held-out sources for early stopping; their loss is computed without gradients.
    monitor : Monitor, optional

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
    >>> trained = MetaTrainer(module, loss, sample, TrainingPlan(steps=300, learning_rate=0.1)).run()
    >>> trained, round(module.bias.item(), 1)
    (300, 3.0)
    """

    def __init__(
        self,
        module: nn.Module,
        loss: Loss,
        sample: Callable[[np.random.Generator], Episode],
        plan: TrainingPlan,
        *,
        validation: Sequence[Episode] = (),
        monitor: Monitor | None = None,
    ) -> None:
        self.module, self.loss, self.sample, self.plan, self.validation = module, loss, sample, plan, validation
        self.monitor = monitor or Monitor()
        self._identity = {"training": self.monitor.training, "plan": asdict(plan)}
        self._weights = {name: weights for name, weights in module.named_parameters() if weights.requires_grad}
        self._optimiser = torch.optim.Adam(
            self._weights.values(), lr=plan.learning_rate, weight_decay=plan.weight_decay
        )
        self._best: dict[str, Tensor] = {}  # weights of the lowest validation loss
        self._least, self._stale, self._step = math.inf, 0, 0

    def run(self) -> int:
        """Train and return the number of completed steps."""
        plan, monitor = self.plan, self.monitor
        self._resume()
        while self._step < plan.steps and self._stale < plan.patience:
            rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(self._step,)))
            loss = self._update([self.sample(rng) for _ in range(plan.batch)])
            if not math.isfinite(loss):
                raise SettingError(f"loss of step {self._step}", loss, "a finite number", "Lower the learning rate.")
            self._step += 1
            if self.validation and self._step % plan.validate_every == 0:
                self._validate()
            monitor.tell(self._step, plan.steps, loss)
            if self._step % monitor.every == 0:
                self._save()
        self._set(self._best)
        return self._step

    def _update(self, episodes: Sequence[Episode]) -> float:
        """Take one step of Adam; return the mean loss of the episodes."""
        self._optimiser.zero_grad()
        total = 0.0
        for episode in episodes:
            loss = self.loss(self.module, episode) / len(episodes)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(self._weights.values(), self.plan.clip)
        self._optimiser.param_groups[0]["lr"] = self.plan.learning_rate * _rate((self._step + 1) / self.plan.steps)
        self._optimiser.step()
        return total

    def _validate(self) -> None:
        """Count the validation, and keep the weights if their loss is the lowest so far."""
        with torch.no_grad():
            loss = float(np.mean([float(self.loss(self.module, episode)) for episode in self.validation]))
        self._stale += 1
        if loss < self._least:
            self._least, self._stale = loss, 0
            self._best = {name: weights.detach().clone() for name, weights in self._weights.items()}

    def _set(self, weights: dict[str, Tensor]) -> None:
        self.module.load_state_dict(weights, strict=False)

    def _save(self) -> None:
        tensors = {f"best/{name}": best for name, best in self._best.items()}
        for name, weights in self._weights.items():
            tensors[f"weights/{name}"] = weights.detach()
            tensors |= {f"{slot}/{name}": value for slot, value in self._optimiser.state[weights].items()}
        facts = {"step": self._step, "least": self._least, "stale": self._stale}
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        self.monitor.write_checkpoint(self._identity, arrays, facts)

    def _resume(self) -> None:
        with self.monitor.resuming(self._identity) as checkpoint:
            if checkpoint is None:
                return
            arrays, facts = checkpoint
            saved: dict[str, dict[str, Tensor]] = {}
            for name, array in arrays.items():
                slot, _, of = name.partition("/")
                saved.setdefault(slot, {})[of] = torch.from_numpy(array)
            self._set({name: saved["weights"][name] for name in self._weights})
            for name, weights in self._weights.items():
                self._optimiser.state[weights] = {slot: saved[slot][name] for slot in ("step", "exp_avg", "exp_avg_sq")}
            self._best = saved.get("best", {})
            self._step, self._least, self._stale = facts["step"], facts["least"], facts["stale"]


def _rate(share: float) -> float:
    """Return the learning-rate factor after a share of all steps: linear warm-up, cosine decay."""
    return share / 0.05 if share < 0.05 else 0.5 * (1 + math.cos(math.pi * (share - 0.05) / 0.95)) + 1e-3
