"""Networks that a user builds from the choices of an architecture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from nasmeta.arrays import Facts
from nasmeta.code_identity import identity_of
from nasmeta.errors import NasmetaError, SettingError, TrainingFailed, short, shown
from nasmeta.training._dataset import ImageDataset

BuildNetwork: TypeAlias = Callable[[Mapping[str, Any]], torch.nn.Module]


def network_identity(build: BuildNetwork) -> Facts:
    """Return the identity of a function that builds networks, of JSON types and the same in every process.

    It is the attribute ``identity`` of the function, or else the result of
    `nasmeta.code_identity.identity_of`.

    Examples
    --------
    >>> from nasmeta.training import network_identity
    >>> def build(choices): ...
    >>> build.identity = {"version": 2}
    >>> network_identity(build)
    {'version': 2}
    """
    identity = getattr(build, "identity", None)
    if identity is None:
        return identity_of(build)
    return dict(json.loads(json.dumps(identity, allow_nan=False)))


@dataclass(frozen=True)
class IdentifiedNetwork:
    """A function that builds networks, with an identity from another process.

    Examples
    --------
    >>> from nasmeta.training import IdentifiedNetwork, network_identity
    >>> def build(choices): ...
    >>> network_identity(IdentifiedNetwork(build, {"version": 2}))
    {'version': 2}
    """

    build: BuildNetwork
    identity: Facts

    def __call__(self, choices: Mapping[str, Any]) -> torch.nn.Module:
        """Build the network of these choices."""
        return self.build(choices)


def own_network(
    build: BuildNetwork, choices: Mapping[str, Any], data: ImageDataset, seed: int
) -> torch.nn.Module:
    """Build a network with weights drawn from the seed, and check its output for two images.

    Any error of the function becomes a TrainingFailed; another output or network, a SettingError.
    """
    about = f"build_network({shown(choices)})"
    images, expected = torch.zeros(2, *data.images.shape[1:]), (2, data.n_classes)
    with torch.random.fork_rng(devices=[]):  # the global generator is not touched
        torch.manual_seed(seed)
        try:
            network = build(choices)
        except NasmetaError:
            raise
        except Exception as reason:  # users' code may raise anything
            what = f"{type(reason).__name__}: {short(str(reason), 200)}"
            raise TrainingFailed(f"{about} raised {what}", "error") from reason
    try:
        with torch.no_grad():
            shape = tuple(network.eval()(images).shape)
    except (AttributeError, RuntimeError, TypeError, ValueError, IndexError) as reason:
        raise SettingError(
            f"{about} fails on images of shape {tuple(images.shape)}: {reason!s:.200}"
        ) from reason
    if shape != expected:
        raise SettingError(
            f"output of {about}", shape, f"a tensor of shape {expected}: one logit per class"
        )
    return network.train()
