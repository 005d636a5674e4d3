"""The transformer and the files of its weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nasmeta.archives import ArchiveKind, digest_of
from nasmeta.errors import LeakageError, SettingError, UnknownNameError
from nasmeta.files import shipped, write_atomically
from nasmeta.gaussian_process import log_expected_improvement
from nasmeta.meta._arrays import Arrays, Facts, Floats, Floats32
from nasmeta.meta.in_context._reading import Reading
from nasmeta.spaces import SearchSpace, held_out_name

KIND = ArchiveKind(
    "nasmeta-in-context",
    1,
    "file of in-context weights",
    "`python reports/meta/in_context_train.py` makes them.",
    largest=2**24,
)
WIDTH, HEADS, LAYERS = 32, 4, 3
LEAST_DEVIATION = 0.03
_EPSILON = 1e-5  # of the normalisation, as PyTorch's


Pair: TypeAlias = tuple[Floats32, Floats32]  # keys and values of a context, or means and deviations


class Weights(NamedTuple):
    """Weights of the transformer as half floats, and a card with families, spaces, and datasets and devices (seen)."""

    arrays: Arrays
    card: dict[str, Any]

    def seen_of(self, space: SearchSpace, names: Iterable[str]) -> list[str]:
        """Return the space, datasets and devices, of those given, that the weights have seen."""
        known = set(map(held_out_name, self.card["seen"]))
        of_space = [f"the space {space.name}"] if space.name in self.card["spaces"] else []
        return of_space + sorted(known.intersection(map(held_out_name, names)))


def shipped_weights(objective: str = "likelihood") -> dict[str, Path]:
    """Return the files shipped with the package for an objective of the training, by name."""
    return {path.stem: path for path in sorted((shipped("in_context") / objective).glob("*.npz"))}


def save_weights(path: Path, arrays: Arrays, card: Facts) -> Path:
    """Write weights as half floats; the same content gives the same bytes."""
    halves = {name: np.asarray(array, np.float16) for name, array in arrays.items()}
    write_atomically(path, KIND.encode({**card, "sha256": digest_of(card, halves)}, halves))
    return path


def read_weights(path: Path) -> Weights:
    """Read a file of `save_weights`, or raise a DamagedFileError."""
    card, arrays = KIND.decode(path.read_bytes(), path)
    with KIND.blaming(path):
        return checked_weights(arrays, card)


def checked_weights(arrays: Arrays, card: Any) -> Weights:
    """Return weights, or raise a ValueError if their checksum does not match."""
    if digest_of({key: value for key, value in card.items() if key != "sha256"}, arrays) != card["sha256"]:
        raise ValueError("its checksum does not match")
    return Weights(arrays, dict(card))


def chosen_weights(
    which: str | os.PathLike[str], space: SearchSpace, names: Iterable[str], objective: str = "likelihood"
) -> Weights:
    """Return weights that have seen neither the space nor the given datasets and devices.

    Named weights that have seen one of them are a LeakageError. ``"auto"`` selects the shipped weights with the most
    families among those that have not.
    """
    known, names = shipped_weights(objective), tuple(names)
    if which == "auto":
        honest = [weights for weights in map(read_weights, known.values()) if not weights.seen_of(space, names)]
        if honest:
            return max(honest, key=lambda weights: len(weights.card["families"]))
        seen = ", ".join((space.name, *names))
        raise SettingError("shipped weights", list(known), f"a file that has seen none of {seen}", KIND.hint)
    path = known.get(os.fspath(which), Path(which))
    if path.suffix != ".npz":
        raise UnknownNameError.of("file of in-context weights", which, ["auto", *known])
    weights = read_weights(path)
    if seen := ", ".join(weights.seen_of(space, names)):
        raise LeakageError("weights", path.stem, f"weights that have not seen {seen}", 'Use weights="auto".')
    return weights


class InContextNetwork:
    """A transformer neural process (Nguyen and Grover, ICML 2022) that weights experts per architecture.

    Labelled architectures attend to each other and to a learned token. Query architectures attend to the labelled ones
    only, so their predictions do not depend on each other (Müller et al., ICLR 2022). The bias of the attention depends
    on similarity in the space, so the network is the same for any space. The head returns a weight per expert, a
    correction and a deviation. Names of the weights are those of PyTorch's module in
    ``reports/meta/in_context_network.py``.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._of = {name: array.astype(np.float32) for name, array in arrays.items()}

    def contexts(self, read: Reading) -> list[Pair]:
        """Return keys and values of each layer for labelled architectures, both (heads, 1 + n, width / heads)."""
        known = self._embedded(read.known) + self._linear("labels", read.errors)
        tokens = np.concatenate([self._of["start"][0], known])
        similarity = np.pad(read.among, ((1, 0), (1, 0), (0, 0)))
        contexts: list[Pair] = []
        for i in range(LAYERS):
            keys_values = self._linear(f"layers.{i}.keys_values", self._normed(f"layers.{i}.first", tokens))
            keys, values = np.split(keys_values, 2, axis=1)
            contexts.append((_apart(keys), _apart(values)))
            tokens = self._layer(i, tokens, contexts[-1], similarity)
        return contexts

    def answer(self, contexts: list[Pair], asked: Floats32, experts: Floats32, across: Floats32) -> Pair:
        """Return mean and deviation of the queries, both of shape (q,)."""
        return self._predicted(self._queries(contexts, asked, across), experts)

    def search_scores(self, reading: Reading, labels: Floats, others: Floats | None = None) -> Floats:
        """Return the score of each query as the next proposal, shape (q,), given labels of shape (n,).

        The score is a multiple of the log expected improvement over the best label (0 without labels), plus the output
        of the search head. Weights without a search head give the log expected improvement. With `others`, log expected
        improvements of another model, shape (q,), the expected improvements of both are averaged.
        """
        tokens = self._queries(self.contexts(reading), reading.asked, reading.across)
        mean, deviation = self._predicted(tokens, reading.experts)
        best = float(labels.max()) if len(labels) else 0.0
        improvement = log_expected_improvement(mean.astype(np.float64), deviation.astype(np.float64), best)
        if others is not None:
            improvement = np.logaddexp(improvement, others) - np.log(2)
        if "search.weight" not in self._of:
            return improvement
        return improvement * float(np.exp(self._of["sharpness"][0])) + self._linear("search", tokens)[:, 0]

    def _queries(self, contexts: list[Pair], asked: Floats32, across: Floats32) -> Floats32:
        """Return the normalised tokens of the queries after all layers, shape (q, WIDTH)."""
        tokens, similarity = self._embedded(asked), np.pad(across, ((0, 0), (1, 0), (0, 0)))
        for i, context in enumerate(contexts):
            tokens = self._layer(i, tokens, context, similarity)
        return self._normed("norm", tokens)

    def _predicted(self, tokens: Floats32, experts: Floats32) -> Pair:
        """Return mean and deviation, shape (q,), from tokens (q, WIDTH) and predictions of experts (q, EXPERTS)."""
        outputs = self._linear("head", tokens)
        mean: Floats32 = (_softmax(outputs[:, :-2]) * experts).sum(axis=1) + outputs[:, -2]
        deviation: Floats32 = np.logaddexp(outputs[:, -1], np.float32(0)) + np.float32(LEAST_DEVIATION)
        return mean, deviation

    def _layer(self, i: int, tokens: Floats32, context: Pair, similarity: Floats32) -> Floats32:
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
        """Return tokens (n, WIDTH) with layer normalisation."""
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
