"""A meta-model in words: where it comes from, its lengthscales, and what it expects of each choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._registry import META_PREDICTORS
from nasmeta.predictors._gaussian_process import Hyperparameters

if TYPE_CHECKING:
    from nasmeta.meta._model_file import SavedMetaModel

__all__ = ["describe_model"]


def describe_model(saved: SavedMetaModel) -> str:
    """Return lines about a saved meta-model; see `SavedMetaModel.describe`."""
    sources = ", ".join(f"{source['name']} ({source['labels']:,} labels)" for source in saved.card["sources"])
    settings = ", ".join(f"{name}={value!r}" for name, value in saved.card["settings"].items())
    lines = [
        f"{saved.kind} for the space {saved.space.name}, learnt from {sources}.",
        f"No honest test on: {', '.join(saved.held_out)}.",
        f"Settings of the meta-training: {settings or 'none'}.",
    ]
    predicts = saved.kind in META_PREDICTORS
    learner = saved.predictor() if predicts else saved.searcher(np.random.default_rng(0))
    model = learner.meta_model_
    lines += _kernel(model)
    expected = learner.prior()[0] if predicts else getattr(model, "mean", None)
    if isinstance(expected, np.ndarray) and expected.shape == (saved.space.size,):
        lines.append("What it expects of a choice before any value of the target (mean score minus that of all):")
        lines += _effects(saved.space, expected)
    return "\n".join(lines)


def _kernel(model: Any) -> Iterator[str]:
    """Yield lines about the features of a Gaussian process; nothing where the model has none with names."""
    learnt, features = getattr(model, "hyperparameters", None), getattr(model, "features", ())
    if not isinstance(learnt, Hyperparameters):
        return
    yield f"Differences from the prior mean, noise {np.sqrt(learnt.noise):.2g} in scores, are alike for similar:"
    for name, variance, scale in zip(features, learnt.variances, learnt.lengthscales, strict=True):
        yield f"  {name}: deviation {np.sqrt(variance):.2g}, lengthscale {scale:.3g}"


def _effects(space: Any, expected: NDArray[np.float64]) -> Iterator[str]:
    """Yield a line a position: for each choice how far the mean of its architectures lies from that of all."""
    for column, position in enumerate(space.positions):
        chosen = space.codes[:, column]
        count = np.bincount(chosen, minlength=len(position.choices))
        total = np.bincount(chosen, expected - expected.mean(), minlength=len(position.choices))
        effects = [
            f"{choice} {mean:+.2f}"
            for choice, mean in sorted(
                zip(position.choices, total / np.maximum(count, 1), strict=True), key=lambda pair: -pair[1]
            )
        ]
        yield f"  {position.name}: {', '.join(effects)}"
