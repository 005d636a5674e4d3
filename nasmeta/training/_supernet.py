"""A supernet: one network that contains all cells of a space, with shared weights."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nasmeta.checks import check_choice, check_int
from nasmeta.errors import SettingError
from nasmeta.spaces import Architecture, SearchSpace, get_cell_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._device import Augmentation, DeviceData, chosen_device
from nasmeta.training._network import _EDGES, CellNetwork, _operation
from nasmeta.training._recipe import Recipe, recipe_for
from nasmeta.training._result import TrainingResult

_BATCH = 1024
_HOTTEST, _COLDEST = 10.0, 0.1  # temperatures of GDAS, as published
_RATE, _BETAS, _DECAY = 3e-4, (0.5, 0.999), 1e-3  # of its architecture's parameters


class _Path:
    """The present operation of each edge, and factors of value 1 that carry a gradient."""

    operations: tuple[str, ...] = ("none",) * len(_EDGES)
    factors: Tensor | None = None


class _SharedCell(nn.Module):
    """A cell with all operations on all edges; it computes only those of the path."""

    def __init__(self, path: _Path, names: Iterable[str], channels: int) -> None:
        super().__init__()
        self._path = path
        self.edges = nn.ModuleList(
            nn.ModuleDict({name: _operation(name, channels) for name in names if name != "none"}) for _ in _EDGES
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the output node, of the input's shape (n, channels, height, width)."""
        nodes = [image, *(torch.zeros_like(image) for _ in range(_EDGES[-1][1]))]
        for at, (source, target) in enumerate(_EDGES):
            name = self._path.operations[at]
            if name != "none":
                term = self.edges[at][name](nodes[source])  # type: ignore[index]
                nodes[target] = nodes[target] + (term if self._path.factors is None else term * self._path.factors[at])
        return nodes[-1]


