"""Proximal policy optimisation on whole searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.meta.rl._episodes import Episodes
from nasmeta.meta.rl._network import ActorCritic

__all__ = ["Improvement", "advantages", "improve"]

_CLIP, _VALUE_WEIGHT, _LARGEST_GRADIENT, _PARTS = 0.2, 0.5, 0.5, 4


@dataclass(frozen=True)
class Improvement:
    """What an update reports: entropy of the policy in nats, squared error of the critic."""

    entropy: float
    critic_error: float


def advantages(
    rewards: NDArray[np.float32], values: NDArray[np.float32], live: NDArray[np.bool_], found: NDArray[np.bool_],
    discount: float, trace: float,
) -> NDArray[np.float32]:
    """Return generalised advantage estimates, shape (n, t) (Schulman et al., ICLR 2016).

    A search that was cut off is worth what the critic says of its last step; one that found the optimum is over.
    """
    goes_on = np.concatenate([live[:, 1:], ~found[:, None]], axis=1)
    ahead = np.concatenate([values[:, 1:], values[:, -1:]], axis=1)
    # The step after which a search ended without success: its own value stands for what would have come.
    cut_off = live & ~goes_on & ~found[:, None]
    ahead = np.where(goes_on, ahead, np.where(cut_off, values, 0))
    estimates = np.zeros_like(values)
    later = np.zeros(len(values), dtype=values.dtype)
    for step in range(values.shape[1] - 1, -1, -1):
        surprise = rewards[:, step] + discount * ahead[:, step] - values[:, step]
        later = surprise + discount * trace * goes_on[:, step] * later
        later = np.where(live[:, step], later, 0).astype(values.dtype)
        estimates[:, step] = later
    return estimates


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
    """Take several epochs of clipped updates (Schulman et al., "Proximal policy optimization algorithms", 2017).

    Gradients flow through the recurrence over the whole search; batches are quarters of the searches.
    """
    device = next(network.parameters()).device

    def on_device(array: NDArray[np.generic]) -> Tensor:
        return torch.as_tensor(array, device=device)

    inputs, actions, possible = on_device(episodes.inputs), on_device(episodes.actions), on_device(episodes.possible)
    chosen, before = on_device(episodes.chosen), on_device(episodes.log_probability)
    live, secrets = on_device(episodes.live), on_device(episodes.secrets)
    with torch.no_grad():
        values = network.worth(network.remember(inputs), inputs, secrets).cpu().numpy()
    gains = advantages(episodes.rewards, values, episodes.live, episodes.found, discount, trace)
    returns, gain = on_device(gains + values), on_device(gains)
    gain = (gain - gain[live].mean()) / (gain[live].std() + 1e-6)
    reported = Improvement(0.0, 0.0)
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(len(episodes.inputs)), _PARTS):
            rows = on_device(part)
            counts = live[rows]
            memory = network.remember(inputs[rows])
            log_all = torch.log_softmax(network.logits(memory, actions[rows], possible[rows]), dim=-1)
            log_chosen = log_all.gather(-1, chosen[rows][..., None])[..., 0]
            ratio, advantage = (log_chosen - before[rows]).exp(), gain[rows]
            clipped = ratio.clamp(1 - _CLIP, 1 + _CLIP)
            policy_loss = -torch.minimum(ratio * advantage, clipped * advantage)[counts].mean()
            critic_error = (network.worth(memory, inputs[rows], secrets[rows]) - returns[rows]).square()[counts].mean()
            entropy = -(log_all.exp() * log_all.clamp(min=-50)).sum(dim=-1)[counts].mean()
            loss = policy_loss + _VALUE_WEIGHT * critic_error - entropy_weight * entropy
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
            reported = Improvement(float(entropy), float(critic_error))
    return reported
