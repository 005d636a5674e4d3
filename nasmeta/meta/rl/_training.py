"""Meta-training of the policy: sampled tasks, whole searches, PPO; with checkpoint and log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nasmeta.meta._checkpoint import resuming, write_checkpoint
from nasmeta.meta._identity import training_identity
from nasmeta.meta._monitor import write_log
from nasmeta.meta.rl._episodes import run_episodes
from nasmeta.meta.rl._network import ActorCritic
from nasmeta.meta.rl._policy import Policy
from nasmeta.meta.rl._ppo import improve
from nasmeta.meta.rl._tables import sample_tables
from nasmeta.meta.rl._vector_env import CellSearchEnvs
from nasmeta.predictors._neural._training import chosen_device
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

__all__ = ["LOG_COLUMNS", "PolicyTraining", "train_policy"]

LOG_COLUMNS = ("iteration", "steps", "seconds", "solved", "evaluations", "reward", "entropy", "critic_error")


@dataclass(frozen=True)
class PolicyTraining:
    """Settings of a meta-training.

    Attributes
    ----------
    iterations : int
        Updates; each sees ``walks`` searches of up to ``steps`` steps.
    walks, searches_a_task, steps : int
    hidden : int
        Size of the hidden state.
    learning_rate, entropy_weight : float
        At the beginning; both fall linearly.
    epochs : int
        How often each search is learnt from.
    discount, trace : float
        γ and λ.
    start : int
        Searches begin at one of so many cells that are best on the sources.
    deviation, noise : float
        Largest size of a sampled task's deviation from its source, see `sample_tables`.
    device : {"cpu", "cuda", "auto"}
        Where the networks are trained. Searches are simulated on the CPU.
    """

    iterations: int = 40
    walks: int = 96
    searches_a_task: int = 4
    steps: int = 64
    hidden: int = 64
    learning_rate: float = 1e-3
    entropy_weight: float = 0.01
    epochs: int = 3
    discount: float = 0.99
    trace: float = 0.95
    start: int = 10
    deviation: float = 0.2
    noise: float = 0.3
    device: str = "cpu"


def train_policy(
    space: SearchSpace,
    scores: Sequence[NDArray[np.float32]],
    settings: PolicyTraining,
    rng: np.random.Generator,
    *,
    sources: Sequence[SourceTask] = (),
    checkpoint: Path | None = None,
    log: Path | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    stop_after: int | None = None,
) -> Policy:
    """Train a policy on tasks sampled from sources.

    Parameters
    ----------
    space : SearchSpace
    scores : sequence of ndarray of float32, shape (n_cells,)
        The sources' standardised scores of all cells, see `complete_scores`.
    settings : PolicyTraining
    rng : numpy.random.Generator
        The source of all that is random here.
    sources : sequence of SourceTask, optional
        Whose scores they are: a checkpoint serves these alone.
    checkpoint : Path, optional
        File that holds the state after every update; where it exists, training goes on from it and ends with the
        same policy as if it had never stopped.
    log : Path, optional
        CSV file with one row an update, see `LOG_COLUMNS`.
    progress : callable, optional
        Called with the updates done and wanted, and the mean loss (less reward) of a search.
    stop_after : int, optional
        Interrupt after so many updates of this call; for tests.

    Raises
    ------
    SettingError
        Where the checkpoint is of another training.
    DamagedFileError
        Where the checkpoint is damaged.
    """
    device = chosen_device(settings.device)
    said = {**asdict(settings), "rng": rng.bit_generator.state, "scores": _digest(scores)}
    identity = training_identity("meta-rl", space, said, sources)
    network = ActorCritic(settings.hidden, torch.Generator().manual_seed(int(rng.integers(2**31)))).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, eps=1e-5)
    first, steps, before, rows = 0, 0, 0.0, list[dict[str, Any]]()
    if checkpoint is not None and checkpoint.exists():
        with resuming(checkpoint, identity) as (arrays, facts):
            tensors = {name: torch.as_tensor(values) for name, values in arrays.items()}
            first, steps, before, rows = facts["iteration"], facts["steps"], facts["seconds"], facts["rows"]
            rng.bit_generator.state = facts["rng"]
            network.load_state_dict({name.removeprefix("n."): t for name, t in tensors.items() if name[:2] == "n."})
            _set_moments(optimizer, network, tensors, facts["updates"])
    begun = perf_counter()
    for iteration in range(first, settings.iterations):
        left = 1 - iteration / settings.iterations
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (0.1 + 0.9 * left)
        n_tasks = max(1, settings.walks // settings.searches_a_task)
        values, priors = sample_tables(space, scores, n_tasks, rng, deviation=settings.deviation, noise=settings.noise)
        envs = CellSearchEnvs(
            space,
            np.repeat(values, settings.searches_a_task, axis=0),
            np.repeat(priors, settings.searches_a_task, axis=0),
            start=settings.start,
            evaluations=settings.steps,
            steps=settings.steps,
        )
        episodes = run_episodes(network.policy(), envs, rng)
        told = improve(
            network,
            optimizer,
            episodes,
            rng,
            epochs=settings.epochs,
            discount=settings.discount,
            trace=settings.trace,
            entropy_weight=settings.entropy_weight * left,
        )
        steps += int(episodes.live.sum())
        seconds = before + perf_counter() - begun
        rows.append(
            dict(
                zip(
                    LOG_COLUMNS,
                    (
                        iteration + 1,
                        steps,
                        round(seconds, 2),
                        round(float(episodes.found.mean()), 4),
                        round(float(episodes.evaluations.mean()), 3),
                        round(float(episodes.rewards.sum(axis=1).mean()), 4),
                        round(told.entropy, 4),
                        round(told.critic_error, 4),
                    ),
                    strict=True,
                )
            )
        )
        done = iteration + 1
        if progress is not None:
            progress(done, settings.iterations, -rows[-1]["reward"])
        ends = stop_after is not None and done - first >= stop_after
        if checkpoint is not None:
            moments, updates = _moments(optimizer, network)
            facts = {
                "iteration": done, "steps": steps, "seconds": seconds, "rows": rows,
                "rng": rng.bit_generator.state, "updates": updates,
            }  # fmt: skip
            tensors = {f"n.{name}": t for name, t in network.state_dict().items()} | moments
            write_checkpoint(
                checkpoint, identity, {name: t.detach().cpu().numpy() for name, t in tensors.items()}, facts
            )
        if log is not None:
            write_log(log, LOG_COLUMNS, (row.values() for row in rows))
        if ends:
            break
    return network.policy()


def _digest(scores: Sequence[NDArray[np.float32]]) -> str:
    digest = sha256()
    for row in scores:
        digest.update(np.asarray(row, "<f4").tobytes())
    return digest.hexdigest()


def _moments(optimizer: torch.optim.Optimizer, network: ActorCritic) -> tuple[dict[str, torch.Tensor], int]:
    """Return Adam's moments by the names of the weights, and its number of updates."""
    moments: dict[str, torch.Tensor] = {}
    updates = 0
    for name, weights in network.named_parameters():
        state = optimizer.state[weights]
        moments[f"m.{name}"], moments[f"v.{name}"] = state["exp_avg"], state["exp_avg_sq"]
        updates = int(state["step"])
    return moments, updates


def _set_moments(
    optimizer: torch.optim.Optimizer, network: ActorCritic, tensors: dict[str, torch.Tensor], updates: int
) -> None:
    for name, weights in network.named_parameters():
        optimizer.state[weights] = {
            "step": torch.tensor(float(updates)),
            "exp_avg": tensors[f"m.{name}"].to(weights.device),
            "exp_avg_sq": tensors[f"v.{name}"].to(weights.device),
        }
