"""The transformer's forward pass, in NumPy: whoever searches needs no PyTorch, with which its weights were trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._model_archive import check_array
from nasmeta.meta.in_context._reading import EXPERTS, INPUTS, SIMILARITIES, Reading
from nasmeta.meta.in_context._similarity import Floats

WIDTH, HEADS, LAYERS = 32, 4, 3
LEAST_DEVIATION = 0.03
_EPSILON = 1e-5  # of the normalisation, as PyTorch's


def _shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each array by its name."""
    linear = {"embed.0": (WIDTH, INPUTS), "embed.2": (WIDTH, WIDTH), "labels": (WIDTH, EXPERTS)}
    for i in range(LAYERS):
        of_layer = {"queries": (WIDTH, WIDTH), "keys_values": (2 * WIDTH, WIDTH), "out": (WIDTH, WIDTH)}
        of_layer |= {"similarity": (HEADS, SIMILARITIES)}
        of_layer |= {"network.0": (2 * WIDTH, WIDTH), "network.2": (WIDTH, 2 * WIDTH)}
        linear |= {f"layers.{i}.{name}": shape for name, shape in of_layer.items()}
    linear["head"] = (EXPERTS + 2, WIDTH)
    norms = ["norm", *(f"layers.{i}.{name}" for i in range(LAYERS) for name in ("first", "second"))]
    shapes: dict[str, tuple[int, ...]] = {f"{name}.weight": shape for name, shape in linear.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in linear.items()}
    shapes |= {f"{name}.{part}": (WIDTH,) for name in norms for part in ("weight", "bias")}
    return {"start": (1, 1, WIDTH), **shapes}


class InContextNetwork:
    """A transformer neural process (Nguyen and Grover, ICML 2022) that weighs experts cell by cell.

    Known cells attend to each other and to a learnt token; the others attend to the known ones alone, so each is
    predicted as if it were the only one (Müller et al., ICLR 2022). Attention has a bias by similarity in the space, so
    the network is the same for any space. The head gives each expert a weight, and adds a correction and a deviation.
    Weights are half floats, by the names of PyTorch's module in ``reports/meta/in_context_network.py``.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._of = {
            name: check_array(arrays, name, np.float16, shape).astype(np.float32) for name, shape in _shapes().items()
        }

    def contexts(self, read: Reading) -> list[tuple[Floats, Floats]]:
        """Return what each layer attends to: keys and values of the known cells, each (heads, 1 + n, width / heads)."""
        known = self._embedded(read.known) + self._linear("labels", read.errors)
        tokens = np.concatenate([self._of["start"][0], known])
        similarity = np.pad(read.among, ((1, 0), (1, 0), (0, 0)))
        found = []
        for i in range(LAYERS):
            keys_values = self._linear(f"layers.{i}.keys_values", self._normed(f"layers.{i}.first", tokens))
            keys, values = np.split(keys_values, 2, axis=1)
            found.append((_apart(keys), _apart(values)))
            tokens = self._layer(i, tokens, found[-1], similarity)
        return found

    def answer(
        self, contexts: list[tuple[Floats, Floats]], asked: Floats, experts: Floats, across: Floats
    ) -> tuple[Floats, Floats]:
        """Return mean and deviation of what is asked, both of shape (q,)."""
        tokens, similarity = self._embedded(asked), np.pad(across, ((0, 0), (1, 0), (0, 0)))
        for i, context in enumerate(contexts):
            tokens = self._layer(i, tokens, context, similarity)
        said = self._linear("head", self._normed("norm", tokens))
        mean: Floats = (_softmax(said[:, :-2]) * experts).sum(axis=1) + said[:, -2]
        deviation: Floats = np.logaddexp(said[:, -1], np.float32(0)) + np.float32(LEAST_DEVIATION)
        return mean, deviation

    def _layer(self, i: int, tokens: Floats, context: tuple[Floats, Floats], similarity: Floats) -> Floats:
        """Attend to the known cells, more to those that are similar, then a network on each token."""
        keys, values = context
        queries = _apart(self._linear(f"layers.{i}.queries", self._normed(f"layers.{i}.first", tokens)))
        bias = self._linear(f"layers.{i}.similarity", similarity)
        scores = queries @ keys.transpose(0, 2, 1) / np.float32(np.sqrt(WIDTH // HEADS)) + bias.transpose(2, 0, 1)
        mixed = (_softmax(scores) @ values).transpose(1, 0, 2).reshape(len(tokens), WIDTH)
        tokens = tokens + self._linear(f"layers.{i}.out", mixed)
        inside = self._linear(f"layers.{i}.network.0", self._normed(f"layers.{i}.second", tokens))
        return tokens + self._linear(f"layers.{i}.network.2", _silu(inside))

    def _embedded(self, inputs: Floats) -> Floats:
        return self._linear("embed.2", _silu(self._linear("embed.0", inputs)))

    def _linear(self, name: str, inputs: Floats) -> Floats:
        return inputs @ self._of[f"{name}.weight"].T + self._of[f"{name}.bias"]

    def _normed(self, name: str, tokens: Floats) -> Floats:
        centred = tokens - tokens.mean(axis=1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(_EPSILON))
        normed: Floats = centred / scale * self._of[f"{name}.weight"] + self._of[f"{name}.bias"]
        return normed


def _apart(tokens: Floats) -> Floats:
    """Return the parts that the heads see, shape (heads, n, width / heads)."""
    return tokens.reshape(len(tokens), HEADS, -1).transpose(1, 0, 2)


def _softmax(scores: Floats) -> Floats:
    shares: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


def _silu(inputs: Floats) -> Floats:
    with np.errstate(over="ignore"):  # of a large negative input the sigmoid is 0
        activated: Floats = inputs / (1 + np.exp(-inputs))
    return activated
