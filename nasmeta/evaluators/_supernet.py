"""Answers by weights that all cells share."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError, SettingError, TrainingFailed
from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.evaluators._training import TrainingEvaluator, _Trained, _turn_at


class SupernetEvaluator(TrainingEvaluator):
    """Answer by the accuracy of a cell with the weights of a supernet, which is trained once, at the first question.

    Single path one-shot with uniform sampling (Guo et al., ECCV 2020), see `nasmeta.training.Supernet`. In each run the
    first evaluation costs the supernet's training, and each the seconds of its own validation. A training that fails is
    not repeated: each cell then fails and is charged the seconds that it took, so that a budget in seconds ends. How
    far these values order cells as trained networks do is measured in ``reports/training/supernet``.

    Parameters
    ----------
    task, data, recipe, seed, folder, device, **options
        As of `TrainingEvaluator`; the recipe is that of the supernet, of which the folder keeps one.

    Raises
    ------
    SettingError
        Where the space has no cells, or something is not possible for `TrainingEvaluator`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import SupernetEvaluator
    >>> evaluator = SupernetEvaluator("nb201/cifar10", "digits", "tiny")
    >>> run = nm.search("random", evaluator, evaluations=3)  # doctest: +SKIP
    >>> run.values.shape  # doctest: +SKIP
    (3,)
    """

    name = "supernet"
    _instead = "a supernet is of cells."

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        for name in ("build_network", "isolated", "stack"):
            if settings.pop(name, None) is not None:
                raise SettingError(f"A supernet is of cells and trained in this process: it takes no {name}.")
        super().__init__(*arguments, isolated=False, **settings)
        self._supernet: Any = None
        self._train_seconds = 0.0
        self._failed: _Trained | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run."""
        return {**super().identity, "kind": "supernet"}

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return itself by the epochs of its recipe; a supernet has no shorter trainings of a cell.

        Raises
        ------
        MissingValueError
            Where other lengths are asked for.
        """
        if epochs is None or list(epochs) != [self.full_epochs]:
            raise MissingValueError(
                "A supernet answers for one length of training: take a searcher of full trainings, or the evaluator "
                "training."
            )
        return {self.full_epochs: self}

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return validation accuracy (percent) and seconds of each cell; the first of a run pays for the training."""
        first = not self._begun
        found = super().evaluate(cells)
        if first:
            found.cost_seconds[:1] += self._train_seconds
        return found

    def result(self, cell: int) -> None:
        """Return nothing: no cell has a training of its own."""

    def _train(self, cell: int) -> _Trained:
        from nasmeta.training import train_supernet

        trainer = self.trainer
        if self._failed is not None:
            return self._failed
        if self._supernet is None:
            if trainer.announce is not None:
                trainer.announce("training the supernet")
            folder = None if self.folder is None else self.folder / "supernet"
            where: dict[str, Any] = {"folder": folder, "device": trainer.device}
            with _turn_at(folder):
                before, start = self._spent(folder), time.perf_counter()
                try:
                    result = train_supernet(trainer.dataset, self.recipe, self.space, self.seed, **where)
                except TrainingFailed as failure:
                    self._failed = self._told(failure, before + time.perf_counter() - start)
                    return self._failed
            assert result.network is not None
            self._supernet, self._train_seconds = result.network, result.train_seconds
        start = time.perf_counter()
        device = next(self._supernet.parameters()).device
        value = float(self._supernet.accuracies([cell], trainer.dataset, device=device)[0])
        return _Trained(value, time.perf_counter() - start, None)


TRAINED = {"training": TrainingEvaluator, "supernet": SupernetEvaluator}  # those that need images, by name
