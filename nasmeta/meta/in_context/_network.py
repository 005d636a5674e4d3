"""The transformer and the files of its weights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasmeta.archives import ArchiveKind, check_array, digest_of
from nasmeta.errors import LeakageError, SettingError, UnknownNameError
from nasmeta.files import shipped, write_atomically
from nasmeta.meta._arrays import Arrays, Floats32
from nasmeta.meta.in_context._reading import EXPERTS, INPUTS, SIMILARITIES, Reading
from nasmeta.spaces import SearchSpace, held_out_name

KIND = ArchiveKind(
    "nasmeta-in-context",
    1,
    "file of in-context weights",
    "`python reports/meta/in_context_train.py` makes them.",
    largest=2**24,
)
_SAID = {"families": list, "spaces": list, "seen": list, "steps": int, "seed": int, "sha256": str}
WIDTH, HEADS, LAYERS = 32, 4, 3
LEAST_DEVIATION = 0.03
_EPSILON = 1e-5  # of the normalisation, as PyTorch's


class Weights(NamedTuple):
    """Weights of the transformer as half floats, and a card with families, spaces, and datasets and devices (seen)."""

    arrays: Arrays
    card: dict[str, Any]

    def seen_of(self, space: SearchSpace, names: Iterable[str]) -> list[str]:
        """Return the space, datasets and devices, of those given, that the weights have seen."""
        known = set(map(held_out_name, self.card["seen"]))
        of_space = [f"the space {space.name}"] if space.name in self.card["spaces"] else []
        return of_space + sorted(known.intersection(map(held_out_name, names)))


def shipped_weights() -> dict[str, Path]:
    """Return the files shipped with the package, by name."""
    return {path.stem: path for path in sorted(shipped("in_context").glob("*.npz"))}


def save_weights(path: Path, arrays: Arrays, card: Mapping[str, Any]) -> Path:
    """Write weights as half floats; the same content gives the same bytes."""
    halves = {name: np.asarray(array, np.float16) for name, array in arrays.items()}
    write_atomically(path, KIND.encode({**card, "sha256": digest_of(card, halves)}, halves))
    return path


def read_weights(path: Path) -> Weights:
    """Read a file of `save_weights`, or raise a DamagedFileError; unchanged files are cached."""
    about = path.stat() if path.is_file() else None
    return _read(path.resolve(), *((about.st_mtime_ns, about.st_size) if about else ()))


@lru_cache(maxsize=16)
def _read(path: Path, *_: int) -> Weights:
    """Read a file; its time and size are part of the cache's key."""
    card, arrays = KIND.decode(KIND.read(path), path)
    with KIND.blaming(path):
        return checked_weights(arrays, card)


def checked_weights(arrays: Arrays, card: Any) -> Weights:
    """Return weights with a valid card and checksum, or raise a ValueError."""
    if not all(isinstance(card[key], kind) for key, kind in _SAID.items()):
        raise ValueError("its card is invalid")
    if digest_of({key: value for key, value in card.items() if key != "sha256"}, arrays) != card["sha256"]:
        raise ValueError("its checksum does not match")
    return Weights(arrays, dict(card))


