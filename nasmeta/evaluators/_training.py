"""The evaluator that trains networks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

import numpy as np

from nasmeta.arrays import Architectures, Facts
from nasmeta.checks import check_int
from nasmeta.errors import ColumnError, MissingValueError, SettingError, TrainingFailed
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.spaces import CellSpace, SearchSpace, canonical_dataset, held_out_name
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Signal, Task, as_task
from nasmeta.training import ImageDataset, Recipe, RecipeLike, Trainer, TrainingResult, read_result

if TYPE_CHECKING:
    from nasmeta.training import BuildNetwork

_INSTEAD = (
    "Pass build_network, a function from the choices of an architecture to a torch.nn.Module."
)
FAILED_VALUE = 0.0  # percent: below every accuracy that a training ends with, chance included


class _Trained(NamedTuple):
    """The value of a training and its seconds."""

    value: float
    seconds: float
    reason: str | None


def _of_space(space: SearchSpace) -> Task:
    """Return the task of finding the most accurate architecture of a space."""
    signal = Signal("trained", "accuracy", "valid", None, None, "own", kind="performance")
    return Task(f"{space.name}/trained", space, signal, cost=None)


class _TemporaryFolder:
    """A folder that is removed with its last reference."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="nasmeta-"))
        finalize(self, rmtree, self.path, ignore_errors=True)


