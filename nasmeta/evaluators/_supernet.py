"""Answers by weights that all cells share."""

from __future__ import annotations

import time
from typing import Any

from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.evaluators._training import FAILED_VALUE, TrainingEvaluator, _Trained


class SupernetEvaluator(TrainingEvaluator):
    """Answer by the accuracy of a cell with the weights of a supernet, which is trained once, at the first question.

    Single path one-shot with uniform sampling (Guo et al., ECCV 2020), see `nasmeta.training.Supernet`. The first
    evaluation of a run costs the supernet's training, each the seconds of its own validation. How far these values
    order cells as trained networks do is measured in ``reports/training/supernet``.

    Parameters
    ----------
    task, data, recipe, seed, folder, device, **options
        As of `TrainingEvaluator`; the recipe is that of the supernet, of which the folder keeps one.

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

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        if settings.get("build_network") is not None:
            raise SettingError("A supernet is of cells: it takes no build_network.")
        super().__init__(*arguments, isolated=False, **settings)
        self._network: Any = None

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run."""
        return {**super().identity, "kind": "supernet"}

    def result(self, cell: int) -> None:
        """Return nothing: no cell has a training of its own."""

    def _train(self, cell: int) -> _Trained:
        from nasmeta.training import train_supernet

        trainer, start = self.trainer, time.perf_counter()
        if self._network is None:
            if trainer.announce is not None:
                trainer.announce("training the supernet")
            folder = None if self.folder is None else self.folder / "supernet"
            try:
                result = train_supernet(
                    trainer.dataset, self.recipe, self.space, self.seed, folder=folder, device=trainer.device
                )
            except TrainingFailed as failure:
                return _Trained(FAILED_VALUE, 0.0, failure.reason)
            self._network, self._device = result.network, next(result.network.parameters()).device
        value = float(self._network.accuracies([cell], trainer.dataset, device=self._device)[0])
        return _Trained(value, time.perf_counter() - start, None)


TRAINED = {"training": TrainingEvaluator, "supernet": SupernetEvaluator}  # those that need images, by name
