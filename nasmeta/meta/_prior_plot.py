"""Figure of a meta-model: its kernel, and the effect of each choice on the prior mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.gaussian_process import Hyperparameters
from nasmeta.meta._arrays import Floats
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.plotting import COLOURS, Width, house_style, inches, new_figure, points, wrapped
from nasmeta.spaces import SearchSpace, short_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOUR, _GREY = COLOURS["blue"], "0.45"
_PANEL, _WIDTH = 0.95, 6.6  # inches: least width of a panel, default width of the figure
_MOST_LABELS = 8  # choices with a label per panel


def choice_effects(space: SearchSpace, mean: Floats) -> list[Floats]:
    """Return for each position the mean of each choice's architectures minus the overall mean, shape (n_choices,)."""
    effects = []
    for column, position in enumerate(space.positions):
        chosen, n = space.codes[:, column], len(position.choices)
        effects.append(np.bincount(chosen, mean - mean.mean(), n) / np.maximum(np.bincount(chosen, minlength=n), 1))
    return effects


@house_style(label=8, tick=7)
def plot_prior(learner: Any, space: SearchSpace, title: str, width: Width) -> Figure:
    """Return the figure of `SavedMetaModel.plot`."""
    from matplotlib import rcParams

    model = getattr(learner.meta_model_, "prior", learner.meta_model_)
    kernel: Any = getattr(model, "hyperparameters", None)
    mean = learner.prior()[0] if isinstance(learner, MetaPredictor) else getattr(model, "mean", None)
    if not isinstance(mean, np.ndarray):  # arrays have a method of this name, too
        raise SettingError("meta-model to draw", title, "a model with a prior mean")
    total = inches(width, _WIDTH)
    columns = max(1, min(space.n_positions, int(total / _PANEL)))
    n_rows = -(-space.n_positions // columns)
    heights = [1.75 * n_rows]
    if isinstance(kernel, Hyperparameters):
        heights.insert(0, 0.45 + 0.2 * len(model.features))
    figure = new_figure(total, sum(heights) + 0.35)
    *above, below = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
    for part in above:
        _draw_kernel(part, kernel, model.features)
    _draw_effects(below.subplots(n_rows, columns, sharey=True, squeeze=False), space, mean)
    below.supylabel("effect on the prior mean score", fontsize=points(8))
    for axes in figure.axes:  # ticks are created when the figure is drawn, outside the style of nasmeta
        axes.tick_params(labelsize=rcParams["xtick.labelsize"])
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
