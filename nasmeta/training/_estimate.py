"""What a training will take, before it begins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from nasmeta.spaces import SearchSpace, get_cell_space, get_space
from nasmeta.training._dataset import ImageDataset
from nasmeta.training._learner import Learner
from nasmeta.training._machine import computing
from nasmeta.training._network import CellNetwork
from nasmeta.training._own_network import BuildNetwork, own_network
from nasmeta.training._recipe import Recipe

CONTEXT_BYTES = 700 * 2**20  # what a process takes on a card before it holds a tensor; a guess on the safe side
_KEPT = 2.0  # gradients and workspaces beside the activations; a guess on the safe side
_TRIED = 32  # images that a CPU is tried with; a card needs a whole batch to be as fast as it will be


@dataclass(frozen=True)
class Estimate:
    """Seconds of a whole training with its evaluations, and the memory that it needs."""

    seconds: float
    memory_bytes: int
    images_at_once: int  # of a batch: fewer where memory did not suffice in the trial

    def told(self, what: str, device: torch.device, if_short: str) -> str:
        """Say it in words, and what will be done where the device has less memory free."""
        said = (
            f"estimated: {self.seconds:,.3g} seconds for {what}, {self.memory_bytes / 1e9:.2g} GB for "
            f"{self.images_at_once} images at once"
        )
        if device.type != "cuda":
            return said
        free, _ = torch.cuda.mem_get_info(device)
        return said if self.memory_bytes <= free else f"{said}, of {free / 1e9:.2g} GB free: {if_short}"


def bytes_needed(network: torch.nn.Module, dataset: ImageDataset, batch_size: int, context: int = CONTEXT_BYTES) -> int:
    """Estimate the memory of a training on a card: context, images, weights, and what the gradient has to keep."""
    outputs = 0

    def count(_: torch.nn.Module, __: object, output: torch.Tensor) -> None:
        nonlocal outputs
        outputs += output.numel()

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(count) for module in leaves]
    was_training = network.training
    first = next(network.parameters(), torch.zeros(1))
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, *dataset.images.shape[1:], device=first.device))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    weights = sum(parameter.numel() for parameter in network.parameters()) * 4 * 4
    return int(context + 1.6 * dataset.images.nbytes + weights + _KEPT * outputs * 4 * batch_size)


def estimate_training(
    cell: int,
    space: str | SearchSpace,
    dataset: ImageDataset,
    recipe: Recipe,
    device: torch.device,
    build_network: BuildNetwork | None = None,
) -> Estimate:
    """Try a step and an evaluation on few images, of which nothing is kept, and scale their seconds up.

    Nothing is compiled, so what is compiled will be quicker. The memory is counted, not measured: images, weights, and
    what the gradient keeps of a batch. `dataset` is what the recipe takes of the images.
    """

    def begun(few: ImageDataset, shorter: Recipe) -> Learner:
        network: torch.nn.Module
        if build_network is None:
            network = CellNetwork(cell, get_cell_space(space), n_classes=few.n_classes, **recipe.skeleton)
        else:
            network = own_network(build_network, get_space(space).choices(cell), few, 0)
        return Learner(network, few, shorter, 0, device, cell)

    return estimate(begun, dataset, recipe, device)


def estimate(
    begun: Callable[[ImageDataset, Recipe], Learner], dataset: ImageDataset, recipe: Recipe, device: torch.device
) -> Estimate:
    """Estimate what a learner takes, one or a stack, which `begun` makes of few images and a short recipe."""
    batch = min(recipe.batch_size, len(dataset.splits["train"]))
    tried = batch if device.type == "cuda" else min(batch, _TRIED)
    few = dataset.subset(max(2, tried))
    learner = begun(few, recipe.but(epochs=2, evaluate_every=1, compile=False, cuda_graphs=False))
    context = CONTEXT_BYTES if device.type == "cuda" else 0
    needed = bytes_needed(learner.network, dataset, batch, context)
    with computing(deterministic=False):
        learner.epoch(0)  # the first one pays for what is set up once
        start = time.perf_counter()
        learning = learner.epoch(1).seconds * learner.n_networks
        evaluation = time.perf_counter() - start - learning
    n = {name: len(positions) for name, positions in dataset.splits.items()}
    n_tried = {name: len(positions) for name, positions in few.splits.items()}
    evaluations = -(-recipe.epochs // recipe.evaluate_every)
    of_images = evaluation * (n["valid"] + n["test"]) / max(1, n_tried["valid"] + n_tried["test"])
    seconds = recipe.epochs * learning * n["train"] / n_tried["train"] + evaluations * of_images
    at_once = batch if learner.micro_batch >= tried else learner.micro_batch
    return Estimate(seconds, needed, at_once)
