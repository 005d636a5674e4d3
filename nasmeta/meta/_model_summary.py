"""Text and figure of a meta-model: its sources, its kernel, and the effect of each choice on the prior mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.gaussian_process import Hyperparameters
from nasmeta.meta._arrays import Floats
from nasmeta.plotting import COLOURS, Width, house_style, inches, new_figure, points, wrapped
from nasmeta.spaces import SearchSpace, short_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasmeta.meta._model_file import SavedMetaModel

_COLOUR, _GREY = COLOURS["blue"], "0.45"
_PANEL, _WIDTH = 0.95, 6.6  # inches: least width of a panel, default width of the figure
_MOST_LABELS = 8  # choices with a label per panel


def describe_model(saved: SavedMetaModel) -> str:
    """Return the text of `SavedMetaModel.describe`."""
    sources = ", ".join(f"{source['name']} ({source['labels']:,} labels)" for source in saved.card["sources"])
    settings = ", ".join(f"{name}={value!r}" for name, value in saved.card["settings"].items())
    lines = [
        f"{saved.kind} for the space {saved.space.name}, learned from {sources}.",
        f"Do not test it on {', '.join(saved.held_out)}: it has seen these.",
        f"Settings of the meta-training: {settings or 'none'}.",
    ]
    kernel, features, mean = _prior_of(saved)
    if kernel is not None:
        lines.append(f"Kernel around the prior mean (noise: standard deviation {np.sqrt(kernel.noise):.2g}):")
        for name, variance, scale in zip(features, kernel.variances, kernel.lengthscales, strict=True):
            lines.append(f"  {name}: standard deviation {np.sqrt(variance):.2g}, lengthscale {scale:.3g}")
    if mean is not None:
        lines.append("Effect of each choice on the prior mean of scores:")
        for position, effects in zip(saved.space.positions, choice_effects(saved.space, mean), strict=True):
            best_first = sorted(zip(position.choices, effects, strict=True), key=lambda pair: -pair[1])
            lines.append(f"  {position.name}: {', '.join(f'{choice} {effect:+.2f}' for choice, effect in best_first)}")
    return "\n".join(lines)


def _prior_of(saved: SavedMetaModel) -> tuple[Hyperparameters | None, tuple[str, ...], Floats | None]:
    """Return kernel hyperparameters, names of the features, and prior mean (size,); None for models without them."""
    learner = saved.predictor() if saved.predicts else saved.searcher(np.random.default_rng(0))
    model = getattr(learner.meta_model_, "prior", learner.meta_model_)
    kernel = getattr(model, "hyperparameters", None)
    mean = learner.prior()[0] if saved.predicts else getattr(model, "mean", None)
    is_mean = isinstance(mean, np.ndarray)  # arrays have a method of this name, too
    kernel = kernel if isinstance(kernel, Hyperparameters) else None
    return kernel, getattr(model, "features", ()), mean if is_mean else None


def choice_effects(space: SearchSpace, mean: Floats) -> list[Floats]:
    """Return for each position the mean of each choice's architectures minus the overall mean, shape (n_choices,)."""
    effects = []
    for column, position in enumerate(space.positions):
        chosen, n = space.codes[:, column], len(position.choices)
        effects.append(np.bincount(chosen, mean - mean.mean(), n) / np.maximum(np.bincount(chosen, minlength=n), 1))
    return effects


@house_style(label=8, tick=7)
def plot_model(saved: SavedMetaModel, width: Width) -> Figure:
    """Return the figure of `SavedMetaModel.plot`."""
    from matplotlib import rcParams

    kernel, features, mean = _prior_of(saved)
    if kernel is None and mean is None:
        raise SettingError("meta-model to draw", saved.kind, "a model with a kernel or a prior mean")
    total = inches(width, _WIDTH)
    n_panels = 0 if mean is None else saved.space.n_positions
    columns = max(1, min(n_panels, int(total / _PANEL)))
    n_rows = -(-n_panels // columns)
    heights = {"kernel": 0.45 + 0.2 * len(features) if kernel else 0, "effects": 1.75 * n_rows}
    heights = {name: height for name, height in heights.items() if height}
    figure = new_figure(total, sum(heights.values()) + 0.35)
    rows = figure.subfigures(len(heights), 1, height_ratios=list(heights.values()), squeeze=False).ravel()
    parts = dict(zip(heights, rows, strict=True))
    if kernel is not None:
        _draw_kernel(parts["kernel"], kernel, features)
    if mean is not None:
        _draw_effects(parts["effects"].subplots(n_rows, columns, sharey=True, squeeze=False), saved.space, mean)
        parts["effects"].supylabel("effect on the prior mean score", fontsize=points(8))
    for axes in figure.axes:  # ticks are created when the figure is drawn, outside the house style
        axes.tick_params(labelsize=rcParams["xtick.labelsize"])
    title = f"{saved.kind}, learned from {', '.join(saved.sources)}"
    figure.suptitle(wrapped(title, total - 0.2, points(9)), fontsize=points(9))
    return figure


def _draw_kernel(figure: Any, kernel: Hyperparameters, features: tuple[str, ...]) -> None:
    """Draw standard deviation and lengthscale of each feature as bars."""
    panels = figure.subplots(1, 2, sharey=True)
    at = np.arange(len(features))[::-1]
    columns = {"standard deviation": np.sqrt(kernel.variances), "lengthscale": kernel.lengthscales}
    for axes, (name, lengths) in zip(panels, columns.items(), strict=True):
        axes.barh(at, lengths, height=0.6, color=_COLOUR)
        axes.set_xlabel(name)
    panels[0].set_yticks(at, features, parse_math=False)


def _draw_effects(panels: NDArray[Any], space: SearchSpace, mean: Floats) -> None:
    """Draw one panel per position with the effects of its choices."""
    for axes in panels.flat[space.n_positions :]:
        axes.remove()
    for axes, position, effect in zip(panels.flat, space.positions, choice_effects(space, mean), strict=False):
        at = np.arange(len(effect))
        axes.axhline(0, color=_GREY, linewidth=0.8)
        axes.vlines(at, 0, effect, color=_COLOUR, linewidth=1.2)
        axes.plot(at, effect, "o", color=_COLOUR, markersize=4)
        labelled = at[:: -(-len(at) // _MOST_LABELS)]
        labels = [short_label(str(position.choices[i])) for i in labelled]
        axes.set_xticks(labelled, labels, rotation=90, parse_math=False)
        axes.margins(x=0.15, y=0.1)
        axes.set_title(position.name, fontsize=points(8))
