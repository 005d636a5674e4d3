"""Train the search head of the transformer by proximal policy optimisation on whole searches.

Run with ``python reports/meta/in_context_search.py --objective joint`` after in_context_train.py.
The search starts as expected improvement under the network's predictions. ``joint`` adds the
likelihood of the candidates to the loss and starts from the weights of ``likelihood``; ``reward``
starts from untrained weights and has the reward alone. Weights go to benchmarks_data/in_context.
"""

from __future__ import annotations

import argparse
import copy
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nasmeta.arrays import Floats, Floats32, Integers
from nasmeta.meta.in_context import InContextNetwork, Reading, SearchState, Similarity
from reports.meta.in_context_network import TrainedNetwork, negative_log_likelihood
from reports.meta.in_context_tasks import GROUPS, Bank, banks, labels_of, sources_of
from reports.meta.in_context_train import LIKELIHOOD, write

TASKS, ROLLOUTS, STEPS = 8, 4, 12  # of an iteration: targets, searches of each, evaluations of each
STARTS = (0, 0, 5, 10, 20, 35, 55)  # random labels before a search
CELLS = 800  # architectures of a target in an iteration
BEST, CANDIDATES = 16, 96
DISCOUNT, CLIP, EPOCHS, RATE = 0.9, 0.2, 2, 5e-4
ITERATIONS = 40


class Step(NamedTuple):
    """A step of a search, with the inputs of an update."""

    reading: Reading
    best: float  # label
    wanted: Floats32  # scores of the candidates, on the scale of the labels
    chosen: int
    log_probability: float
    reward: float


class Target(NamedTuple):
    """A target and its sources on some architectures, and the labels before the searches."""

    state: SearchState
    truth: Floats  # shape (n,)
    noisy: Floats
    started: Integers


def draw_target(bank: Bank, similarity: Similarity, start: int, rng: np.random.Generator) -> Target:
    """Draw a target, its sources, some architectures, and `start` of them with labels."""
    target, allowed = bank.targets[rng.integers(len(bank.targets))]
    truth = bank.scores[target].astype(np.float64)
    measured = np.flatnonzero(np.isfinite(truth))
    kept = np.sort(rng.choice(measured, min(CELLS, len(measured)), replace=False))
    whole = sources_of(bank, target, allowed, rng)
    by_architecture = ("each", "mean", "spread", "proxies")
    view = whole._replace(**{name: getattr(whole, name)[..., kept] for name in by_architecture})
    truth = truth[kept]
    noisy = truth + rng.choice([0.0, 0.0, 0.1, 0.3]) * rng.standard_normal(len(truth))
    state = SearchState(similarity, view, bank.architectures[kept])
    started = rng.choice(len(kept), start, replace=False)
    state.observe(started, noisy[started])
    return Target(state, truth, noisy, started)


def search(target: Target, network: InContextNetwork, rng: np.random.Generator) -> list[Step]:
    """Return the steps of one search, whose proposals are drawn from the policy."""
    state, truth = copy.deepcopy(target.state), target.truth
    is_open = np.ones(len(truth), dtype=bool)
    is_open[target.started] = False
    best = float(truth[target.started].max()) if len(target.started) else 0.0
    steps = []
    for _ in range(STEPS):
        columns, reading = state.candidates(np.flatnonzero(is_open), BEST, CANDIDATES, rng)
        labels = state.labels
        scores = network.search_scores(reading, labels)
        log_probabilities = scores - np.logaddexp.reduce(scores)
        chosen = int((log_probabilities + rng.gumbel(size=len(scores))).argmax())
        wanted = truth[columns]
        reward = max(0.0, float(wanted[chosen]) - best)
        best = max(best, float(wanted[chosen]))
        if len(labels):
            wanted = labels_of(target.noisy[state.known], labels, wanted)
        highest = float(labels.max()) if len(labels) else 0.0
        probability = float(log_probabilities[chosen])
        steps.append(Step(reading, highest, wanted.astype(np.float32), chosen, probability, reward))
        column = columns[[chosen]]
        state.observe(column, target.noisy[column])
        is_open[column] = False
    return steps


def advantages(rewards: Floats, discount: float = DISCOUNT) -> Floats:
    """Return the advantage of each step, (tasks, rollouts, steps): its return minus the other rollouts' mean.

    >>> advantages(np.array([[[0.0, 1.0], [0.0, 0.0]]]), 0.5).tolist()
    [[[0.5, 1.0], [-0.5, -1.0]]]
    """
    returns = np.zeros_like(rewards)
    following = np.zeros(rewards.shape[:2])
    for t in reversed(range(rewards.shape[2])):
        following = rewards[:, :, t] + discount * following
        returns[:, :, t] = following
    others = (returns.sum(axis=1, keepdims=True) - returns) / (rewards.shape[1] - 1)
    return returns - others


