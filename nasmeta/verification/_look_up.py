"""The table's values of cells, and the spread between seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, MissingValueError, UnknownNameError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables import ColumnInfo, Table
from nasmeta.tasks import Task
from nasmeta.training import ImageDataset, Recipe

_NEIGHBOURS = 500  # cells with a similar accuracy, which estimate the spread between seeds
# images of the table: height in pixels, classes, and numbers to train, validate and test
_OF_TABLES = {
    "cifar10": (32, 10, (25_000, 25_000, 10_000)),
    "cifar100": (32, 100, (50_000, 5_000, 5_000)),
    "imagenet16-120": (16, 120, (151_700, 3_000, 3_000)),
}
_HOW_NOT_WHAT = ("name", "evaluate_every", "precision", "compile", "channels_last", "prune")


@dataclass(frozen=True)
class LookUp:
    """The table's values of cells."""

    column: ColumnInfo  # of the values
    values: NDArray[np.float64]  # (n,), in percent; NaN if missing
    lowest: NDArray[np.float64]  # of the seeds
    highest: NDArray[np.float64]  # of the seeds
    n_seeds: NDArray[np.int64]  # (n,); 0 if unknown
    deviations: NDArray[np.float64]  # between seeds, of the 500 cells with the nearest accuracy; NaN if none has two
    not_comparable: str  # why trainings are not comparable with these values; empty if they are


def look_up(
    task: Task, cells: Sequence[int], dataset: ImageDataset, recipe: Recipe, compare_with: str | None = None
) -> LookUp:
    """Return the values of cells in the column that fits a training best.

    If the table has the dataset with the epochs of the recipe, that is the validation accuracy. Otherwise it is the
    column of the search, which is comparable only in the order of cells. `compare_with` is the table's name of the
    dataset, if it differs.
    """
    table = task.table
    name = canonical_dataset(compare_with or dataset.name)
    known = dict.fromkeys(info.dataset for info in table.columns if info.metric == "accuracy")
    if compare_with is not None and name not in known:
        raise UnknownNameError.of("data set of the table", compare_with, known)
    column = _column_of(table, name, recipe, task)
    of_seeds = _seeds_of(table, column)
    means = _read(table, column)
    chosen = np.asarray(cells, dtype=np.int64)
    mine = np.vstack([of_seeds[:, chosen], means[chosen]])  # the mean, because a table may have no single seeds
    return LookUp(
        column,
        means[chosen],
        np.fmin.reduce(mine),
        np.fmax.reduce(mine),
        (~np.isnan(mine[:-1])).sum(axis=0),
        _pooled_deviations(of_seeds, means, chosen),
        _why_not(column, name, dataset, recipe),
    )


def _column_of(table: Table, name: str, recipe: Recipe, task: Task) -> ColumnInfo:
    fitting = [
        info
        for info in table.columns
        if (info.dataset, info.metric, info.split, info.epochs, info.seed, info.epoch)
        == (name, "accuracy", "valid", recipe.epochs, "mean", None)
    ]
    same = [info for info in fitting if info.release == task.signal.release]
    if fitting:
        return (same or fitting)[0]
    s = task.signal
    return table.info(s.dataset, s.metric, s.split, s.epochs, s.seed, s.release)


def _read(table: Table, info: ColumnInfo) -> NDArray[np.float64]:
    column = table.column(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release)
    return column.astype(np.float64)


def _seeds_of(table: Table, info: ColumnInfo) -> NDArray[np.float64]:
    """Return the columns of single seeds, shape (n_seeds, n_cells)."""
    found = []
    for other in table.columns:
        alike = (other.dataset, other.metric, other.split, other.epochs, other.release, other.epoch) == (
            info.dataset, info.metric, info.split, info.epochs, info.release, None,
        )  # fmt: skip
        if alike and isinstance(other.seed, int):
            try:
                found.append(_read(table, other))
            except (ColumnError, MissingValueError):
                continue
    return np.array(found) if found else np.empty((0, table.space.size))


def _pooled_deviations(
    of_seeds: NDArray[np.float64], means: NDArray[np.float64], cells: NDArray[np.int64]
) -> NDArray[np.float64]:
    several = (~np.isnan(of_seeds)).sum(axis=0) >= 2
    if not several.any():
        return np.full(len(cells), np.nan)
    at = means[several]
    variances = np.nanvar(of_seeds[:, several], axis=0, ddof=1)
    return np.array(
        [np.sqrt(variances[np.argsort(abs(at - means[cell]), kind="stable")[:_NEIGHBOURS]].mean()) for cell in cells]
    )


def _why_not(column: ColumnInfo, name: str, dataset: ImageDataset, recipe: Recipe) -> str:
    if name != column.dataset:
        return f"the data set is {name}, the look-up is about {column.dataset}"
    official = Recipe.load(f"nb201-{column.epochs}") if column.epochs in (12, 200) else None
    if official is None or recipe.epochs != official.epochs:
        return f"the recipe {recipe.name} trains for {recipe.epochs} epochs, the look-up is after {column.epochs}"
    other = [
        field.name
        for field in fields(Recipe)
        if field.name not in _HOW_NOT_WHAT and getattr(recipe, field.name) != getattr(official, field.name)
    ]
    if other:
        return f"the recipe {recipe.name} differs from {official.name} in {', '.join(other)}"
    return _other_images(column.dataset, dataset)


def _other_images(name: str, dataset: ImageDataset) -> str:
    """Describe the difference between these images and those of the table; empty if there is none."""
    if name not in _OF_TABLES:
        return f"it is not known here which images of {name} the table's networks saw"
    size, n_classes, counts = _OF_TABLES[name]
    compared = [
        ("{} pixels", f"{size}×{size}", "{}×{}".format(*dataset.image_size)),
        ("{} classes", str(n_classes), str(dataset.n_classes)),
    ] + [
        (f"{{}} {split} images", f"{due:,}", f"{len(dataset.splits[split]):,}")
        for split, due in zip(("train", "valid", "test"), counts, strict=True)
    ]
    differing = [(words, due, here) for words, due, here in compared if due != here]
    if not differing:
        return ""
    theirs = ", ".join(words.format(due) for words, due, _ in differing)
    return f"the table's networks had {theirs}; these data have {', '.join(here for _, _, here in differing)}"
