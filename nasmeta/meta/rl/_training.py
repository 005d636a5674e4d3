"""Meta-training of the policy: sampled tasks, whole searches, PPO; with checkpoint and log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nasmeta.meta._model_file import training_identity
from nasmeta.meta._monitor import Monitor, pack_state, unpack_state, write_log
from nasmeta.meta.rl._policy import Policy
from nasmeta.meta.rl._ppo import ActorCritic, improve, run_episodes
from nasmeta.meta.rl._vector_env import CellSearchEnvs, sample_tables
from nasmeta.predictors._neural._training import cpu_or_cuda
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

LOG_COLUMNS = ("iteration", "steps", "seconds", "solved", "evaluations", "reward", "entropy", "critic_error")


@dataclass(frozen=True)
class PolicyTraining:
    """Settings of a meta-training."""

    iterations: int = 40  # updates; each sees `walks` searches of up to `steps` steps
    walks: int = 96
    searches_a_task: int = 4
    steps: int = 64
    hidden: int = 64  # size of the hidden state
    learning_rate: float = 1e-3  # at the beginning, as the entropy's weight; both fall linearly
    entropy_weight: float = 0.01
    epochs: int = 3  # how often each search is learnt from
    discount: float = 0.99  # γ
    trace: float = 0.95  # λ
    start: int = 10  # searches begin at one of so many cells that are best on the sources
    std: float = 0.2  # largest deviation of a sampled task from its source, see `sample_tables`
    noise: float = 0.3  # and its largest noise
    device: str = "cpu"  # cpu, cuda or auto: where the networks are trained; searches are simulated on the CPU


def train_policy(
    space: SearchSpace,
    scores: Sequence[NDArray[np.float32]],
    settings: PolicyTraining,
    rng: np.random.Generator,
    *,
    sources: Sequence[SourceTask] = (),
    monitor: Monitor | None = None,
) -> Policy:
    """Train a policy on tasks sampled from sources, whose standardised scores of all cells, (n_cells,), are given.

    A training that goes on from its checkpoint, which holds the state after every update, ends with the same policy as
    if it had never stopped. The log has one row an update, see `LOG_COLUMNS`; progress is told minus the mean reward of
    a search.
    """
    device = cpu_or_cuda(settings.device)
    of_scores = sha256(b"".join(np.asarray(row, "<f4").tobytes() for row in scores)).hexdigest()
    said = {**asdict(settings), "rng": rng.bit_generator.state, "scores": of_scores}
    identity = training_identity("meta-rl", space, said, sources)
    network = ActorCritic(settings.hidden, torch.Generator().manual_seed(int(rng.integers(2**31)))).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate, eps=1e-5)
    first, steps, before, rows = 0, 0, 0.0, list[dict[str, Any]]()
    monitor = monitor or Monitor()
    with monitor.resuming(identity) as resumed:
        if resumed is not None:
            arrays, facts = resumed
            first, steps, before, rows = facts["iteration"], facts["steps"], facts["seconds"], facts["rows"]
            rng.bit_generator.state = facts["rng"]
            unpack_state(arrays, network, optimizer)
    begun = perf_counter()
    for iteration in range(first, settings.iterations):
        left = 1 - iteration / settings.iterations
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * (0.1 + 0.9 * left)
        n_tasks = max(1, settings.walks // settings.searches_a_task)
        values, priors = sample_tables(space, scores, n_tasks, rng, std=settings.std, noise=settings.noise)
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
        done = iteration + 1
        means = (episodes.found.mean(), episodes.evaluations.mean(), episodes.rewards.sum(axis=1).mean())
        numbers = (done, steps, seconds, *map(float, means), told.entropy, told.critic_error)
        rows.append(dict(zip(LOG_COLUMNS, numbers, strict=True)))
        monitor.tell(done, settings.iterations, -rows[-1]["reward"])
        state = {"iteration": done, "steps": steps, "seconds": seconds, "rows": rows, "rng": rng.bit_generator.state}
        monitor.write_checkpoint(identity, pack_state(network, optimizer), state)
        if monitor.log is not None:
            write_log(monitor.log, LOG_COLUMNS, (row.values() for row in rows))
    return network.policy()
