"""The transformer and the files of its weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasmeta.archives import ArchiveKind, digest_of
from nasmeta.errors import SettingError
from nasmeta.files import shipped
from nasmeta.gaussian_process import log_expected_improvement
from nasmeta.meta._arrays import Arrays, Floats, Floats32
from nasmeta.meta.in_context._reading import Reading
from nasmeta.spaces import SearchSpace, held_out_name

WEIGHTS_FILE = ArchiveKind(
    "nasmeta-in-context",
    1,
    "file of in-context weights",
    "Install nasmeta again.",
    largest=2**24,
)
WIDTH, HEADS, LAYERS = 32, 4, 3
LEAST_DEVIATION = 0.03
_EPSILON = 1e-5  # of the normalisation, as PyTorch's


class Weights(NamedTuple):
    """Weights of the transformer as half floats, and a card with families, spaces, and datasets and devices (seen)."""

    arrays: Arrays
    card: dict[str, Any]

    def have_seen(self, space: SearchSpace, names: Iterable[str]) -> bool:
        """Return whether the weights have seen the space or one of these datasets and devices."""
        seen = set(map(held_out_name, self.card["seen"]))
        return space.name in self.card["spaces"] or not seen.isdisjoint(map(held_out_name, names))


def shipped_weights(objective: str = "joint") -> dict[str, Path]:
    """Return the files shipped with the package for an objective of the training, by name."""
    files = (shipped("in_context") / objective).glob("*.npz")
    return {path.stem: path for path in sorted(files)}


def read_weights(path: Path) -> Weights:
    """Read a file of weights, or raise a DamagedFileError."""
    card, arrays = WEIGHTS_FILE.decode(path.read_bytes(), path)
    with WEIGHTS_FILE.blaming(path):
        return checked_weights(arrays, card)


def checked_weights(arrays: Arrays, card: Any) -> Weights:
    """Return weights, or raise a ValueError if their checksum does not match."""
    content = {key: value for key, value in card.items() if key != "sha256"}
    if digest_of(content, arrays) != card["sha256"]:
        raise ValueError("its checksum does not match")
    return Weights(arrays, dict(card))


def chosen_weights(space: SearchSpace, names: Iterable[str], objective: str = "joint") -> Weights:
    """Return the shipped weights of most families that have seen neither the space nor these datasets and devices."""
    names = tuple(names)
    files = shipped_weights(objective)
    every = map(read_weights, files.values())
    unseen = [weights for weights in every if not weights.have_seen(space, names)]
    if unseen:
        return max(unseen, key=lambda weights: len(weights.card["families"]))
    raise SettingError(
        "shipped weights",
        list(files),
        f"a file that has seen none of {', '.join((space.name, *names))}",
    )


class InContextNetwork:
    """A transformer neural process (Nguyen and Grover, ICML 2022) that weights ten experts per architecture.

    Labelled architectures attend to each other and to a learned token. Query architectures attend
    to the labelled ones only, so their predictions do not depend on each other (Müller et al., ICLR
    2022). The bias of the attention depends on similarity in the space, so the network is the same
    for any space. The head returns a weight per expert, a correction and a deviation. Names of the
    weights are those of PyTorch's module in ``reports/meta/in_context_network.py``.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._of = {name: array.astype(np.float32) for name, array in arrays.items()}

    def search_scores(
        self, reading: Reading, labels: Floats, others: Floats | None = None
    ) -> Floats:
        """Return the score of each query as the next proposal, shape (q,), given labels of shape (n,).

        The score is a multiple of the log expected improvement over the best label (0 without
        labels), plus the output of the search head. With `others`, log expected improvements of
        another model, shape (q,), the expected improvements of both are averaged.
        """
        tokens = self._tokens(reading)
        # logits of the experts' weights, correction, deviation; (q, EXPERTS + 2)
        outputs = self._linear("head", tokens)
        weights = _softmax(outputs[:, :-2])
        mean = (weights * reading.experts).sum(axis=1) + outputs[:, -2]
        softplus = np.logaddexp(outputs[:, -1], np.float32(0))
        deviation = softplus + np.float32(LEAST_DEVIATION)
        best = float(labels.max()) if len(labels) else 0.0
        improvement = log_expected_improvement(
            mean.astype(np.float64), deviation.astype(np.float64), best
        )
        if others is not None:
            improvement = np.logaddexp(improvement, others) - np.log(2)
        sharpness = float(np.exp(self._of["sharpness"][0]))
        return improvement * sharpness + self._linear("search", tokens)[:, 0]

    def _tokens(self, reading: Reading) -> Floats32:
        """Return the normalised tokens of the queries after all layers, shape (q, WIDTH)."""
        labelled = self._embedded(reading.known) + self._linear("labels", reading.errors)
        known = np.concatenate([self._of["start"][0], labelled])  # (1 + n, WIDTH)
        asked = self._embedded(reading.asked)
        # The learned token has no similarity to any architecture.
        among = np.pad(reading.among, ((1, 0), (1, 0), (0, 0)))
        across = np.pad(reading.across, ((0, 0), (1, 0), (0, 0)))
        for i in range(LAYERS):
            layer = f"layers.{i}"
            normed = self._normed(f"{layer}.first", known)
            context = self._linear(f"{layer}.keys_values", normed)
            asked = self._layer(layer, asked, context, across)
            known = self._layer(layer, known, context, among)
        return self._normed("norm", asked)

    def _layer(
        self, layer: str, tokens: Floats32, context: Floats32, similarity: Floats32
    ) -> Floats32:
        """Attend to labelled architectures with a bias by similarity, then apply a network to each token.

        `context` contains keys and values, (1 + n, 2 * WIDTH).
        """
        keys, values = map(_by_head, np.split(context, 2, axis=1))
        normed = self._normed(f"{layer}.first", tokens)
        queries = _by_head(self._linear(f"{layer}.queries", normed))
        bias = self._linear(f"{layer}.similarity", similarity).transpose(2, 0, 1)
        # softmax(Q Kᵀ / √d + B) V for each head, with d = WIDTH / HEADS
        products = queries @ keys.transpose(0, 2, 1) / np.float32(np.sqrt(WIDTH // HEADS))
        mixed = _softmax(products + bias) @ values  # (HEADS, n, WIDTH / HEADS)
        joined = mixed.transpose(1, 0, 2).reshape(len(tokens), WIDTH)
        tokens = tokens + self._linear(f"{layer}.out", joined)
        normed = self._normed(f"{layer}.second", tokens)
        hidden = _silu(self._linear(f"{layer}.network.0", normed))
        return tokens + self._linear(f"{layer}.network.2", hidden)

    def _embedded(self, inputs: Floats32) -> Floats32:
        return self._linear("embed.2", _silu(self._linear("embed.0", inputs)))

    def _linear(self, name: str, inputs: Floats32) -> Floats32:
        return inputs @ self._of[f"{name}.weight"].T + self._of[f"{name}.bias"]

    def _normed(self, name: str, tokens: Floats32) -> Floats32:
        """Return tokens (n, WIDTH) with layer normalisation."""
        centred = tokens - tokens.mean(axis=1, keepdims=True)
        variance = (centred**2).mean(axis=1, keepdims=True)
        scale = np.sqrt(variance + np.float32(_EPSILON))
        normed: Floats32 = centred / scale * self._of[f"{name}.weight"] + self._of[f"{name}.bias"]
        return normed


def _by_head(tokens: Floats32) -> Floats32:
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
