"""The table's values of cells, and the spread between seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from nasmeta.arrays import Floats, Integers
from nasmeta.errors import UnknownNameError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables import ColumnInfo, Table
from nasmeta.tasks import Signal, Task
from nasmeta.training import ImageDataset, Recipe

_NEIGHBOURS = 500  # cells with a similar accuracy, which estimate the spread between seeds
# Images of the table: height in pixels, classes, and numbers to train, validate and test
_OF_TABLES = {
    "cifar10": (32, 10, 25_000, 25_000, 10_000),
    "cifar100": (32, 100, 50_000, 5_000, 5_000),
    "imagenet16-120": (16, 120, 151_700, 3_000, 3_000),
}
# Fields of a recipe without effect on accuracies:
_WITHOUT_EFFECT = (
    "name",
    "evaluate_every",
    "precision",
    "compile",
    "channels_last",
    "prune",
)


@dataclass(frozen=True)
class LookUp:
    """The table's values of cells."""

    column: ColumnInfo  # of the values
    values: Floats  # (n,), in percent; NaN if missing
    lowest: Floats  # of the seeds
    highest: Floats  # of the seeds
    n_seeds: Integers  # (n,); 0 if unknown
    # (n,), between seeds, of the 500 cells with the nearest accuracy; NaN if none has two seeds
    deviations: Floats
    not_comparable: str  # why trainings are not comparable with these values; empty if they are


def look_up(
    task: Task,
    architectures: Sequence[int],
    dataset: ImageDataset,
    recipe: Recipe,
    compare_with: str | None = None,
) -> LookUp:
    """Return the values of cells in the column that fits a training best.

    If the table has the dataset with the epochs of the recipe, that is the validation accuracy.
    Otherwise it is the column of the search, which is comparable only in the order of cells.
    `compare_with` is the table's name of the dataset, if it differs.
    """
    table = task.table
    name = canonical_dataset(compare_with or dataset.name)
    accuracies = [info for info in table.columns if info.metric == "accuracy"]
    known = {canonical_dataset(info.dataset): info.dataset for info in accuracies}
    if compare_with is not None and name not in known:
        raise UnknownNameError.of("dataset of the table", compare_with, known.values())
    name = known.get(name, name)
    column = _column_of(table, name, recipe, task)
    of_seeds = np.array(list(table.of_seeds(column).values()), np.float64)
    of_seeds = of_seeds.reshape(-1, table.space.size)  # also without seeds
    means = table.column(*Signal.of(column).address).astype(np.float64)
    chosen = np.asarray(architectures, dtype=np.int64)
    chosen_seeds = of_seeds[:, chosen]  # (n_seeds, n)
    # The range includes the mean, because a table may lack single seeds.
    chosen_values = np.vstack([chosen_seeds, means[chosen]])  # (n_seeds + 1, n)
    return LookUp(
        column=column,
        values=means[chosen],
        lowest=np.fmin.reduce(chosen_values),
        highest=np.fmax.reduce(chosen_values),
        n_seeds=(~np.isnan(chosen_seeds)).sum(axis=0),
        deviations=_pooled_deviations(of_seeds, means, chosen),
        not_comparable=_why_not(column, name, dataset, recipe),
    )


def _column_of(table: Table, name: str, recipe: Recipe, task: Task) -> ColumnInfo:
    """Return the mean validation accuracy after the epochs of the recipe, else the column of the search."""
    wanted = (name, "accuracy", "valid", recipe.epochs, "mean", None)
    fitting = []
    for info in table.columns:
        address = (info.dataset, info.metric, info.split, info.epochs, info.seed, info.epoch)
        if address == wanted:
            fitting.append(info)
    for info in fitting:
        if info.release == task.signal.release:
            return info
    if fitting:
        return fitting[0]
    return table.info(*task.signal.address)


def _pooled_deviations(of_seeds: Floats, means: Floats, architectures: Integers) -> Floats:
    """Return the deviation between seeds near the accuracy of each architecture, (n,).

    `of_seeds` has the shape (n_seeds, size), and `means` (size,).
    """
    has_several = (~np.isnan(of_seeds)).sum(axis=0) >= 2
    if not has_several.any():
        return np.full(len(architectures), np.nan)
    accuracies = means[has_several]  # (n_repeated,)
    variances = np.nanvar(of_seeds[:, has_several], axis=0, ddof=1)
    pooled = np.empty(len(architectures))
    for i, accuracy in enumerate(means[architectures]):
        order = np.argsort(abs(accuracies - accuracy), kind="stable")
        pooled[i] = variances[order[:_NEIGHBOURS]].mean()
    return np.sqrt(pooled)


def _why_not(column: ColumnInfo, name: str, dataset: ImageDataset, recipe: Recipe) -> str:
    """Return the reason why trainings are not comparable with a column; empty if they are."""
    if name != column.dataset:
        return f"the dataset is {name}, the look-up is about {column.dataset}"
    official = None
    if column.epochs in (12, 200):
        official = Recipe.load(f"nb201-{column.epochs}")
    if official is None or recipe.epochs != official.epochs:
        return f"the recipe {recipe.name} trains for {recipe.epochs} epochs, the look-up is after {column.epochs}"
    names = [field.name for field in fields(Recipe)]
    changed = [name for name in names if getattr(recipe, name) != getattr(official, name)]
    other = [name for name in changed if name not in _WITHOUT_EFFECT]
    if other:
        return f"the recipe {recipe.name} differs from {official.name} in {', '.join(other)}"
    return _other_images(column.dataset, dataset)


def _other_images(name: str, dataset: ImageDataset) -> str:
    """Describe the difference between these images and the images of the table; empty if they are equal."""
    if name not in _OF_TABLES:
        return f"the images of {name} in the table are not known"
    sizes = [len(dataset.splits[split]) for split in ("train", "valid", "test")]
    here = (*dataset.image_size, dataset.n_classes, *sizes)
    side, *others = _OF_TABLES[name]
    table = (side, side, *others)
    if here == table:
        return ""
    text = "{}×{} pixels, {} classes, {:,} / {:,} / {:,} images to train / validate / test"
    return f"the table has {text.format(*table)}; these data have {text.format(*here)}"