def chosen_weights(which: str | os.PathLike[str], space: SearchSpace, names: Iterable[str]) -> Weights:
    """Return weights that have seen neither the space nor the given datasets and devices.

    Named weights that have seen one of them are a LeakageError. ``"auto"`` selects the shipped weights with the most
    families among those that have not.
    """
    there, names = shipped_weights(), tuple(names)
    if which != "auto":
        path = there.get(os.fspath(which), Path(which))
        if path.suffix != ".npz":
            raise UnknownNameError.of("file of in-context weights", which, ["auto", *there])
        weights = read_weights(path)
        if seen := weights.seen_of(space, names):
            raise LeakageError(
                f"The weights {path.stem} were trained on {', '.join(seen)}, so they may have seen the target. "
                f'Use weights="auto" or one of {", ".join(there)}.'
            )
        return weights
    honest = [weights for weights in map(read_weights, there.values()) if not weights.seen_of(space, names)]
    if honest:
        return max(honest, key=lambda weights: len(weights.card["families"]))
    said = f"All weights that are shipped ({', '.join(there) or 'none'}) were trained on {space.name} or on one of "
    raise SettingError(f"{said}{', '.join(names)}. {KIND.hint}")


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
    """A transformer neural process (Nguyen and Grover, ICML 2022) that weights experts per architecture.

    Labelled architectures attend to each other and to a learned token. Query architectures attend to the labelled ones
    only, so their predictions do not depend on each other (Müller et al., ICLR 2022). The bias of the attention depends
    on similarity in the space, so the network is the same for any space. The head returns a weight per expert, a
    correction and a deviation. Names of the weights are those of PyTorch's module in
    ``reports/meta/in_context_network.py``.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._of = {
            name: check_array(arrays, name, np.float16, shape).astype(np.float32) for name, shape in _shapes().items()
        }

    def contexts(self, read: Reading) -> list[tuple[Floats32, Floats32]]:
        """Return keys and values of each layer for labelled architectures, both (heads, 1 + n, width / heads)."""
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
        self, contexts: list[tuple[Floats32, Floats32]], asked: Floats32, experts: Floats32, across: Floats32
    ) -> tuple[Floats32, Floats32]:
        """Return mean and deviation of the queries, both of shape (q,)."""
        tokens, similarity = self._embedded(asked), np.pad(across, ((0, 0), (1, 0), (0, 0)))
        for i, context in enumerate(contexts):
            tokens = self._layer(i, tokens, context, similarity)
        said = self._linear("head", self._normed("norm", tokens))
        mean: Floats32 = (_softmax(said[:, :-2]) * experts).sum(axis=1) + said[:, -2]
        deviation: Floats32 = np.logaddexp(said[:, -1], np.float32(0)) + np.float32(LEAST_DEVIATION)
        return mean, deviation

    def _layer(self, i: int, tokens: Floats32, context: tuple[Floats32, Floats32], similarity: Floats32) -> Floats32:
        """Attend to labelled architectures with a bias by similarity, then apply a network to each token."""
        keys, values = context
        queries = _apart(self._linear(f"layers.{i}.queries", self._normed(f"layers.{i}.first", tokens)))
        bias = self._linear(f"layers.{i}.similarity", similarity)
        scores = queries @ keys.transpose(0, 2, 1) / np.float32(np.sqrt(WIDTH // HEADS)) + bias.transpose(2, 0, 1)
        mixed = (_softmax(scores) @ values).transpose(1, 0, 2).reshape(len(tokens), WIDTH)
        tokens = tokens + self._linear(f"layers.{i}.out", mixed)
        inside = self._linear(f"layers.{i}.network.0", self._normed(f"layers.{i}.second", tokens))
        return tokens + self._linear(f"layers.{i}.network.2", _silu(inside))

    def _embedded(self, inputs: Floats32) -> Floats32:
        return self._linear("embed.2", _silu(self._linear("embed.0", inputs)))

    def _linear(self, name: str, inputs: Floats32) -> Floats32:
        return inputs @ self._of[f"{name}.weight"].T + self._of[f"{name}.bias"]

    def _normed(self, name: str, tokens: Floats32) -> Floats32:
        centred = tokens - tokens.mean(axis=1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=1, keepdims=True) + np.float32(_EPSILON))
        normed: Floats32 = centred / scale * self._of[f"{name}.weight"] + self._of[f"{name}.bias"]
        return normed


def _apart(tokens: Floats32) -> Floats32:
    """Split tokens by head, shape (heads, n, width / heads)."""
    return tokens.reshape(len(tokens), HEADS, -1).transpose(1, 0, 2)


def _softmax(scores: Floats32) -> Floats32:
    shares: Floats32 = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares


def _silu(inputs: Floats32) -> Floats32:
    with np.errstate(over="ignore"):  # the sigmoid of a large negative input is 0
        activated: Floats32 = inputs / (1 + np.exp(-inputs))
    return activated
