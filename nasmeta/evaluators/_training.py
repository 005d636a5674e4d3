"""Evaluation by real training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.evaluators._trainer import Trainer
from nasmeta.spaces import canonical_dataset, held_out_name
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, as_task
from nasmeta.training import ImageDataset, Recipe, TrainingResult, default_split

FAILED_VALUE = 0.0  # percent: below every accuracy that a training ends with, chance included


class TrainingEvaluator(Evaluator):
    """Answer by training the cell's network; the value is its validation accuracy after the last epoch.

    Cells of one isomorphism class (the rule ``upstream``) are one network: the class's representative is trained once,
    and a cell whose class was trained before costs nothing. A training that fails (its loss is not finite, memory does
    not suffice, its process is killed) has the value 0 and its reason in ``failures``; it ends nothing.

    Parameters
    ----------
    task : str or Task
        Says the space, and what a meta-searcher must not learn from.
    data : str or ImageDataset
        As `nasmeta.training.load_dataset` takes it; with a validation split.
    recipe : str, Path or Recipe, default "fast"
    seed : int, default 0
        Of weights and batches, the same for every cell.
    folder : path, optional
        Where trainings keep their checkpoints and results, a sub-folder each; trainings that are there are not
        repeated. Without one, nothing outlives the process.
    device : str, default "auto"
    isolated : bool, default True
        Train in a process of its own, so that a killed training is a failed one and does not end this process.
    **options
        Keyword arguments of `nasmeta.training.load_dataset`; the split is by default that of the tables where they
        know the data set.

    Attributes
    ----------
    failures : dict of int to str
        Why cells failed.

    Raises
    ------
    NasmetaError
        Where PyTorch is missing, or data, recipe or split are not possible.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import TrainingEvaluator
    >>> evaluator = TrainingEvaluator("nb201/cifar10", "digits", "tiny", isolated=False)
    >>> evaluator.evaluate(np.array([6111])).values  # doctest: +SKIP
    array([97.22222222])
    """

    def __init__(
        self,
        task: str | Task,
        data: str | ImageDataset,
        recipe: str | Path | Recipe = "fast",
        seed: int = 0,
        *,
        folder: str | os.PathLike[str] | None = None,
        device: str = "auto",
        isolated: bool = True,
        **options: Any,
    ) -> None:
        asked = as_task(task)
        if asked.signal.metric != "accuracy":
            raise SettingError(f"Training measures accuracies, but {asked.name} is about {asked.signal.metric}.")
        self.seed = check_int("seed", seed, least=0)
        self.folder = None if folder is None else Path(folder)
        if isinstance(data, str):
            options.setdefault("split", "fraction" if "valid_fraction" in options else default_split(data))
        self.trainer = Trainer(data, recipe, asked.space.name, device=device, options=options, isolated=isolated)
        if not len(self.trainer.dataset.splits["valid"]):
            raise SettingError("A search needs validation images, but these data have none: pass valid_fraction=0.1.")
        self.announce: Callable[[str], None] | None = None
        self.failures: dict[int, str] = {}
        self._trained: dict[int, tuple[float, str | None]] = {}
        self._charged: set[int] = set()
        super().__init__(asked.with_held_out(self._held_out(asked)))

    name = "training"

    def _held_out(self, asked: Task) -> tuple[str, ...]:
        """Return the data set that is trained on; of a folder of images, which may be any, also the task's own."""
        dataset = self.trainer.dataset
        name = held_out_name(dataset.name)
        if dataset.facts.get("source") in (None, "folder"):
            return tuple(dict.fromkeys((name, *asked.held_out)))
        return (name,)

    @cached_property
    def column(self) -> ColumnInfo:
        """What a training measures, and on which data."""
        trainer = self.trainer
        return ColumnInfo(
            canonical_dataset(trainer.dataset.name),
            "accuracy",
            "valid",
            trainer.recipe.epochs,
            self.seed,
            "percent",
            "max",
            "trained here",
            f"recipe {trainer.recipe.name}",
            "",
            trainer.dataset.sha256(),
        )

    @property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """The test accuracy of the trained network."""
        return (replace(self.column, split="test"),) if self.folder is not None else ()

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the test accuracy of the cell's trained network, where the evaluator has a folder."""
        result = self.result(cell) if self.report_columns else None
        return {} if result is None or result.test_accuracy is None else {self.report_columns[0]: result.test_accuracy}

    def __reduce__(self) -> Any:
        raise TypeError("An evaluator that trains stays in its process.")

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run: the same data, split, recipe and seed."""
        return {"kind": "training", **self.trainer.identity, "seed": self.seed}

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return validation accuracy (percent) and training seconds of each cell, and why some failed."""
        values, costs, reasons = [], [], []
        for cell in cells.tolist():
            representative = int(self.space.canonical(cell))
            seconds = 0.0
            if representative not in self._trained:
                value, seconds, reason = self._train(representative)
                self._trained[representative] = (value, reason)
            value, reason = self._trained[representative]
            values.append(value)
            costs.append(0.0 if representative in self._charged else seconds)
            reasons.append(reason)
            self._charged.add(representative)
            if reason is not None:
                self.failures[cell] = reason
        return Evaluation(np.array(values), np.array(costs), tuple(reasons))

    def resume(self, cells: Iterable[int], values: Iterable[float], reasons: dict[int, str]) -> None:
        """Take over what a journal recorded: those cells and their isomorphs are trained and paid for."""
        for cell, value in zip(cells, values, strict=True):
            representative = int(self.space.canonical(cell))
            self._trained[representative] = (value, reasons.get(cell))
            self._charged.add(representative)
        self.failures.update(reasons)

    def result(self, cell: int) -> TrainingResult | None:
        """Return what a training that has finished left in the folder; None where there is none."""
        from nasmeta.training import read_result

        try:
            where = self._folder_of(int(self.space.canonical(cell)))
            return None if where is None else read_result(where)
        except SettingError:
            return None

    def close(self) -> None:
        """End the worker process; the evaluator can be used again."""
        self.trainer.close()

    def _train(self, cell: int) -> tuple[float, float, str | None]:
        if self.announce is not None:
            self.announce(f"training cell {cell}")
        try:
            result = self.trainer.train(cell, self.seed, self._folder_of(cell))
        except TrainingFailed as failure:
            return FAILED_VALUE, 0.0, failure.reason
        assert result.valid_accuracy is not None
        return result.valid_accuracy, result.train_seconds + result.evaluate_seconds, None

    def _folder_of(self, cell: int) -> Path | None:
        return None if self.folder is None else self.folder / f"cell-{cell}"
