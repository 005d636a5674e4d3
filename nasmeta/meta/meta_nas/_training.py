"""Meta-training of the two networks together, on practised searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.meta.meta_nas._cells import CellTree, cell_features, cell_tree
from nasmeta.meta.meta_nas._networks import PredictionNetwork, SearchNetwork
from nasmeta.meta.meta_nas._tasks import PracticeTasks
from nasmeta.spaces import CellSpace

__all__ = ["Networks", "Practice"]

_GROWTH = (1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 8, 8)  # cells that a practised search evaluates between two lessons
_OWN, _GOOD, _ANY = 48, 48, 32  # cells of a lesson: proposed, among the task's best, uniform
_GREED = 0.3  # score that is worth a factor of e in what the search network is to propose
_RANDOM = 0.2  # share of practised evaluations that are not the screened best


@dataclass
class Networks:
    """The two networks and what they read."""

    space: CellSpace
    search: SearchNetwork
    prediction: PredictionNetwork
    features: Tensor
    tree: CellTree

    @classmethod
    def build(cls, space: CellSpace, width: int, seed: int) -> Networks:
        """Return new networks."""
        features, tree = cell_features(space), cell_tree(space)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            search = SearchNetwork(tree.beginnings.shape[1], features.shape[1], tree.n_operations, width)
            prediction = PredictionNetwork(features.shape[1], width)
        return cls(space, search, prediction, torch.as_tensor(features), tree)


class Practice:
    """Joint training by practised searches."""

    def __init__(self, networks: Networks, tasks: PracticeTasks, rng: np.random.Generator, *, steps: int = 1500,
                 batch: int = 16, rate: float = 2e-3, screen: float = 0.5, optimism: float = 0.5) -> None:
        self.n, self.tasks, self.rng = networks, tasks, rng
        self.batch, self.steps, self.rate, self.screen, self.optimism = batch, steps, rate, screen, optimism
        self.beginnings = torch.as_tensor(networks.tree.beginnings)
        self.path, self.digits = torch.as_tensor(networks.tree.path), torch.as_tensor(networks.tree.digits)
        self.parameters = [*networks.search.parameters(), *networks.prediction.parameters()]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=rate, weight_decay=1e-4)
        self.step_ = 0
        self.log: list[tuple[float, float, float, float]] = []
        place = networks.space.n_operations ** np.arange(networks.space.n_edges - 1, -1, -1)
        ranks = networks.space.digits.astype(np.int64) @ place
        self.cell_of_rank = torch.as_tensor(np.argsort(ranks))
        self.first = torch.as_tensor(networks.tree.first)

    def run(self) -> None:
        while self.step_ < self.steps:
            self._search()

    def _search(self) -> None:
        z = torch.as_tensor(np.stack([self.tasks.sample(self.rng) for _ in range(self.batch)]))
        context = torch.zeros(self.batch, 0, dtype=torch.int64)
        for growth in _GROWTH:
            if self.step_ >= self.steps:
                break
            context = torch.cat([context, self._lesson(z, context, growth)], dim=1)

    def _lesson(self, z: Tensor, context: Tensor, growth: int) -> Tensor:
        n, rng, b = self.n, self.rng, len(z)
        done = self.step_ / self.steps
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, (self.step_ + 1) / 50) * (0.5 * (1 + np.cos(np.pi * done)) + 0.01)
        values = z.gather(1, context)
        begun = n.search.beginning(self.beginnings)
        read = n.search.read(n.features[context], values)
        own = self._draw(begun.detach(), read.detach(), _OWN)
        noise = torch.as_tensor(rng.gumbel(size=z.shape).astype(np.float32))
        good = (z / _GREED + noise).topk(_GOOD, dim=1).indices
        anywhere = torch.as_tensor(rng.integers(n.space.n_cells, size=(b, _ANY)))
        pool = torch.cat([own, good, anywhere], dim=1)
        truth = z.gather(1, pool)

        embedded, prior = n.prediction.embed(n.features[torch.cat([context, pool], dim=1)])
        k = context.shape[1]
        elements = n.prediction.read(embedded[:, :k], prior[:, :k], values)
        mean, log_deviation = n.prediction(embedded[:, k:], prior[:, k:], elements)
        missed = _surprise(mean, log_deviation, truth) + _surprise(
            prior[:, k:, 0], prior[:, k:, 1].clamp(-4.0, 1.0), truth
        )

        score = (mean + self.optimism * log_deviation.exp()).detach()
        seen = (pool[:, :, None] == context[:, None, :]).any(-1)
        worth = ((1 - self.screen) * truth + self.screen * score) / _GREED
        wanted = worth.masked_fill(seen, -torch.inf).softmax(-1)
        log_p = n.search(begun[self.path[pool].view(b, -1)], read).view(b, -1, n.space.n_edges, n.tree.n_operations)
        log_p = log_p.gather(-1, self.digits[pool][..., None])[..., 0].sum(-1)
        lost = -(wanted * log_p).sum(-1)

        loss = missed.mean() + lost.mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimiser.step()
        self.step_ += 1
        best = truth[:, :_OWN].gather(1, score[:, :_OWN].argmax(1, keepdim=True)).mean()
        self.log.append((missed.mean().item(), lost.mean().item(), float(truth[:, :_OWN].mean()), float(best)))

        score = score.masked_fill(seen, -torch.inf)[:, :_OWN]
        chosen = []
        for i in range(b):
            order = pool[i, :_OWN][score[i].argsort(descending=True)].tolist()
            if rng.random() < _RANDOM:
                order = pool[i][torch.as_tensor(rng.permutation(pool.shape[1]))].tolist()
            known = set(context[i].tolist())
            fresh = [c for c in dict.fromkeys(order) if c not in known]
            while len(fresh) < growth:
                c = int(rng.integers(n.space.n_cells))
                if c not in known and c not in fresh:
                    fresh.append(c)
            chosen.append(fresh[:growth])
        return torch.tensor(chosen)

    @torch.no_grad()
    def _draw(self, begun: Tensor, read: Tensor, count: int) -> Tensor:
        n, b = self.n, len(read)
        rank = torch.zeros(b, count, dtype=torch.int64)
        uniform = torch.as_tensor(self.rng.random((n.space.n_edges, b, count)).astype(np.float32))
        for edge in range(n.space.n_edges):
            p = n.search(begun[self.first[edge] + rank], read).exp().cumsum(-1)
            digit = (uniform[edge][..., None] > p).sum(-1).clamp(max=n.tree.n_operations - 1)
            rank = rank * n.tree.n_operations + digit
        return self.cell_of_rank[rank]


def _surprise(mean: Tensor, log_deviation: Tensor, truth: Tensor) -> Tensor:
    return log_deviation + 0.5 * ((truth - mean) * (-log_deviation).exp()).square()
