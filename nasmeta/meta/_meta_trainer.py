"""The outer loop of gradient-based meta-learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.errors import SettingError
from nasmeta.meta._monitor import Monitor
from nasmeta.predictors import cpu_or_cuda
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
    device : str, default "cpu"
        Training on the CPU is deterministic.
    identity : mapping, optional
        Further identity of the training that a checkpoint must match, see `training_identity`.

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
        device: str = "cpu",
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = cpu_or_cuda(device)
        self.module = module.to(self.device)
        self.loss, self.sample, self.plan, self.validation = loss, sample, plan, validation
        self.monitor = monitor or Monitor()
        self.identity = {"training": dict(identity or {}), "plan": asdict(plan)}
        self._named = {name: weights for name, weights in module.named_parameters() if weights.requires_grad}
        self._parameters = list(self._named.values())
        self._optimiser = torch.optim.Adam(self._parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)
        self._best: list[Tensor] = []
        self._least, self._stale, self._step = math.inf, 0, 0

    def run(self) -> int:
        """Train and return the number of completed steps."""
        plan, monitor = self.plan, self.monitor
        self._resume()
        while self._step < plan.steps and not (self.validation and self._stale >= plan.patience):
            rng = np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(self._step,)))
            loss = self._update([self.sample(rng) for _ in range(plan.batch)])
            if not math.isfinite(loss):
                raise SettingError(f"loss of step {self._step}", loss, "a finite number", "Lower the learning rate.")
            self._step += 1
            validated = self._validate() if self.validation and self._step % plan.validate_every == 0 else None
            if self._step % 10 == 0 or validated is not None or self._step == plan.steps:
                monitor.rows.append((self._step, loss, validated))
            monitor.tell(self._step, plan.steps, loss)
            if self._step % monitor.every == 0:
                self._save()
        if self._best:
            with torch.no_grad():
                for parameter, best in zip(self._parameters, self._best, strict=True):
                    parameter.copy_(best)
        monitor.write_log()
        return self._step

    def _update(self, episodes: Sequence[Episode]) -> float:
        total = 0.0
        self._optimiser.zero_grad(set_to_none=False)
        for episode in episodes:
            loss = self.loss(self.module, episode)
            (loss / len(episodes)).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) / len(episodes)
        nn.utils.clip_grad_norm_(self._parameters, self.plan.clip)
        for group in self._optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * _rate((self._step + 1) / self.plan.steps)
        self._optimiser.step()
        return total

    def _validate(self) -> float:
        with torch.no_grad():
            loss = float(np.mean([float(self.loss(self.module, episode)) for episode in self.validation]))
        if loss < self._least:
            self._least, self._stale = loss, 0
            self._best = [parameter.detach().clone() for parameter in self._parameters]
        else:
            self._stale += 1
        return loss

    def _save(self) -> None:
        arrays: dict[str, NDArray[Any]] = {f"best_{i}": best.cpu().numpy() for i, best in enumerate(self._best)}
        for name, weights in self._named.items():  # with the moments of those that had a gradient
            state = {"weights": weights.detach(), **self._optimiser.state[weights]}
            arrays |= {f"{name}/{slot}": value.cpu().numpy() for slot, value in state.items()}
        facts = {"step": self._step, "least": self._least, "stale": self._stale, "rows": self.monitor.rows}
        self.monitor.write_checkpoint(self.identity, arrays, facts)
        self.monitor.write_log()  # after the checkpoint: a log alone would block a new training

    def _resume(self) -> None:
        with self.monitor.resuming(self.identity) as found:
            if found is None:
                return
            arrays, facts = found
            self._restore(arrays)
            if "best_0" in arrays:
                best = [arrays[f"best_{i}"] for i in range(len(self._parameters))]
                self._best = [torch.as_tensor(array).to(self.device) for array in best]
            self._step, self._least, self._stale = facts["step"], facts["least"], facts["stale"]
            self.monitor.rows = [tuple(row) for row in facts["rows"]]

    def _restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        state = self._optimiser.state_dict()
        for i, (name, weights) in enumerate(self._named.items()):
            saved = torch.as_tensor(arrays[f"{name}/weights"])
            if saved.shape != weights.shape:
                raise ValueError(f"{name} has shape {tuple(saved.shape)}, not {tuple(weights.shape)}")
            with torch.no_grad():
                weights.copy_(saved)
            if f"{name}/step" in arrays:
                slots = ("step", "exp_avg", "exp_avg_sq")
                state["state"][i] = {slot: torch.as_tensor(arrays[f"{name}/{slot}"]) for slot in slots}
        self._optimiser.load_state_dict(state)


def _rate(share: float) -> float:
    """Return the learning-rate factor after a share of all steps: linear warm-up, cosine decay."""
    return share / 0.05 if share < 0.05 else 0.5 * (1 + math.cos(math.pi * (share - 0.05) / 0.95)) + 1e-3
