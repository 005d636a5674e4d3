"""A meta-model in words and as a picture: its sources, its lengthscales, and what it expects of each choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.pictures import Width, house_style, inches, new_figure, points, wrapped
from nasmeta.predictors._gaussian_process import Hyperparameters
from nasmeta.spaces import SearchSpace
from nasmeta.spaces._graph_drawing import short_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    """Return the kernel of a meta-model with its features' names, and the scores that it expects, shape (size,).

    Either is None where there is none: a kernel is told of a Gaussian process on named features alone.
    """
    predicts = saved.predicts
    learner = saved.predictor() if predicts else saved.searcher(np.random.default_rng(0))
    model = getattr(learner.meta_model_, "prior", learner.meta_model_)
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


_COLOUR, _GREY = "#0072B2", "0.45"
_NARROWEST, _WIDE = 0.85, 6.6  # inches of a panel, and of the figure
_MOST_LABELS = 8  # of a panel's choices


@house_style(label=8, tick=7)
def plot_model(saved: SavedMetaModel, width: Width) -> Figure:
    """Return the figure of `SavedMetaModel.plot`."""
    kernel, expected = learnt_by(saved)
    if kernel is None and expected is None:
        raise SettingError(
            f"A meta-model of {saved.kind} has no named lengthscales and expects no score of each architecture, so "
            "there is nothing to draw. Those of meta-gp, meta-linear, rgpe and meta-np can be drawn."
        )
    total = inches(width, _WIDE)
    n_panels = 0 if expected is None else saved.space.n_positions
    columns = max(1, min(n_panels, int((total - 0.5) / _NARROWEST)))
    n_rows = -(-n_panels // columns)
    alike = n_panels == n_rows * columns and len({position.choices for position in saved.space.positions}) == 1
    features = () if kernel is None else kernel[1]
    heights = ([0.45 + 0.2 * len(features)] if features else []) + (
        [1.1 * n_rows + 0.65 * (1 if alike else n_rows)] if n_rows else []
    )
    figure = new_figure(total, sum(heights) + 0.35)
    parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel())
    if kernel is not None:
        _draw_kernel(next(parts), *kernel)
    if expected is not None:
        _draw_effects(next(parts), saved.space, expected, (n_rows, columns), alike)
    title = f"{saved.kind}, learnt from {', '.join(saved.sources)}"
    figure.suptitle(wrapped(title, total - 0.2, points(9)), fontsize=points(9))
    return figure


def _draw_kernel(figure: Any, learnt: Hyperparameters, features: tuple[str, ...]) -> None:
    """Draw two bars a feature: how much of the deviation from the prior mean it explains, and how far it reaches."""
    panels = figure.subplots(1, 2, sharey=True)
    at = np.arange(len(features))[::-1]
    values = (np.sqrt(learnt.variances), learnt.lengthscales)
    for axes, value, label in zip(panels, values, ("standard deviation", "lengthscale"), strict=True):
        axes.barh(at, value, height=0.6, color=_COLOUR)
        axes.set_xlabel(label)
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_yticks(at, features, parse_math=False)
    _fix_ticks(panels)


def _draw_effects(
    figure: Any, space: SearchSpace, expected: NDArray[np.float64], shape: tuple[int, int], alike: bool
) -> None:
    """Draw a panel a position, with its choices below; below the last row only where all positions have the same."""
    grid = figure.subplots(*shape, sharex=alike, sharey=True, squeeze=False)
    panels = grid.ravel()
    effects = choice_effects(space, expected)
    for axes, position, effect in zip(panels, space.positions, effects, strict=False):
        at = np.arange(len(effect))
        axes.axhline(0, color=_GREY, linewidth=0.8)
        if position.ordered:
            axes.plot(at, effect, color=_COLOUR, marker="o", markersize=3)
        else:
            axes.vlines(at, 0, effect, color=_COLOUR, linewidth=1.2)
            axes.plot(at, effect, "o", color=_COLOUR, markersize=4)
        shown = at[:: -(-len(at) // _MOST_LABELS)]
        axes.set_xticks(shown, [short_label(str(position.choices[i])) for i in shown], rotation=90, parse_math=False)
        axes.set_xlim(-0.6, len(at) - 0.4)
        axes.margins(y=0.1)
        axes.set_title(position.name, fontsize=points(8))
    for axes in panels[len(effects) :]:
        axes.axis("off")
    figure.supylabel("effect on the prior mean score", fontsize=points(8))
    _fix_ticks(panels)


def _fix_ticks(panels: Any) -> None:
    """Give labels the sizes of the house style: ticks are made when they are drawn, when that is over."""
    from matplotlib import rcParams

    for axes in panels:
        axes.tick_params(axis="x", labelsize=rcParams["xtick.labelsize"])
        axes.tick_params(axis="y", labelsize=rcParams["ytick.labelsize"])
