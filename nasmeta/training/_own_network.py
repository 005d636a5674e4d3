"""Networks that a user builds of the choices of an architecture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from nasmeta.code import identity_of
from nasmeta.errors import NasmetaError, SettingError, TrainingFailed, short, shown
from nasmeta.training._dataset import ImageDataset

BuildNetwork: TypeAlias = Callable[[Mapping[str, Any]], torch.nn.Module]


def network_identity(build: BuildNetwork) -> dict[str, Any]:
    """Return what tells functions that build networks apart, of JSON's types and the same in every process.

    That is the function's attribute ``identity`` where it has one, else what `nasmeta.code.identity_of` says.
    """
    if not callable(build):
        raise SettingError(f"build_network is a function of the choices of an architecture, not {shown(build)}.")
    told = getattr(build, "identity", None)
    if told is None:
        return identity_of(build)
    with suppress(TypeError, ValueError):
        if isinstance(told, dict):
            return dict(json.loads(json.dumps(told, allow_nan=False)))
    raise SettingError(f"The identity of build_network is a dict of JSON's types, not {shown(told)}.")


@dataclass(frozen=True)
class IdentifiedNetwork:
    """A function that builds networks, with its identity, which another process might find to be another."""

    build: BuildNetwork
    identity: dict[str, Any]

    def __call__(self, choices: Mapping[str, Any]) -> torch.nn.Module:
        """Build the network of these choices."""
        return self.build(choices)


def own_network(build: BuildNetwork, choices: Mapping[str, Any], data: ImageDataset, seed: int) -> torch.nn.Module:
    """Build a network, its weights drawn with the seed, and check what it makes of two images.

    An error of the function is a TrainingFailed; what is no network or does not fit the images, a SettingError.
    """
    about = f"build_network({shown(choices)})"
    if not callable(build):
        raise SettingError(f"build_network is a function of the choices of an architecture, not {shown(build)}.")
    with torch.random.fork_rng(devices=[]):  # the global generator is not touched
        torch.manual_seed(seed)
        try:
            network = build(choices)
        except NasmetaError:
            raise
        except Exception as reason:  # somebody else's code, which may raise anything
            what = f"{type(reason).__name__}: {short(str(reason), 200)}"
            raise TrainingFailed(f"{about} raised {what}", "error") from reason
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
