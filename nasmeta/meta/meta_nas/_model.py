"""What meta-training leaves: the weights of both networks, and what they say about cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasmeta.meta.meta_nas._cells import cell_features, cell_tree
from nasmeta.meta.meta_nas._networks import PredictionNetwork, SearchNetwork
from nasmeta.spaces import SearchSpace, get_space


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
    """The meta-trained networks.

    Attributes
    ----------
    space : str or SearchSpace
    width : int
    weights : dict of str to ndarray of float32
        Of both networks, as PyTorch names them.
    sources : tuple of str
    labels : int
        Of all sources together.
    log : ndarray of float64, shape (n_rows, 5)
        Step; loss of the prediction network; of the search network; mean score, in standard deviations of the task,
        of the cells that the search network proposed; and of those that passed the screen; each since the row before.
    """

    space: str | SearchSpace
    width: int
    weights: dict[str, NDArray[np.float32]]
    sources: tuple[str, ...]
    labels: int
    log: NDArray[np.float64] = field(repr=False)

    @cached_property
    def _ready(self) -> tuple[Networks, Tensor, Tensor, Tensor]:
        """Return networks, embedded beginnings, embedded cells and prior: what does not depend on a context."""
        with torch.random.fork_rng(devices=[]):  # the first weights are drawn from the global generator
            networks = Networks(get_space(self.space), self.width)
        networks.load_state_dict({name: torch.tensor(values) for name, values in self.weights.items()})
        with torch.inference_mode():
            begun = networks.search.beginning(networks.beginnings)
            return networks, begun, *networks.prediction.embed(networks.features)

    def require_complete(self) -> None:
        """Raise where the weights are not those of networks of this space and width: a ValueError or RuntimeError."""
        _ = self._ready

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
