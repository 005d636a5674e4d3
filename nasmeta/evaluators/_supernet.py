"""The evaluator that uses the shared weights of a supernet."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError, TrainingFailed
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.evaluators._training import FAILED_VALUE, TrainingEvaluator, _Trained, _turn_at


class SupernetEvaluator(TrainingEvaluator):
    """Evaluate by the accuracy of a cell with the shared weights of a supernet.

    Single path one-shot with uniform sampling (Guo et al., ECCV 2020), see `nasmeta.training.Supernet`. The first
    evaluation trains the supernet; in each run, its cost includes the training. If the training fails, every evaluation
    fails at the same cost. ``reports/training/supernet`` compares these values with trained networks.

    Parameters
    ----------
    task, data, recipe, seed, folder, device
        As in `TrainingEvaluator`; the recipe trains the supernet, which the folder keeps.

    Raises
    ------
    SettingError
        If the space has no cells, or an argument is impossible for `TrainingEvaluator`.

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
    _instead = "A supernet needs cells."

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, isolated=False, build_network=None, **settings)
        self._supernet: Any = None
        self._train_seconds = 0.0
        self._failed: _Trained | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """The identity of the evaluator."""
        return {**super().identity, "kind": "supernet"}

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return itself by the epochs of its recipe.

        Raises
        ------
        MissingValueError
            For other lengths, because a supernet does not train cells one by one.
        """
        if epochs is not None and list(epochs) == [self.full_epochs]:
            return {self.full_epochs: self}
        raise MissingValueError(
            "A supernet has one length of training: use a searcher without fidelities, or the evaluator training."
        )

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return validation accuracies (percent) and seconds; the first cost of a run includes the training."""
        first = not self._begun
        found = super().evaluate(cells)
        if first:
            found.cost_seconds[:1] += self._train_seconds
        return found

    def result(self, cell: int) -> None:
        """Return None, because no cell has its own training."""

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
                try:
                    result = train_supernet(trainer.dataset, self.recipe, self.space, self.seed, **where)
                except TrainingFailed as failure:
                    self._failed = _Trained(FAILED_VALUE, failure.seconds, failure.told)
                    return self._failed
            assert result.network is not None
            self._supernet, self._train_seconds = result.network, result.train_seconds
        start = time.perf_counter()
        device = next(self._supernet.parameters()).device
        value = float(self._supernet.accuracies([cell], trainer.dataset, device=device)[0])
        return _Trained(value, time.perf_counter() - start, None)


TRAINED = {"training": TrainingEvaluator, "supernet": SupernetEvaluator}  # evaluators that need images, by name
