"""The recurrent policy and its critic in torch, whole searches as arrays, and proximal policy optimisation on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.meta.rl._policy import ACTION_FEATURES, WALK_FEATURES, Memory, Policy
from nasmeta.meta.rl._vector_env import CellSearchEnvs

N_PRIVILEGED = 5


class ActorCritic(nn.Module):
    """A GRU over the walk, a score for each action, and a critic that also sees where the optimum is.

    The critic serves in training only, so it may know what a policy must not.
    """

    def __init__(self, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        n_walk, n_action = len(WALK_FEATURES), len(ACTION_FEATURES)
        self.recurrent = nn.GRU(n_walk + n_action, hidden, batch_first=True)
        self.of_memory = nn.Linear(hidden, hidden)
        self.of_action = nn.Linear(n_action, hidden, bias=False)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.direct = nn.Linear(n_action, 1, bias=False)
        self.critic = nn.Sequential(
            nn.Linear(hidden + N_PRIVILEGED + n_walk, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 1),
        )
        with torch.no_grad():
            for weights in self.parameters():
                if weights.ndim > 1:
                    nn.init.orthogonal_(weights, generator=generator)
                else:
                    weights.zero_()
            self.score.weight.mul_(0.1)
            # A sensible beginning: go where sources and what was seen nearby promise most.
            self.direct.weight.zero_()
            self.direct.weight[0, ACTION_FEATURES.index("predicted gain")] = 3.0
            self.direct.weight[0, ACTION_FEATURES.index("is new")] = 3.0
            self.direct.weight[0, ACTION_FEATURES.index("best untried neighbour's prior below the best untried")] = 1.0

    def remember(self, inputs: Tensor, live: Tensor | None = None) -> Tensor:
        """Return the hidden state after each step: from shape (n, t, inputs) to (n, t, hidden).

        Where `live` (n, t) says how long each search is, what follows its end is not computed, and 0.
        """
        if live is None:
            memory: Tensor = self.recurrent(inputs)[0]
            return memory
        lengths = live.sum(dim=1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        steps, _ = nn.utils.rnn.pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=inputs.shape[1]
        )
        return steps

    def logits(self, memory: Tensor, actions: Tensor, possible: Tensor) -> Tensor:
        """Score actions: memory (..., hidden), actions (..., a, features), possible (..., a)."""
        mixed = torch.relu(self.of_memory(memory)[..., None, :] + self.of_action(actions))
        scores: Tensor = (self.score(mixed) + self.direct(actions))[..., 0]
        return scores.masked_fill(~possible, -1e9)

    def worth(self, memory: Tensor, inputs: Tensor, secrets: Tensor) -> Tensor:
        """Return the critic's expected return of each step, shape (n, t)."""
        seen = torch.cat([memory, secrets, inputs[..., : len(WALK_FEATURES)]], dim=-1)
        value: Tensor = self.critic(seen)[..., 0]
        return value

    def policy(self) -> Policy:
        """Return the policy without the critic, in NumPy."""
        state = {name: weights.detach().cpu().numpy().copy() for name, weights in self.state_dict().items()}
        return Policy({name: weights for name, weights in state.items() if not name.startswith("critic")})


@dataclass(frozen=True)
class Episodes:
    """n searches of up to t steps; what follows the end of a search is not `live`."""

    inputs: NDArray[np.float32]  # (n, t, walk features + action features): of the walk, and of the action before
    actions: NDArray[np.float32]  # (n, t, a, action features)
    possible: NDArray[np.bool_]  # (n, t, a)
    chosen: NDArray[np.int64]  # (n, t)
    log_probability: NDArray[np.float32]  # (n, t)
    secrets: NDArray[np.float32]  # (n, t, 5)
    rewards: NDArray[np.float32]  # (n, t)
    live: NDArray[np.bool_]  # (n, t)
    found: NDArray[np.bool_]  # (n,): whether the optimum was evaluated
    evaluations: NDArray[np.int64]  # (n,)


def run_episodes(policy: Policy, envs: CellSearchEnvs, rng: np.random.Generator) -> Episodes:
    """Run all searches to their ends, actions drawn from the policy."""
    n = len(envs.values)
    memory = Memory.of(n, policy.hidden)
    view = envs.reset(rng)
    record: list[tuple[NDArray[Any], ...]] = []  # in the order of the fields of `Episodes`
    while not envs.ended.all() or not record:
        live, secrets = ~envs.ended, envs.secrets()
        inputs = np.concatenate([view.walk, memory.last_action], axis=1)
        chosen, likely = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.float32)
        some = memory.of_some(live)
        chosen[live], likely[live] = policy.draw(view.of(live), some, rng)
        memory.hidden[live], memory.last_action[live] = some.hidden, some.last_action
        rewards = envs.step(chosen)[0].astype(np.float32)
        record.append((inputs, view.actions, view.possible, chosen, likely, secrets, rewards, live))
        view = envs.seen
    stacked: list[Any] = [np.stack(parts, axis=1) for parts in zip(*record, strict=True)]
    return Episodes(*[*stacked, envs.found, envs.walks.count])


