"""Evaluation by real training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_bool, check_int
from nasmeta.errors import ColumnError, MissingValueError, SettingError, TrainingFailed
from nasmeta.evaluators._base import Evaluation, Evaluator
from nasmeta.evaluators._lengths import training_lengths
from nasmeta.evaluators._trainer import Trainer
from nasmeta.spaces import CellSpace, SearchSpace, canonical_dataset, held_out_name
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Signal, Task, as_task
from nasmeta.training import ImageDataset, Recipe, TrainingResult, default_split, read_result
from nasmeta.training._result import seconds_so_far

if TYPE_CHECKING:
    from nasmeta.training._own_network import BuildNetwork

FAILED_VALUE = 0.0  # percent: below every accuracy that a training ends with, chance included


class _Trained(NamedTuple):
    """What came out of a training, and what it took."""

    value: float
    seconds: float
    reason: str | None
    note: Mapping[str, Any] = {}


def _of_space(space: SearchSpace) -> Task:
    """Return the question which architecture of a space is the most accurate."""
    signal = Signal("trained", "accuracy", "valid", None, None, "own", kind="performance")
    return Task(f"{space.name}/trained", space, signal, cost=None)


class _TemporaryFolder:
    """A folder that goes with the last who knows it."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="nasmeta-"))
        finalize(self, rmtree, self.path, ignore_errors=True)


@contextmanager
def _turn_at(folder: Path | None) -> Iterator[None]:
    """Wait until no other process trains in this folder; what it did is there then."""
    with ExitStack() as turn:
        if folder is not None:
            from filelock import FileLock

            try:
                folder.mkdir(parents=True, exist_ok=True)
                turn.enter_context(FileLock(folder / ".turn"))
            except OSError as reason:
                raise SettingError(f"{folder} cannot be written: {reason.strerror or reason}.") from reason
        yield


