"""The two networks, what they read of a space, and what meta-training leaves: weights, and what they say of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasmeta.meta._cell_columns import further_features, in_reference, position_feature, representatives
from nasmeta.spaces import SearchSpace, get_space, reference_space


def ranks_as_scores(values: Tensor) -> Tensor:
    """Return normal scores of the ranks along the last axis, same shape; ties share a rank."""
    below = (values[..., None, :] < values[..., :, None]).sum(-1)
    upto = (values[..., None, :] <= values[..., :, None]).sum(-1)
    shares = (below + upto).to(torch.float32) / (2 * values.shape[-1])
    scores: Tensor = torch.special.ndtri(shares.clamp(1e-4, 1 - 1e-4))
    return scores


def _layers(*widths: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for before, after in pairwise(widths[:-1]):
        parts += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*parts, nn.Linear(widths[-2], widths[-1]))


class _Attention(nn.Module):
    """Queries read a set; an own learnt element stands for the empty one."""

    def __init__(self, width: int, n_heads: int = 4) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.nothing = nn.Parameter(torch.zeros(1, 1, width))
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)

    def forward(self, queries: Tensor, elements: Tensor) -> Tensor:
        """From (b, q, width) and (b, k, width) to (b, q, width)."""
        b, q, width = queries.shape
        elements = torch.cat([self.nothing.expand(b, -1, -1), elements], dim=1)
        key, value = self.key_value(elements).chunk(2, dim=-1)

        def heads(x: Tensor) -> Tensor:
            return x.view(b, -1, self.n_heads, width // self.n_heads).transpose(1, 2)

        read = nn.functional.scaled_dot_product_attention(heads(self.query(queries)), heads(key), heads(value))
        out: Tensor = self.out(read.transpose(1, 2).reshape(b, q, width))
        return out


class _SetEncoder(nn.Module):
    """Elements of a context that have read each other."""

    def __init__(self, n_inputs: int, width: int) -> None:
        super().__init__()
        self.first = _layers(n_inputs, 2 * width, width)
        self.attention, self.norm = _Attention(width), nn.LayerNorm(width)
        self.second = _layers(width, 2 * width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        elements = self.first(inputs)
        elements = elements + self.attention(self.norm(elements), elements)
        out: Tensor = elements + self.second(elements)
        return out


class PredictionNetwork(nn.Module):
    """A neural process: mean and deviation of cells' scores, given a context of cells and their values.

    The values of a context count by their ranks alone: they are replaced by the sorted prior means of the same cells,
    so that a new task needs no unit. What makes the network change its mind is the difference from the prior.
    """

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.cell = _layers(n_features, 2 * width, 2 * width, width)
        self.prior = _layers(width, width, 2)
        self.context = _SetEncoder(width + 4, width)
        self.attention = _Attention(width)
        self.posterior = _layers(2 * width, 2 * width, 2)

    def embed(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return embeddings (…, width), and prior mean and log deviation (…, 2), of cells (…, n_features)."""
        embedded = self.cell(features)
        return embedded, self.prior(nn.functional.gelu(embedded))

    def read(self, embedded: Tensor, prior: Tensor, values: Tensor) -> Tensor:
        """Return the elements (b, k, width) of a context of embedded cells and their values (b, k)."""
        mean = prior[..., 0].detach()
        ranks = ranks_as_scores(values)
        order = values.argsort(dim=-1, stable=True)
        matched = torch.empty_like(mean).scatter(-1, order, mean.sort(dim=-1).values)
        size = torch.full_like(mean, 0.1 * values.shape[-1]).sqrt()
        said = torch.stack([matched, matched - mean, ranks, size], -1)
        elements: Tensor = self.context(torch.cat([embedded, said], -1))
        return elements

    def forward(self, embedded: Tensor, prior: Tensor, elements: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log deviation, each (b, q), of embedded cells (b, q, width) given a context's elements."""
        read = self.attention(embedded, elements)
        change = self.posterior(torch.cat([nn.functional.gelu(embedded), read], -1))
        return prior[..., 0] + change[..., 0], (prior[..., 1] + change[..., 1]).clamp(-4.0, 1.0)


class SearchNetwork(nn.Module):
    """Proposes cells edge by edge, or architectures position by position: logits of the next choice in a context.

    `n_features` are those of a beginning, `n_cell_features` of a whole cell in a context; `n_operations` is the most
    choices of a position.
    """

    def __init__(self, n_features: int, n_cell_features: int, n_operations: int, width: int) -> None:
        super().__init__()
        self.beginning = _layers(n_features, 2 * width, 2 * width, width)
        self.context = _SetEncoder(n_cell_features + 2, width)
        self.attention = _Attention(width)
        self.logits = _layers(2 * width, 2 * width, n_operations)

    def read(self, features: Tensor, values: Tensor) -> Tensor:
        """Return the elements (b, k, width) of a context of cells (b, k, n_cell_features) and values (b, k)."""
        size = torch.full_like(features[..., 0], 0.1 * values.shape[-1]).sqrt()
        said = torch.stack([ranks_as_scores(values), size], -1)
        elements: Tensor = self.context(torch.cat([features, said], -1))
        return elements

    def forward(self, begun: Tensor, elements: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Return log probabilities (b, q, n_operations) of what follows embedded beginnings (b, q, width).

        Where only some operations are `allowed`, (…, q, n_operations), the others have none.
        """
        read = self.attention(begun, elements)
        logits: Tensor = self.logits(torch.cat([nn.functional.gelu(begun), read], -1))
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -torch.inf)
        return logits.log_softmax(-1)


@cache
def cell_features(space: SearchSpace) -> NDArray[np.float32]:
    """Return what the prediction network reads of every architecture, float32, shape (size, n_features).

    The choices of its positions; and choices and other counts of the representative of those that compute the same
    (of cells operations of the edges, live paths and operation counts), in the layout of the reference space: that of
    NAS-Bench-201 for its relatives. Columns have zero mean and unit deviation there.
    """
    common = reference_space(space)
    choices = common.feature(position_feature(common)).counts
    others = [common.feature(name).counts for name in further_features(common)]
    table = np.concatenate([choices, *others], axis=1)[representatives(common)]
    table = np.concatenate([choices, table], axis=1).astype(np.float64)
    table = table[:, table.min(axis=0) < table.max(axis=0)]
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    features: NDArray[np.float32] = table[in_reference(space)].astype(np.float32)
    return features


@dataclass(frozen=True)
class CellTree:
    """All beginnings: the choices of the first positions, and which of the beginnings an architecture runs through.

    A beginning is its choices, one-hot in the layout of the reference space, and the position that comes next, one-hot.
    Each choice leads to another beginning, after the last position to the architecture; -1 where it leads to none.
    """

    beginnings: NDArray[np.float32]  # (n_beginnings, n_columns + n_positions)
    path: NDArray[np.int64]  # (size, n_positions): the beginning before each position of each architecture
    codes: NDArray[np.int64]  # (size, n_positions): the choice that follows
    follows: NDArray[np.int64]  # (n_beginnings, most choices): where each choice leads

    @property
    def allowed(self) -> NDArray[np.bool_] | None:
        """Which choices lead on, shape (n_beginnings, most choices); None where all do."""
        leads: NDArray[np.bool_] = self.follows >= 0
        return None if leads.all() else leads


@cache
def cell_tree(space: SearchSpace) -> CellTree:
    """Return the tree of a space."""
    common = reference_space(space)
    layout = common.feature(position_feature(common)).counts[in_reference(space)]
    ends = np.cumsum(common.n_choices)
    codes, most = space.codes.astype(np.int64), max(space.n_choices)
    rows, path = [], np.empty_like(codes)
    rank, n_before = np.zeros(space.size, dtype=np.int64), 0
    for position, n in enumerate(space.n_choices):
        _, first, begun = np.unique(rank, return_index=True, return_inverse=True)
        row = np.zeros((len(first), layout.shape[1] + space.n_positions), dtype=np.float32)
        upto = ends[position - 1] if position else 0
        row[:, :upto] = layout[first, :upto]
        row[:, layout.shape[1] + position] = 1.0
        rows.append(row)
        path[:, position] = n_before + begun.ravel()
        n_before += len(first)
        rank = rank * n + codes[:, position]
    follows = np.full((n_before, most), -1, dtype=np.int64)
    after = np.c_[path[:, 1:], np.arange(space.size)]
    follows[path, codes] = after
    return CellTree(np.concatenate(rows), path, codes, follows)


class Networks(torch.nn.Module):
    """Both networks, and what they read of a space."""

    features: Tensor
    beginnings: Tensor
    path: Tensor
    codes: Tensor
    follows: Tensor
    allowed: Tensor | None

    def __init__(self, space: SearchSpace, width: int) -> None:
        super().__init__()
        features, tree = cell_features(space), cell_tree(space)
        self.search = SearchNetwork(tree.beginnings.shape[1], features.shape[1], max(space.n_choices), width)
        self.prediction = PredictionNetwork(features.shape[1], width)
        for name, values in (
            ("features", features),
            ("beginnings", tree.beginnings),
            ("path", tree.path),
            ("codes", tree.codes),
            ("follows", tree.follows),
            ("allowed", tree.allowed),
        ):
            self.register_buffer(name, None if values is None else torch.as_tensor(values), persistent=False)

    def log_probabilities(self, begun: Tensor, elements: Tensor, which: Tensor | None = None) -> Tensor:
        """Return those of what follows embedded beginnings (b, q, width), shape (b, q, most choices).

        `which` (b, q) or (q,) says which beginnings they are; all in their order where left out.
        """
        allowed = self.allowed if which is None or self.allowed is None else self.allowed[which]
        out: Tensor = self.search(begun, elements, allowed)
        return out


@dataclass
class MetaNASModel:
    """The meta-trained networks, and a log of their training.

    A row of the log is the step, the loss of the prediction network and of the search network, and the mean score, in
    standard deviations of the task, of the cells proposed and of those that passed the screen, since the row before.
    """

    space: str | SearchSpace
    width: int
    weights: dict[str, NDArray[np.float32]]  # of both networks, as PyTorch names them
    sources: tuple[str, ...]
    labels: int  # of all sources together
    log: NDArray[np.float64] = field(repr=False)  # (n_rows, 5)

    @cached_property
    def _ready(self) -> tuple[Networks, Tensor, Tensor, Tensor]:
        """Return networks, embedded beginnings, embedded cells and prior: what does not depend on a context."""
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn from the global generator
            networks = Networks(get_space(self.space), self.width)
        networks.load_state_dict({name: torch.tensor(values) for name, values in self.weights.items()})
        with torch.inference_mode():
            begun = networks.search.beginning(networks.beginnings)
            return networks, begun, *networks.prediction.embed(networks.features)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_ready"}

    def log_probabilities(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log probability that the search network proposes each cell of the space, shape (n_cells,).

        Of the context, cells and values of shape (k,), k maybe 0, only the order of the values matters; higher is
        better.
        """
        networks, begun, _, _ = self._ready
        with torch.inference_mode():
            elements = networks.search.read(networks.features[_rows(cells)][None], _values(values))
            log_p = networks.log_probabilities(begun[None], elements)[0].double()
            found: NDArray[np.float64] = log_p[networks.path, networks.codes].sum(dim=1).numpy()
        return found

    def predict(
        self, candidates: NDArray[Any], cells: NDArray[np.int32], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation of the candidates' scores, each float64, shape (n,), given a context."""
        networks, _, embedded, prior = self._ready
        known, asked = _rows(cells), _rows(candidates)
        with torch.inference_mode():
            elements = networks.prediction.read(embedded[known][None], prior[known][None], _values(values))
            mean, log_deviation = networks.prediction(embedded[asked][None], prior[asked][None], elements)
            return mean[0].double().numpy(), log_deviation[0].double().exp().numpy()


def _rows(cells: NDArray[Any]) -> Tensor:
    return torch.as_tensor(np.asarray(cells, dtype=np.int64))


def _values(values: NDArray[np.float64]) -> Tensor:
    return torch.as_tensor(np.asarray(values, dtype=np.float64))[None]