_CLIP, _VALUE_WEIGHT, _LARGEST_GRADIENT, _PARTS = 0.2, 0.5, 0.5, 4


@dataclass(frozen=True)
class Improvement:
    """What an update reports: entropy of the policy in nats, squared error of the critic."""

    entropy: float
    critic_error: float


def advantages(
    rewards: NDArray[np.float32],
    values: NDArray[np.float32],
    live: NDArray[np.bool_],
    found: NDArray[np.bool_],
    discount: float,
    trace: float,
) -> NDArray[np.float32]:
    """Return generalised advantage estimates, shape (n, t) (Schulman et al., ICLR 2016).

    A search that was cut off is worth what the critic says of its last step; one that found the optimum is over.
    """
    goes_on = np.concatenate([live[:, 1:], ~found[:, None]], axis=1)
    ahead = np.concatenate([values[:, 1:], values[:, -1:]], axis=1)
    # The step after which a search ended without success: its own value stands for what would have come.
    cut_off = live & ~goes_on & ~found[:, None]
    ahead = np.where(goes_on, ahead, np.where(cut_off, values, np.float32(0)))
    estimates = np.zeros_like(values)
    later: NDArray[np.float32] = np.zeros(len(values), dtype=np.float32)
    for step in range(values.shape[1] - 1, -1, -1):
        surprise = rewards[:, step] + discount * ahead[:, step] - values[:, step]
        ahead_of_it = surprise + discount * trace * goes_on[:, step] * later
        later = np.where(live[:, step], ahead_of_it, 0).astype(np.float32)
        estimates[:, step] = later
    return estimates


def clipped_update(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    log_all: Tensor,
    chosen: Tensor,
    before: Tensor,
    gain: Tensor,
    worth: Tensor,
    returns: Tensor,
    entropy_weight: float,
) -> Improvement:
    """Take one clipped update (Schulman et al., "Proximal policy optimization algorithms", 2017).

    Of n steps there are the log probabilities (n, a) of all actions, the action (n,), its log probability before (n,),
    its advantage (n,), and what the critic says (n,) and should say (n,).
    """
    ratio = (log_all.gather(-1, chosen[..., None])[..., 0] - before).exp()
    policy_loss = -torch.minimum(ratio * gain, ratio.clamp(1 - _CLIP, 1 + _CLIP) * gain).mean()
    critic_error = (worth - returns).square().mean()
    entropy = -(log_all.exp() * log_all.clamp(min=-50)).sum(dim=-1).mean()
    loss = policy_loss + _VALUE_WEIGHT * critic_error - entropy_weight * entropy
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(module.parameters(), _LARGEST_GRADIENT)
    optimizer.step()
    return Improvement(entropy.item(), critic_error.item())


def improve(
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    episodes: Episodes,
    rng: np.random.Generator,
    *,
    epochs: int,
    discount: float,
    trace: float,
    entropy_weight: float,
) -> Improvement:
    """Take several epochs of clipped updates.

    Gradients flow through the recurrence over the whole search; batches are quarters of the searches.
    """
    device = next(network.parameters()).device

    def on_device(array: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(array, device=device)

    inputs, secrets, live = on_device(episodes.inputs), on_device(episodes.secrets), on_device(episodes.live)
    # What follows the end of a search is left out of all but the recurrence.
    actions, possible, chosen, before = (
        [on_device(row[alive]) for row, alive in zip(array, episodes.live, strict=True)]
        for array in (episodes.actions, episodes.possible, episodes.chosen, episodes.log_probability)
    )
    with torch.no_grad():
        values = network.worth(network.remember(inputs, live), inputs, secrets).cpu().numpy()
    gains = advantages(episodes.rewards, values, episodes.live, episodes.found, discount, trace)
    returns, gain = on_device(gains + values), on_device(gains)
    gain = (gain - gain[live].mean()) / (gain[live].std() + 1e-6)
    reported = Improvement(0.0, 0.0)
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(len(episodes.inputs)), _PARTS):
            rows, some = on_device(part), part.tolist()
            counts = live[rows]
            memory = network.remember(inputs[rows], counts)[counts]
            log_all = torch.log_softmax(
                network.logits(memory, torch.cat([actions[i] for i in some]), torch.cat([possible[i] for i in some])),
                dim=-1,
            )
            advantage, worth = gain[rows][counts], network.worth(memory, inputs[rows][counts], secrets[rows][counts])
            reported = clipped_update(
                network,
                optimizer,
                log_all,
                torch.cat([chosen[i] for i in some]),
                torch.cat([before[i] for i in some]),
                advantage,
                worth,
                returns[rows][counts],
                entropy_weight,
            )
    return reported
