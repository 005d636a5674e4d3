"""Whole searches by a policy, recorded for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta.rl._policy import Memory, Policy
from nasmeta.meta.rl._vector_env import CellSearchEnvs


@dataclass(frozen=True)
class Episodes:
    """n searches of up to t steps; what follows the end of a search is not `live`.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n, t, walk features + action features)
        The walk's features and those of the action before.
    actions : ndarray of float32, shape (n, t, a, action features)
    possible : ndarray of bool, shape (n, t, a)
    chosen : ndarray of int64, shape (n, t)
    log_probability : ndarray of float32, shape (n, t)
    secrets : ndarray of float32, shape (n, t, 5)
    rewards : ndarray of float32, shape (n, t)
    live : ndarray of bool, shape (n, t)
    found : ndarray of bool, shape (n,)
        Whether the optimum was evaluated.
    evaluations : ndarray of int64, shape (n,)
    """

    inputs: NDArray[np.float32]
    actions: NDArray[np.float32]
    possible: NDArray[np.bool_]
    chosen: NDArray[np.int64]
    log_probability: NDArray[np.float32]
    secrets: NDArray[np.float32]
    rewards: NDArray[np.float32]
    live: NDArray[np.bool_]
    found: NDArray[np.bool_]
    evaluations: NDArray[np.int64]


def run_episodes(policy: Policy, envs: CellSearchEnvs, rng: np.random.Generator) -> Episodes:
    """Run all searches to their ends, actions drawn from the policy."""
    n = len(envs.values)
    memory = Memory.of(n, policy.hidden)
    view = envs.reset(rng)
    record: dict[str, list[NDArray[Any]]] = {
        name: []
        for name in ("inputs", "actions", "possible", "chosen", "log_probability", "secrets", "rewards", "live")
    }
    while not envs.ended.all() or not record["rewards"]:
        live = ~envs.ended
        record["inputs"].append(np.concatenate([view.walk, memory.last_action], axis=1))
        record["actions"].append(view.actions)
        record["possible"].append(view.possible)
        record["secrets"].append(envs.secrets())
        record["live"].append(live)
        chosen, likely = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.float32)
        some = memory.of_some(live)
        chosen[live], likely[live] = policy.draw(view.of(live), some, rng)
        memory.hidden[live], memory.last_action[live] = some.hidden, some.last_action
        rewards, _ = envs.step(chosen)
        record["chosen"].append(chosen)
        record["log_probability"].append(likely)
        record["rewards"].append(rewards.astype(np.float32))
        view = envs.seen
    stacked = {name: np.stack(parts, axis=1) for name, parts in record.items()}
    return Episodes(**stacked, found=envs.found, evaluations=envs.walks.count)