class TrainingEvaluator(Evaluator):
    """Answer by training the cell's network; the value is its validation accuracy after the last epoch.

    Cells of one isomorphism class (the rule ``upstream``) are one network: the class's representative is trained once,
    and in a run a cell whose class was trained before costs nothing. A training that fails (its loss is not finite,
    memory does not suffice, its process is killed) has the value 0 and its reason in ``failures``; it ends nothing.
    Where memory is short, fewer images than a batch go through the network at once and gradients are added up; batch
    norm then sees the fewer, so the value is not quite that of the recipe, and the journal's note says so.

    Parameters
    ----------
    task : str, Task or SearchSpace
        Says the space, and what a meta-searcher must not learn from.
    data : str or ImageDataset
        As `nasmeta.training.ImageDataset.load` takes it; with a validation split.
    recipe : str, Path or Recipe, optional
        As in `nasmeta.train`.
    seed : int, default 0
        Of weights and batches, the same for every cell.
    folder : path, optional
        Where trainings keep their checkpoints and results, a sub-folder each; trainings that are there are not
        repeated. Without one, nothing outlives the process.
    device : str, default "auto"
    isolated : bool, default True
        Train in a process of its own, so that a killed training is a failed one and does not end this process.
    build_network : callable, optional
        For a space of one's own: from the choices of an architecture to its network, see `nasmeta.training.train`.
    stack : int, default 1
        Train so many of the cells that are asked for at once side by side as one network, see
        `nasmeta.training.train_many`: for a run with a ``batch``. Values are then not those of single trainings to the
        bit: the journal says ``stacked``, and of each cell how many there were.
    **options
        Keyword arguments of `nasmeta.training.ImageDataset.load`; the split is by default that of the tables where they
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
        task: str | Task | SearchSpace,
        data: str | ImageDataset,
        recipe: str | Path | Recipe | None = None,
        seed: int = 0,
        *,
        folder: str | os.PathLike[str] | None = None,
        device: str = "auto",
        isolated: bool = True,
        build_network: BuildNetwork | None = None,
        stack: int = 1,
        **options: Any,
    ) -> None:
        asked = _of_space(task) if isinstance(task, SearchSpace) else as_task(task)
        if build_network is None and not isinstance(asked.space, CellSpace):
            raise SettingError(f"Networks of {asked.space.name} are not known: {self._instead}")
        if asked.signal.metric != "accuracy":
            raise SettingError(f"Training measures accuracies, but {asked.name} is about {asked.signal.metric}.")
        if asked.objective is not None:
            cost = asked.objective.cost.metric
            raise SettingError(f"Training measures accuracies, but {asked.name} is also about {cost}.")
        self.seed, self.stack = check_int("seed", seed, least=0), check_int("stack", stack)
        if self.stack > 1 and build_network is not None:
            raise SettingError("A stack is of cells: networks of your own train one after another, so leave out stack.")
        self.folder = None if folder is None else Path(folder)
        if isinstance(data, str):
            options.setdefault("split", "fraction" if "valid_fraction" in options else default_split(data))
        space = asked.space if build_network is not None else asked.space.name
        check_bool("isolated", isolated)
        own: dict[str, Any] = {"options": options, "isolated": isolated, "build_network": build_network}
        self.trainer = Trainer(data, recipe, space, device=device, **own)
        if build_network is not None:
            from nasmeta.training._own_network import IdentifiedNetwork, network_identity

            self._network_identity = network_identity(build_network)
            self.trainer.build_network = IdentifiedNetwork(build_network, self._network_identity)
        if not len(self.trainer.dataset.splits["valid"]):
            raise SettingError("A search needs validation images, but these data have none: pass valid_fraction=0.1.")
        self.failures: dict[int, str] = {}
        self._trained: dict[int, _Trained] = {}  # here, in all runs, by the representative of the class
        self._begun: dict[int, _Trained] = {}  # in this run: trained and paid for
        self._lost: dict[Path | None, float] = {}  # seconds of trainings that failed, by folder
        self._of_lengths: dict[Any, dict[int, Evaluator]] = {}
        super().__init__(asked.with_held_out(self._held_out(asked)))

    name = "training"
    _instead = "pass build_network, a function from the choices of an architecture to a torch.nn.Module."
    _network_identity: dict[str, Any] | None = None  # what tells networks of one's own apart
    _home: _TemporaryFolder | None = None  # a folder for the time of a run, where there is no other and trainings pause

    _short: Recipe | None = None  # of a training with a shorter schedule of its own
    _until: int | None = None  # after which epoch the training pauses

    @property
    def recipe(self) -> Recipe:
        """How it trains."""
        return self._short or self.trainer.recipe

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training, those of the recipe."""
        return self.trainer.recipe.epochs

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
            self.recipe.epochs,
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
        """The test accuracy of the trained network, and what the task's table says, where it is here."""
        trained = (replace(self.column, split="test"),) if self.folder is not None else ()
        try:
            return (*trained, self.task.column, *self.task.report_columns)
        except (MissingValueError, ColumnError):
            return trained

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the test accuracy of the cell's network, where the evaluator has a folder, and the table's values."""
        columns, found = self.report_columns, dict[ColumnInfo, float]()
        result = self.result(cell)
        if result is not None and result.test_accuracy is not None:
            found[columns[0]] = result.test_accuracy
        of_table = columns[self.folder is not None :]
        if of_table and not np.isnan(self.task.values[cell]):
            found |= {of_table[0]: float(self.task.values[cell]), **self.task.report(cell)}
        return found

    def __copy__(self) -> TrainingEvaluator:
        other = object.__new__(type(self))
        other.__dict__.update({key: own for key, own in self.__dict__.items() if key != "column"})
        return other

    def __getstate__(self) -> dict[str, Any]:
        if self._home is not None or self.folder is None:
            raise TypeError("An evaluator that trains stays in its process, unless it has a folder.")
        return {key: own for key, own in self.__dict__.items() if key != "column"}

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run: the same data, split, recipe and seed."""
        own = {} if self._network_identity is None else {"network": self._network_identity}
        stacked = {"stacked": True} if self.stack > 1 else {}
        return {"kind": "training", **self.trainer.identity, "seed": self.seed, **own, **stacked}

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return validation accuracy (percent) and training seconds of each cell, and why some failed.

        A training of an earlier run is not repeated, but costs this run what it took.
        """
        found, costs = [], []
        if self.stack > 1 and self._until is None:
            self._train_stack(dict.fromkeys(int(self.space.canonical(cell)) for cell in cells.tolist()))
        for cell in cells.tolist():
            representative, seconds = int(self.space.canonical(cell)), 0.0
            if representative not in self._begun:
                if representative not in self._trained:
                    self._trained[representative] = self._train(representative)
                self._begun[representative] = self._trained[representative]
                seconds = self._trained[representative].seconds
            found.append(self._begun[representative])
            costs.append(seconds)
            if (reason := found[-1].reason) is not None:
                self.failures[cell] = reason
        notes = tuple(one.note for one in found)
        values, reasons = np.array([one.value for one in found]), tuple(one.reason for one in found)
        return Evaluation(values, np.array(costs), reasons, notes if any(notes) else ())

    def resume(self, cells: Sequence[int], values: Sequence[float], reasons: Mapping[int, str]) -> None:
        """Begin a run with what its journal holds: those cells and their isomorphs are trained and paid for."""
        self._begun = {
            int(self.space.canonical(cell)): _Trained(value, 0.0, reasons.get(cell))
            for cell, value in zip(cells, values, strict=True)
        }
        self.failures.update(reasons)

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of trainings of several lengths, by epochs; that of the recipe is the longest.

        ``"2of6"`` is the recipe's own training, which pauses after two epochs and is gone on with where the cell is
        promoted; 2 is a training with a schedule of its own, from the start, unless the learning rate is constant. By
        default there are pauses after a ninth and a third, or when the recipe next evaluates.
        """
        full = self.trainer.recipe.epochs
        lengths = training_lengths(epochs, self.trainer.recipe)
        key = tuple(lengths.items())
        if key not in self._of_lengths:  # once, so that searchers that are compared share trainings
            constant = self.recipe.schedule == "constant"
            if self.folder is None and self._home is None and (constant or any(lengths.values())):
                self._home = _TemporaryFolder()  # such a pause outlives no process
            found: dict[int, Evaluator] = {}
            for length, paused in lengths.items():
                one = found[length] = copy(self)
                one._begun = {}
                one._trained = self._trained if length == full else {}
                if length < full and not (paused or constant):
                    one._short = self.recipe.but(epochs=length)
                elif length < full:
                    one._until, one.goes_on = length, True
            self._of_lengths[key] = found
        return dict(self._of_lengths[key])

    def result(self, cell: int) -> TrainingResult | None:
        """Return what a training that has finished left in the folder; None where there is none."""
        try:
            where = self._folder_of(int(self.space.canonical(cell)))
            return None if where is None else read_result(where)
        except SettingError:
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

    def _train(self, cell: int) -> _Trained:
        tell = self.trainer.announced(f"training cell {cell}", self._until or self.recipe.epochs)
        asked: dict[str, Any] = {"recipe": self._short, "until": self._until, "tell": tell}
        folder = self._folder_of(cell)
        with _turn_at(folder):
            before, began = self._spent(folder), time.monotonic()
            try:
                return self._told(self.trainer.train(cell, self.seed, folder, **asked))
            except TrainingFailed as failure:
                self._lost[folder] = before + time.monotonic() - began
                return self._told(failure, self._lost[folder])

    def _spent(self, folder: Path | None) -> float:
        """Return the seconds that a training has taken so far, which one that goes on and fails costs, too."""
        return 0.0 if folder is None else max(seconds_so_far(folder), self._lost.get(folder, 0.0))

    def _train_stack(self, cells: Iterable[int]) -> None:
        """Train side by side what is not trained yet."""
        folders = {cell: self._folder_of(cell) for cell in cells if cell not in {**self._begun, **self._trained}}
        if not folders:
            return
        tell = self.trainer.announced(f"training {len(folders)} cells", len(folders) * self.recipe.epochs)
        with ExitStack() as turns:
            for cell in sorted(folders):  # so that two processes do not wait for each other
                turns.enter_context(_turn_at(folders[cell]))
            before, began = {cell: self._spent(folder) for cell, folder in folders.items()}, time.monotonic()
            found = self.trainer.train_stack(folders, self.seed, self.stack, self.recipe, tell)
        share = (time.monotonic() - began) / len(folders)
        self._trained |= {cell: self._told(one, before[cell] + share) for cell, one in found.items()}

    def _told(self, result: TrainingResult | TrainingFailed, elapsed: float = 0.0) -> _Trained:
        """Return what the journal is told of a training; one that failed costs the seconds that went by."""
        if isinstance(result, TrainingFailed):
            return _Trained(FAILED_VALUE, elapsed, result.told)
        assert result.valid_accuracy is not None
        whole = min(self.recipe.batch_size, len(self.trainer.dataset.splits["train"]))
        short = result.micro_batch < whole  # of memory
        note = {"images_at_once": result.micro_batch, "batch_size": whole} if short else {}
        if result.stack > 1 or result.stack_halvings:
            note |= {"stack": result.stack, "stack_halvings": result.stack_halvings}
        return _Trained(result.valid_accuracy, result.train_seconds + result.evaluate_seconds, None, note)

    def _folder_of(self, cell: int) -> Path | None:
        folder = self.folder if self._home is None else self._home.path
        own = "" if self._short is None else f"-{self._short.epochs}-epochs"
        return None if folder is None else folder / f"cell-{cell}{own}"
