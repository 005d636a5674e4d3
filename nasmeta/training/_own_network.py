"""Networks that a user builds of the choices of an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch

from nasmeta.errors import SettingError, shown
from nasmeta.training._dataset import ImageDataset

BuildNetwork: TypeAlias = Callable[[Mapping[str, Any]], torch.nn.Module]


def own_network(build: BuildNetwork, choices: Mapping[str, Any], data: ImageDataset, seed: int) -> torch.nn.Module:
    """Build a network, its weights drawn with the seed, and check what it makes of two images.

    Raises
    ------
    SettingError
        Where it is no network, cannot take the images, or does not return a number a class.
    """
    about = f"build_network({shown(choices)})"
    if not callable(build):
        raise SettingError(f"build_network is a function of the choices of an architecture, not {shown(build)}.")
    with torch.random.fork_rng(devices=[]):  # the global generator is not touched
        torch.manual_seed(seed)
        network = build(choices)
    if not isinstance(network, torch.nn.Module):
        raise SettingError(f"{about} returned {shown(network)}, which is no torch.nn.Module.")
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise SettingError(f"{about} has no parameters to train.")
    images, due = torch.zeros(2, *data.images.shape[1:]), (2, data.n_classes)
    try:
        with torch.no_grad():
            found = network.eval()(images)
    except (RuntimeError, TypeError, ValueError, IndexError) as reason:
        what = (str(reason).splitlines() or [""])[0]
        raise SettingError(f"{about} cannot take images of shape {tuple(images.shape)}: {what:.200}") from reason
    finally:
        network.train()
    if not isinstance(found, torch.Tensor) or found.shape != due:
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else shown(found)
        raise SettingError(f"{about} returned {shape} for two images; {due} is due: a number a class ({data.name}).")
    return network