class TrainingEvaluator(Evaluator):
    """Evaluate by training; the value is the validation accuracy after the last epoch.

    Isomorphic cells (rule ``upstream``) are one network: their representative is trained once, and
    further evaluations in the same run cost nothing. A training that fails (a loss that is not
    finite, too little memory, a killed process) has the value 0 and a reason in ``failures``; the
    search continues.

    Parameters
    ----------
    task : str, Task or SearchSpace
        Defines the space, and the dataset that meta-searchers must not learn from.
    data : str or ImageDataset
        A source as in `nasmeta.training.ImageDataset.load`, or a loaded dataset, with a validation
        split.
    recipe : str, Path or Recipe, optional
        Name of a recipe (``nasmeta list recipes``) or a TOML file; by default ``tiny`` for digits,
        else ``fast``.
    seed : int, default 0
        Of weights and batches, the same for every architecture.
    folder : path, optional
        Keeps checkpoints and results, one sub-folder per training. Finished trainings are not
        repeated.
    device : str, default "auto"
        Device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    isolated : bool, default True
        Train in a worker process: if it is killed, the training is a failure and this process
        continues.
    build_network : callable, optional
        For a custom space: builds the network of an architecture from its choices, see
        `nasmeta.training.train`.

    Raises
    ------
    NasmetaError
        If PyTorch is missing, or data, recipe or split are impossible.

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
        task: str | Task | SearchSpace,
        data: str | ImageDataset,
        recipe: RecipeLike | None = None,
        seed: int = 0,
        *,
        folder: str | os.PathLike[str] | None = None,
        device: str = "auto",
        isolated: bool = True,
        build_network: BuildNetwork | None = None,
    ) -> None:
        target = _of_space(task) if isinstance(task, SearchSpace) else as_task(task)
        if build_network is None and not isinstance(target.space, CellSpace):
            raise SettingError("space", target.space.name, "a cell space", _INSTEAD)
        if target.signal.metric != "accuracy" or target.objective is not None:
            raise SettingError(
                "task", target.name, "a task of accuracy alone, which training measures"
            )
        self.seed = check_int("seed", seed, least=0)
        self.folder = None if folder is None else Path(folder)
        space = target.space if build_network is not None else target.space.name
        self.trainer = Trainer(
            data, recipe, space, device=device, isolated=isolated, build_network=build_network
        )
        self._network_identity: Facts = {}
        if build_network is not None:
            from nasmeta.training import IdentifiedNetwork, network_identity

            self._network_identity = {"network": network_identity(build_network)}
            self.trainer.build_network = IdentifiedNetwork(
                build_network, self._network_identity["network"]
            )
        dataset = self.trainer.dataset
        if not len(dataset.splits["valid"]):
            raise SettingError(
                "number of validation images", 0, "at least 1", "Pass valid_fraction=0.1."
            )
        self.column = ColumnInfo(
            dataset=canonical_dataset(dataset.name),
            metric="accuracy",
            split="valid",
            epochs=self.recipe.epochs,
            seed=self.seed,
            unit="percent",
            direction="max",
            release="trained here",
            source=f"recipe {self.recipe.name}",
            licence="",
            source_sha256=dataset.sha256(),
            origin="trained here",
        )
        # By the representative of a class of isomorphic cells:
        self._trained: dict[int, _Trained] = {}  # in all runs of this evaluator
        self._begun: dict[int, _Trained] = {}  # evaluated in this run
        self._of_lengths: dict[tuple[int, ...], dict[int, TrainingEvaluator]] = {}
        held_out: tuple[str, ...] = (held_out_name(dataset.name),)
        if dataset.facts.get("source") in (None, "folder"):  # may be any dataset, also the task's
            held_out += target.held_out
        super().__init__(target.with_held_out(tuple(dict.fromkeys(held_out))))

    name = "training"
    _home: _TemporaryFolder | None = None  # if trainings pause without a folder

    _until: int | None = None  # epoch of the pause

    @property
    def recipe(self) -> Recipe:
        """The recipe of the trainings."""
        return self.trainer.recipe

    @property
    def full_epochs(self) -> int:
        """Epochs of the recipe."""
        return self.trainer.recipe.epochs

    def report(self, architecture: int) -> dict[ColumnInfo, float]:
        """Return the test accuracy of the trained network, if there is a folder, and the values of the table."""
        values, result = dict[ColumnInfo, float](), self.result(architecture)
        if result is not None and result.test_accuracy is not None:
            values[replace(self.column, split="test")] = result.test_accuracy
        with suppress(MissingValueError, ColumnError):  # the table, or its test values, are missing
            if not np.isnan(self.task.values[architecture]):
                values[self.task.column] = float(self.task.values[architecture])
                values |= self.task.report(architecture)
        return values

    @property
    def identity(self) -> Facts:
        """The identity of the evaluator: data, split, recipe and seed."""
        return {
            "kind": "training",
            **self.trainer.identity,
            "seed": self.seed,
            **self._network_identity,
        }

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return validation accuracies (percent), training seconds, and the reasons of failures.

        A training of an earlier run is not repeated, but its seconds count in this run.
        """
        trainings, costs = [], []
        for representative in np.atleast_1d(self.space.canonical(architectures)).tolist():
            costs.append(0.0)
            if representative not in self._begun:
                if representative not in self._trained:
                    self._trained[representative] = self._train(representative)
                self._begun[representative] = self._trained[representative]
                costs[-1] = self._trained[representative].seconds
            trainings.append(self._begun[representative])
        values, _, reasons = zip(*trainings, strict=True)
        return Evaluation(np.array(values), np.array(costs), reasons)

    def resume(self, past: Sequence[tuple[int, Any, str | None]]) -> None:
        """Start a run with the evaluations of its journal, which cost nothing again."""
        self._begun = {}
        for architecture, value, reason in past:
            representative = int(self.space.canonical(architecture))
            self._begun[representative] = _Trained(value, seconds=0.0, reason=reason)

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of trainings of several lengths, by epochs; the longest is that of the recipe.

        ``"2of6"`` pauses the training of the recipe after two epochs; it resumes if the
        architecture is promoted. By default, trainings pause after a ninth and a third of the
        epochs, rounded up to the recipe's next evaluation.
        """
        lengths = training_lengths(epochs, self.recipe)
        if lengths not in self._of_lengths:  # once, so that compared searchers share trainings
            if self.folder is None and self._home is None and len(lengths) > 1:
                self._home = _TemporaryFolder()
            evaluators = self._of_lengths[lengths] = {length: copy(self) for length in lengths}
            for length, evaluator in evaluators.items():
                evaluator._begun = {}
                if length < lengths[-1]:
                    evaluator._trained, evaluator._until, evaluator.resumes = {}, length, True
        return dict(self._of_lengths[lengths])

    def in_folder(self, folder: Path) -> Evaluator:
        """Return the evaluator with its trainings in this folder, unless it has one."""
        if self.folder is not None:
            return self
        other = copy(self)
        other.folder, other._of_lengths = folder, {}
        return other

    def result(self, architecture: int) -> TrainingResult | None:
        """Return the result of a finished training in the folder, or None."""
        folder = self._folder_of(int(self.space.canonical(architecture)))
        if folder is None:
            return None
        try:
            return read_result(folder)
        except (FileNotFoundError, SettingError):
            return None

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the worker process between runs."""
        self.trainer.users += 1
        try:
            yield
        finally:
            self.trainer.users -= 1
            self.close()

    def close(self) -> None:
        """End the worker process; the evaluator can be used again."""
        if not self.trainer.users:
            self.trainer.close()

    def _train(self, architecture: int) -> _Trained:
        tell = self.trainer.announced(
            f"training cell {architecture}", self._until or self.recipe.epochs
        )
        folder, begin = self._folder_of(architecture), time.monotonic()
        try:
            result = self.trainer.train(
                architecture, self.seed, folder, until=self._until, tell=tell
            )
        except TrainingFailed as failure:
            return _Trained(FAILED_VALUE, failure.seconds or time.monotonic() - begin, failure.told)
        assert result.valid_accuracy is not None
        return _Trained(result.valid_accuracy, result.train_seconds + result.evaluate_seconds, None)

    def _folder_of(self, architecture: int) -> Path | None:
        folder = self.folder if self._home is None else self._home.path
        if folder is None:
            return None
        return folder / f"cell-{architecture}"


def training_lengths(lengths: Iterable[int | str] | None, recipe: Recipe) -> tuple[int, ...]:
    """Return the lengths of trainings in epochs, ascending; all but the last are pauses.

    By default, trainings pause after a ninth and a third of the epochs, rounded up to the recipe's
    next evaluation.

    >>> training_lengths(["2of6", 6], Recipe("own", epochs=6))
    (2, 6)
    >>> training_lengths(None, Recipe("own", epochs=18, evaluate_every=4))
    (4, 8, 18)
    """
    full, every = recipe.epochs, recipe.evaluate_every
    if lengths is None:
        wanted = np.array([full // 9, full // 3])
        pauses = np.unique(-(-wanted // every) * every)  # rounded up to the next evaluation
        pauses = pauses[(pauses > 0) & (pauses < full)]
        return (*pauses.tolist(), full)
    points = {str(full): full} | {f"{pause}of{full}": pause for pause in range(every, full, every)}
    chosen = {str(full), *map(str, lengths)}
    if unknown := chosen - {*points}:
        expected = f"{full}, or pauses such as '{every}of{full}' after an evaluation of the recipe"
        raise SettingError("epochs", ", ".join(sorted(unknown)), expected)
    return tuple(sorted(points[length] for length in chosen))
