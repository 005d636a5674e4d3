"""A meta-model in words: where it comes from, its lengthscales, and what it expects of each choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._registry import META_PREDICTORS
from nasmeta.predictors._gaussian_process import Hyperparameters
from nasmeta.spaces import SearchSpace

if TYPE_CHECKING:
    from nasmeta.meta._model_file import SavedMetaModel


def describe_model(saved: SavedMetaModel) -> str:
    """Return lines about a saved meta-model; see `SavedMetaModel.describe`."""
    sources = ", ".join(f"{source['name']} ({source['labels']:,} labels)" for source in saved.card["sources"])
    settings = ", ".join(f"{name}={value!r}" for name, value in saved.card["settings"].items())
    lines = [
        f"{saved.kind} for the space {saved.space.name}, learnt from {sources}.",
        f"No honest test on: {', '.join(saved.held_out)}.",
        f"Settings of the meta-training: {settings or 'none'}.",
    ]
    kernel, expected = learnt_by(saved)
    if kernel is not None:
        lines += _kernel_lines(*kernel)
    if expected is not None:
        lines.append("Effect of each choice on the prior mean, before any value of the target (in scores):")
        for position, effects in zip(saved.space.positions, choice_effects(saved.space, expected), strict=True):
            best_first = sorted(zip(position.choices, effects, strict=True), key=lambda pair: -pair[1])
            lines.append(f"  {position.name}: {', '.join(f'{choice} {effect:+.2f}' for choice, effect in best_first)}")
    return "\n".join(lines)


def learnt_by(
    saved: SavedMetaModel,
) -> tuple[tuple[Hyperparameters, tuple[str, ...]] | None, NDArray[np.float64] | None]:
    """Return what of a meta-model can be told: its kernel with the features' names, and its prior mean.

    Returns
    -------
    kernel : (Hyperparameters, tuple of str) or None
        None where it is no Gaussian process on named features.
    expected : ndarray of float64, shape (size,), or None
        The score that it expects of each architecture; None where it expects none.
    """
    predicts = saved.kind in META_PREDICTORS
    learner = saved.predictor() if predicts else saved.searcher(np.random.default_rng(0))
    model = learner.meta_model_
    learnt, features = getattr(model, "hyperparameters", None), getattr(model, "features", ())
    expected = learner.prior()[0] if predicts else getattr(model, "mean", None)
    whole = isinstance(expected, np.ndarray) and expected.shape == (saved.space.size,)
    return (learnt, tuple(features)) if isinstance(learnt, Hyperparameters) else None, expected if whole else None


def choice_effects(space: SearchSpace, expected: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return by position how far the mean of each choice's architectures lies from that of all, shape (n_choices,)."""
    effects = []
    for column, position in enumerate(space.positions):
        chosen = space.codes[:, column]
        count = np.bincount(chosen, minlength=len(position.choices))
        total = np.bincount(chosen, expected - expected.mean(), minlength=len(position.choices))
        effects.append(total / np.maximum(count, 1))
    return effects


def _kernel_lines(learnt: Hyperparameters, features: tuple[str, ...]) -> Iterator[str]:
    """Yield lines about the features of a Gaussian process."""
    yield (
        "Kernel of what the target adds to the prior mean (in scores; the noise has standard deviation "
        f"{np.sqrt(learnt.noise):.2g}):"
    )
    for name, variance, scale in zip(features, learnt.variances, learnt.lengthscales, strict=True):
        yield f"  {name}: standard deviation {np.sqrt(variance):.2g}, lengthscale {scale:.3g}"