def clipped_loss(ratio: Tensor, advantage: Tensor, clip: float = CLIP) -> Tensor:
    """Return the loss of proximal policy optimisation (Schulman et al., 2017, equation 7), shape as `ratio`.

    >>> clipped_loss(torch.tensor([1.5, 1.5, 0.5, 0.5]), torch.tensor([1.0, -1.0, 1.0, -1.0])).tolist()
    [-1.2000000476837158, 1.5, -0.5, 0.800000011920929]
    """
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def train(
    every: list[Bank], without: str, objective: str, iterations: int, seed: int = 0
) -> TrainedNetwork:
    """Return the network after the iterations."""
    torch.manual_seed(seed)
    network = TrainedNetwork()
    if objective == "joint":
        network = TrainedNetwork.read(LIKELIHOOD / f"without-{without}.npz")
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations, eta_min=RATE / 10)
    hidden = GROUPS[without]
    banks_left = [bank for bank in every if bank.family.split()[-1] not in hidden]
    real = [bank for bank in banks_left if not bank.family.startswith("drawn")]
    drawn = [bank for bank in banks_left if bank.family.startswith("drawn")]
    similarity_of = cache(Similarity)
    for iteration in range(iterations):
        rng = np.random.default_rng([seed, iteration, 5])
        start = int(rng.choice(STARTS))
        play = InContextNetwork(network.weights())
        searches = []
        for _ in range(TASKS):
            some = drawn if len(drawn) and rng.random() < 0.3 else real
            bank = some[rng.integers(len(some))]
            target = draw_target(bank, similarity_of(bank.space), start, rng)
            searches += [search(target, play, rng) for _ in range(ROLLOUTS)]
        rewards = np.reshape(
            [step.reward for steps in searches for step in steps], (TASKS, ROLLOUTS, STEPS)
        )
        gains = advantages(rewards).reshape(TASKS * ROLLOUTS, STEPS)
        gains = gains / (gains.std() + 1e-6)
        losses = [
            update(network, optimiser, searches, gains, objective, rng) for _ in range(EPOCHS)
        ]
        schedule.step()
        loss = ", ".join(f"{value:.4f}" for value in np.mean(losses, axis=0))
        print(
            f"without {without}: iteration {iteration}, gain {rewards.sum(axis=2).mean():.3f}, loss {loss}",
            flush=True,
        )
    return network


def update(
    network: TrainedNetwork,
    optimiser: torch.optim.Optimizer,
    searches: list[list[Step]],
    gains: Floats,
    objective: str,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Take one gradient step for each time of the searches; return the mean losses of policy and predictions."""
    losses = []
    for t in rng.permutation(STEPS):
        some = [steps[t] for steps in searches]
        inputs, wanted, is_candidate = batch_of(some)
        best = torch.tensor([step.best for step in some])
        mean, deviation, added = network(*inputs)
        scores = network.search_scores(mean, deviation, added, best)
        scores = scores.masked_fill(~is_candidate, -math.inf)
        log_probability = scores.log_softmax(dim=1)[:, 0]
        before = torch.tensor([step.log_probability for step in some])
        gain = torch.from_numpy(gains[:, t]).float()
        policy = clipped_loss((log_probability - before).exp(), gain).mean()
        likelihood = negative_log_likelihood(mean, deviation, wanted).mean()
        loss = policy + likelihood if objective == "joint" else policy
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimiser.step()
        losses.append((float(policy.detach()), float(likelihood.detach())))
    policy_loss, likelihood_loss = np.mean(losses, axis=0)
    return float(policy_loss), float(likelihood_loss)


def batch_of(steps: list[Step]) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return the network's arguments, the wanted scores and a mask of candidates, all of the same number of columns.

    The chosen candidate comes first. Candidates are repeated to fill the columns; the mask is False
    for repetitions.
    """
    most = max(len(step.wanted) for step in steps)
    is_candidate = np.array([np.arange(most) < len(step.wanted) for step in steps])
    parts, wanted = [], []
    for step in steps:
        others = np.setdiff1d(np.arange(len(step.wanted)), step.chosen)
        columns = np.resize(np.r_[step.chosen, others], most)
        reading = step.reading
        parts.append(
            reading._replace(
                asked=reading.asked[columns],
                experts=reading.experts[columns],
                across=reading.across[columns],
            )
        )
        wanted.append(step.wanted[columns])
    arguments = [torch.from_numpy(np.stack(part)) for part in zip(*parts, strict=True)]
    return arguments, torch.from_numpy(np.stack(wanted)), torch.from_numpy(is_candidate)


def main() -> None:
    """Train and write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objective", choices=("joint", "reward"), default="joint")
    objective = parser.parse_args().objective
    torch.set_num_threads(1)
    every, weights = list(banks()), Path(__file__).parents[2] / "benchmarks_data" / "in_context"
    for group in GROUPS:
        network = train(every, group, objective, ITERATIONS)
        write(weights / objective, network, group, ITERATIONS, 0, searches=True)


if __name__ == "__main__":
    main()
