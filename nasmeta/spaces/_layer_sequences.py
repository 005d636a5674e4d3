"""Spaces of networks that are a row of layers: TransNAS-Bench-101's macro space and NAS-Bench-Macro."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces._features import CountFeature, choice_one_hot
from nasmeta.spaces._notation import CellCodec
from nasmeta.spaces._positions import Position
from nasmeta.spaces._search_space import SearchSpace

_TRANSNAS_LENGTHS = (4, 5, 6)
_TRANSNAS_CHANNEL_STEPS, _TRANSNAS_DOWNSAMPLINGS = (1, 2, 3), (1, 2, 3, 4)
_TRANSNAS_CHOICES = ("1", "2", "3", "4", "-")  # "-": no layer; 4 is both of 2 (channels) and 3 (resolution)
_ABSENT = len(_TRANSNAS_CHOICES) - 1

_STAGES = (slice(0, 2), slice(2, 5), slice(5, 8))  # of NAS-Bench-Macro's eight layers


def _digits(n_layers: tuple[int, ...], choices: str) -> CellCodec:
    """Return the notation of a row of digits, one a layer; a layer that is absent has none."""
    lengths = ", ".join(map(str, n_layers))

    def write(codes: Iterable[int]) -> str:
        return "".join(choices[code] for code in codes if code < len(choices))

    def read(text: str) -> tuple[int, ...]:
        text = text.strip()
        if len(text) not in n_layers or not set(text) <= set(choices):
            raise ValueError(f"it must be {lengths} digits, each one of {', '.join(choices)}.")
        codes = [choices.index(digit) for digit in text]
        return tuple(codes + [len(choices)] * (max(n_layers) - len(codes)))

    return CellCodec(write, read)


def transnas_macro() -> SearchSpace:
    """TransNAS-Bench-101 macro (Duan et al., CVPR 2021): 3,256 networks of four to six layers.

    1 to 3 layers double the channels and 1 to 4 halve the resolution; a layer may do both. The order is that of the
    numbers which NASGraph-Public gives the networks. Nobody documents it: it was inferred from 48 named networks.
    """
    networks = []
    for length in _TRANSNAS_LENGTHS:
        for n_wider in _TRANSNAS_CHANNEL_STEPS:
            for n_smaller in _TRANSNAS_DOWNSAMPLINGS:
                for wider in combinations(range(length), n_wider):
                    for smaller in combinations(range(length), n_smaller):
                        network = [_ABSENT] * max(_TRANSNAS_LENGTHS)
                        network[:length] = [(i in wider) + 2 * (i in smaller) for i in range(length)]
                        networks.append(network)
    return SearchSpace(
        "tnb101-macro",
        [Position(f"layer{i}", _TRANSNAS_CHOICES) for i in range(1, max(_TRANSNAS_LENGTHS) + 1)],
        architectures=networks,
        features={"widths": partial(_counted_up, choices=(1, 3)), "resolutions": partial(_counted_up, choices=(2, 3))},
        kernel_features=("positions", "operations", "widths", "resolutions"),
        notation=_digits(_TRANSNAS_LENGTHS, "1234"),
    )


def _counted_up(space: SearchSpace, choices: tuple[int, ...]) -> CountFeature:
    """Return how often one of these choices was taken up to each layer; absent layers keep what the last one has."""
    steps = np.isin(space.codes, choices)
    return CountFeature(np.cumsum(steps, axis=1).astype(np.int8), tuple(p.name for p in space.positions))


def nas_bench_macro() -> SearchSpace:
    """NAS-Bench-Macro (Su et al., CVPR 2021): 6,561 networks of eight layers in three stages, 3,969 of them distinct.

    A layer is 0, an identity; 1, an inverted residual of expansion 3 and kernel 3; or 2, one of expansion 6 and kernel
    5. The first layer of each stage is strided, so its identity does something and counts; an identity further on can
    be taken out.
    """
    return SearchSpace(
        "nbmacro",
        [Position(f"layer{i}", ("0", "1", "2")) for i in range(1, 9)],
        isomorphic=_without_identities,
        features={"layers": _layers, "stages": _stages},
        kernel_features=("layers", "stages"),
        notation=_digits((8,), "012"),
    )


def _without_identities(codes: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return the codes with the identities that do nothing at the end of their stage."""
    found = codes.copy()
    for stage in _STAGES:
        rest = slice(stage.start + 1, stage.stop)
        order = np.argsort(codes[:, rest] == 0, axis=1, kind="stable")
        found[:, rest] = np.take_along_axis(codes[:, rest], order, axis=1)
    return found


def _layers(space: SearchSpace) -> CountFeature:
    """Return which operation each layer has where identities are taken out: one-hot, alike for identical networks."""
    return choice_one_hot(space, _without_identities(space.codes))


def _stages(space: SearchSpace) -> CountFeature:
    """Return how many layers of each operation a stage has."""
    counts = [(space.codes[:, stage] == digit).sum(axis=1) for stage in _STAGES for digit in range(3)]
    names = tuple(f"stage{i}:{digit}" for i in range(1, len(_STAGES) + 1) for digit in range(3))
    return CountFeature(np.stack(counts, axis=1).astype(np.int8), names)