class Supernet(CellNetwork):
    """All cells of a space in one network: single path one-shot with uniform sampling (Guo et al., ECCV 2020).

    The skeleton is that of `CellNetwork`, and each edge of each cell has weights for every operation. In training mode,
    each forward pass computes one cell, drawn uniformly; in evaluation mode it computes the cell of `use`. Batch norm
    always uses the statistics of the batch, because running statistics would mix the cells.

    With ``sampling="gdas"``, learned scores determine the draws (Dong and Yang, CVPR 2019), see `gdas`.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space of cells with four nodes.
    n_classes, channels, cells_per_stage, in_channels
        As of `CellNetwork`.
    seed : int, default 0
        Of the weights and of the draws of cells.
    sampling : {"uniform", "gdas"}, default "uniform"

    Examples
    --------
    >>> import torch
    >>> from nasmeta.training import Supernet
    >>> network = Supernet(channels=4, cells_per_stage=1).eval()
    >>> network.use(6111)(torch.zeros(2, 3, 16, 16)).shape
    torch.Size([2, 10])
    """

    passes: Tensor

    def __init__(
        self,
        space: str | SearchSpace = "nb201",
        *,
        n_classes: int = 10,
        channels: int = 16,
        cells_per_stage: int = 5,
        in_channels: int = 3,
        seed: int = 0,
        sampling: str = "uniform",
    ) -> None:
        skeleton: dict[str, Any] = {"channels": channels, "cells_per_stage": cells_per_stage}
        super().__init__(0, space, n_classes=n_classes, in_channels=in_channels, seed=seed, **skeleton)
        self.space = get_cell_space(space)
        self.sampling, self._seed, self._path = check_choice("sampling", sampling, ("uniform", "gdas")), seed, _Path()
        names = self.space.operations
        self.stages = nn.ModuleList(
            nn.Sequential(*(_SharedCell(self._path, names, channels << level) for _ in range(cells_per_stage)))
            for level in range(3)
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None
        self._draw_weights(seed)
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))  # a resumed training continues the draws
        if sampling == "gdas":
            self.scores = nn.Parameter(torch.zeros(len(_EDGES), len(names)))
        self.temperature = _HOTTEST
        self.use(0)

    def use(self, cell: Architecture) -> Supernet:
        """Select the cell that is computed in evaluation mode."""
        self._path.operations = tuple(self.space.ops_of(self.space.index_of(cell)).tolist())
        self._path.factors = None
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (n, n_classes), of the selected cell or, in training mode, of a drawn one."""
        if self.training:
            self._draw()
        return super().forward(images)

    def _draw(self) -> None:
        rng = np.random.default_rng([self._seed, 201, int(self.passes)])
        self.passes += 1
        if self.sampling == "uniform":
            self.use(int(rng.integers(self.space.size)))
            return
        noise = torch.from_numpy(rng.gumbel(size=tuple(self.scores.shape)).astype(np.float32)).to(self.scores.device)
        soft = functional.softmax((functional.log_softmax(self.scores, 1) + noise) / self.temperature, 1)
        chosen = soft.argmax(1)
        picked = soft.gather(1, chosen[:, None])[:, 0]
        self._path.operations = tuple(self.space.operations[at] for at in chosen.tolist())
        self._path.factors = 1 + picked - picked.detach()

    def cell_of_scores(self) -> int:
        """Return the cell with the highest-scoring operation on each edge.

        Raises
        ------
        SettingError
            If cells are drawn uniformly.
        """
        if self.sampling == "uniform":
            raise SettingError("sampling", self.sampling, "gdas")
        digits = self.scores.detach().argmax(1).cpu().numpy()
        return int(self.space.find(digits @ self.space.place_values))

    @torch.inference_mode()
    def accuracies(
        self,
        cells: Iterable[Architecture],
        data: ImageDataset,
        split: str = "valid",
        device: str | torch.device = "cpu",
    ) -> NDArray[np.float64]:
        """Return the accuracy in percent of each cell with the shared weights, float64, shape (n_cells,).

        The images are shuffled, always in the same way, so that batch norm sees all classes in each batch.

        Parameters
        ----------
        cells : iterable of int or str
        data : ImageDataset
        split : {"valid", "train", "test"}, default "valid"
        device : str, default "cpu"

        Raises
        ------
        SettingError
            If the split has no images.
        """
        if not len(data.splits[check_choice("split", split, tuple(data.splits))]):
            raise SettingError(f"number of {split} images", 0, "at least 1", "Pass valid_fraction=0.1.")
        pixels, network, found = DeviceData(data, chosen_device(device)), self.to(chosen_device(device)).eval(), []
        order = torch.randperm(len(pixels.positions[split]), generator=torch.Generator().manual_seed(0))
        positions = pixels.positions[split][order.to(pixels.device)]
        for cell in cells:
            network.use(cell)
            right = 0
            for begin in range(0, len(positions), _BATCH):
                images, labels = pixels.plain(positions[begin : begin + _BATCH])
                right += int((network(images).argmax(1) == labels).sum())
            found.append(100 * right / len(positions))
        return np.array(found)


def _supernet_of(data: ImageDataset, recipe: Recipe, space: str | SearchSpace, seed: int, sampling: str) -> Supernet:
    """Return a new supernet for these images, with the skeleton of the recipe."""
    return Supernet(
        space,
        n_classes=data.n_classes,
        channels=recipe.channels,
        cells_per_stage=recipe.cells_per_stage,
        in_channels=data.images.shape[1],
        seed=seed,
        sampling=sampling,
    )


def train_supernet(
    data: str | ImageDataset,
    recipe: str | Path | Recipe | None = None,
    space: str | SearchSpace = "nb201",
    seed: int = 0,
    *,
    folder: str | Path | None = None,
    device: str = "auto",
) -> TrainingResult:
    """Train a `Supernet` on uniformly drawn cells; the result's network evaluates all of them.

    Parameters
    ----------
    data : str or ImageDataset
        A source as in `ImageDataset.load`, or a loaded dataset.
    recipe : str, Path or Recipe, optional
        As in `train`. ``prune`` and ``evaluate_every`` are not used. The final
        accuracy is that of cell 0.
    space : str or SearchSpace, default "nb201"
    seed : int, default 0
    folder : path, optional
        For checkpoints, from which a killed training resumes.
    device : str, default "auto"

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, train_supernet
    >>> few = ImageDataset.load("digits").subset(64)
    >>> supernet = train_supernet(few, Recipe.load("tiny", epochs=1), device="cpu").network
    >>> supernet.accuracies([0, 6111], few).shape
    (2,)
    """
    from nasmeta.training._train import train

    recipe = recipe_for(recipe, data)
    recipe = recipe.but(evaluate_every=recipe.epochs)
    data = recipe.images_of(ImageDataset.of(data))

    def build(choices: Mapping[str, Any]) -> Supernet:
        return _supernet_of(data, recipe, space, seed, "uniform")

    build.identity = {"network": "supernet", "space": get_cell_space(space).name}  # type: ignore[attr-defined]
    where: dict[str, Any] = {"folder": folder, "device": device}
    return train(0, data, recipe, seed, space=space, build_network=build, **where)


def gdas(
    data: str | ImageDataset,
    recipe: str | Path | Recipe | None = None,
    space: str | SearchSpace = "nb201",
    seed: int = 0,
    *,
    device: str = "auto",
) -> dict[str, Any]:
    """Search with gradients through differentiable draws of cells: first-order GDAS (Dong and Yang, CVPR 2019).

    Steps of the weights on training images alternate with steps of the scores on validation images, as in DARTS (Liu
    et al., ICLR 2019). The temperature of the draws falls linearly from 10 to 0.1.

    Parameters
    ----------
    data : str or ImageDataset
        Must have validation images.
    recipe : str, Path or Recipe, optional
        As in `train`: images, skeleton, learning rates and epochs of the weights.
    space : str or SearchSpace, default "nb201"
    seed : int, default 0
    device : str, default "auto"

    Returns
    -------
    dict
        ``cell``, the cell with the highest scores; ``cells``, the same after each epoch; ``seconds``; ``supernet``.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, gdas
    >>> found = gdas(ImageDataset.load("digits").subset(64), Recipe.load("tiny", epochs=1))
    >>> len(found["cells"]), 0 <= found["cell"] < 15625
    (1, True)

    Raises
    ------
    SettingError
        If there are no validation images, or no such device.
    """
    start, seed = time.perf_counter(), check_int("seed", seed, least=0)
    recipe, place = recipe_for(recipe, data), chosen_device(device)
    data = recipe.images_of(ImageDataset.of(data))
    if not len(data.splits["valid"]):
        raise SettingError("number of valid images", 0, "at least 1", "Pass valid_fraction=0.1.")
    network = _supernet_of(data, recipe, space, seed, "gdas").to(place)
    weights = [own for name, own in network.named_parameters() if name != "scores"]
    of_weights = torch.optim.SGD(
        weights, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, nesterov=recipe.nesterov
    )
    of_scores = torch.optim.Adam([network.scores], lr=_RATE, betas=_BETAS, weight_decay=_DECAY)
    padding = round(recipe.crop * data.image_size[0])
    pixels = DeviceData(data, place, padding)
    train, valid = pixels.positions["train"], pixels.positions["valid"]
    n_steps = max(1, len(train) // recipe.batch_size)
    cells = []
    for epoch in range(recipe.epochs):
        network.train().temperature = _HOTTEST + (_COLDEST - _HOTTEST) * epoch / max(1, recipe.epochs - 1)
        generator = torch.Generator().manual_seed(int(np.random.default_rng([seed, epoch]).integers(2**31)))
        orders = [own[torch.randperm(len(own), generator=generator).to(place)] for own in (train, valid)]
        for step in range(n_steps):
            for group in of_weights.param_groups:
                group["lr"] = recipe.learning_rate_at(epoch, step, n_steps)
            for optimizer, order in ((of_weights, orders[0]), (of_scores, orders[1])):
                part = order[torch.arange(step * recipe.batch_size, (step + 1) * recipe.batch_size) % len(order)]
                draws = Augmentation(len(part), padding, recipe.flip and data.flips, generator).to(pixels.device)
                images, labels = pixels.augmented(part, draws)
                network.zero_grad(set_to_none=True)
                functional.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        cells.append(network.cell_of_scores())
    return {"cell": cells[-1], "cells": cells, "seconds": time.perf_counter() - start, "supernet": network}
