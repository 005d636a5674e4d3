"""What a training found; PyTorch is not needed to read it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nasmeta.errors import DamagedFileError, SettingError, shown

CHECKPOINT_FILE, RESULT_FILE = "checkpoint.safetensors", "result.json"
FORMAT = 1
_NUMBER = int | float
_KINDS: dict[Any, Any] = {  # by how a field is annotated
    "int": int, "str": str, "float": _NUMBER, "float | None": _NUMBER | None,
    "Mapping[str, Any]": Mapping, "Mapping[str, str]": Mapping,
}  # fmt: skip


@dataclass(frozen=True)
class EpochRecord:
    """One epoch.

    Attributes
    ----------
    epoch : int
        From 1 on.
    learning_rate : float
        Of its first step.
    train_loss, train_accuracy : float
        Means over the epoch as it went, on augmented images; accuracies are in percent.
    valid_loss, valid_accuracy, test_loss, test_accuracy : float or None
        After the epoch; None where it was not evaluated, or the split is empty.
    seconds : float
        Of the training, without the evaluation.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, train
    >>> result = train(6111, ImageDataset.load("digits").subset(16), Recipe.load("tiny", epochs=1), device="cpu")
    >>> result.epochs[0].epoch, result.epochs[0].valid_accuracy == result.valid_accuracy
    (1, True)
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    valid_loss: float | None
    valid_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes
    ----------
    cell : int
    space : str
    dataset : str
    recipe : mapping
        All settings of the recipe.
    seed : int
    device : str
        ``cpu``, or the name of the card.
    epochs : tuple of EpochRecord
        Each has ``epoch`` (from 1 on), ``learning_rate`` (of its first step), ``train_loss`` and ``train_accuracy``
        (means over the epoch as it went, on augmented images), ``valid_loss``, ``valid_accuracy``, ``test_loss`` and
        ``test_accuracy`` (None where not evaluated), ``seconds`` (of the training); accuracies are in percent.
    train_seconds, evaluate_seconds : float
        Wall time, those before an interruption included.
    energy_joules : float or None
        Of the whole card during the training, evaluation included, where NVML tells.
    split_sha256, data_sha256 : str
        Checksums of the splits and of images and labels.
    parameters : int
        Of the network that was trained.
    micro_batch : int
        Images that went through the network at once: smaller than the batch where memory did not suffice.
    stopped : str
        ``finished``, ``early``, or ``paused`` where only a part of the training was asked for.
    versions : mapping of str to str
    data_facts : mapping
        How the data set was read and split: the `ImageDataset`'s facts.
    stack : int
        Networks that were trained as one at most (`train_many`); each has an equal part of the seconds and the energy.
        1 where it was trained by itself.
    stack_halvings : int
        How often the stack was cut into halves because memory did not suffice.
    network : CellNetwork or None
        The trained one, on its device (with averaged weights where the recipe averages); None where it was read.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset, Recipe, train
    >>> result = train(6111, ImageDataset.load("digits").subset(64), Recipe.load("tiny", epochs=1), device="cpu")
    >>> result.stopped, len(result.epochs)
    ('finished', 1)
    """

    cell: int
    space: str
    dataset: str
    recipe: Mapping[str, Any]
    seed: int
    device: str
    epochs: tuple[EpochRecord, ...]
    train_seconds: float
    evaluate_seconds: float
    energy_joules: float | None
    split_sha256: str
    data_sha256: str
    parameters: int
    micro_batch: int
    stopped: str
    versions: Mapping[str, str]
    data_facts: Mapping[str, Any] = field(default_factory=dict)
    stack: int = 1
    stack_halvings: int = 0
    network: Any = field(default=None, compare=False, repr=False)

    @property
    def train_accuracy(self) -> float:
        """Of the last epoch, in percent."""
        return self.epochs[-1].train_accuracy

    @property
    def valid_accuracy(self) -> float | None:
        """After the last epoch, in percent; None without a validation split."""
        return self.epochs[-1].valid_accuracy

    @property
    def test_accuracy(self) -> float | None:
        """After the last epoch, in percent."""
        return self.epochs[-1].test_accuracy

    def after(self, epoch: int) -> TrainingResult:
        """Return what was found until the end of an epoch: itself where it goes no further.

        Of the seconds of the evaluations, which are not known one by one, it has its share.
        """
        if epoch >= len(self.epochs):
            return self
        kept = self.epochs[:epoch]
        evaluated = [
            sum(one.valid_loss is not None or one.test_loss is not None for one in of) or 1
            for of in (kept, self.epochs)
        ]
        return replace(
            self,
            epochs=kept,
            train_seconds=sum(record.seconds for record in kept),
            evaluate_seconds=self.evaluate_seconds * evaluated[0] / evaluated[1],
            energy_joules=None,
            stopped="paused",
            network=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the network, of JSON's types."""
        found = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "network"}
        return {"nasmeta_training": FORMAT, **found, "epochs": [asdict(epoch) for epoch in self.epochs]}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> TrainingResult:
        """Build a result from what `to_dict` returned.

        Raises
        ------
        DamagedFileError
        """
        try:
            if found["nasmeta_training"] != FORMAT:
                raise ValueError(f"its format is {found['nasmeta_training']!r}, not {FORMAT}")
            epochs = tuple(EpochRecord(**epoch) for epoch in found["epochs"])
            parts: list[tuple[Any, Any]] = [(found, cls), *((epoch, EpochRecord) for epoch in found["epochs"])]
            for told, of in parts:
                for entry in fields(of):
                    value = told.get(entry.name, entry.default)
                    if not isinstance(value, _KINDS.get(entry.type, object)) and value is not entry.default:
                        raise ValueError(f"its {entry.name} is {shown(value)}")
            if not epochs:
                raise ValueError("it has no epoch")
            rest = {key: value for key, value in found.items() if key not in ("nasmeta_training", "epochs", "network")}
            return cls(**rest, epochs=epochs)
        except (KeyError, TypeError, ValueError, AttributeError) as reason:
            raise DamagedFileError(f"This is no result of a training: {reason!r:.200}.") from reason


def read_result(folder: str | Path) -> TrainingResult:
    """Read the result that `train` left in a folder."""
    path = Path(folder) / RESULT_FILE
    try:
        return TrainingResult.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingError(f"{folder} has no {RESULT_FILE}: no training has finished there.") from None
    except DamagedFileError as reason:
        raise DamagedFileError(f"{path} is damaged. {reason} Remove it to train from the checkpoint on.") from reason
    except (OSError, ValueError, RecursionError) as reason:
        raise DamagedFileError(
            f"{path} cannot be read: {reason}. Remove it to train from the checkpoint on."
        ) from reason


def seconds_so_far(folder: Path) -> float:
    """Return what the training of a folder has taken, by its checkpoint; 0 where there is none that can be read."""
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return 0.0
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            head = json.loads(file.metadata()["nasmeta"])
        return float(sum(record["seconds"] for record in head["epochs"]) + head["evaluate_seconds"])
    except (OSError, SafetensorError, TypeError, KeyError, ValueError):  # of which the training itself says more
        return 0.0


def csv_of(epochs: Sequence[EpochRecord]) -> str:
    """Return epochs as a table of comma-separated values, a line each."""
    buffer = io.StringIO()
    names = [entry.name for entry in fields(EpochRecord)]
    writer = csv.DictWriter(buffer, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return buffer.getvalue()


Tell = Callable[[int, str], object]  # is told how many epochs are done, and in words how they went


def note_of(records: Sequence[EpochRecord]) -> str:
    """Return how an epoch went: of one network, or the range of several side by side."""

    def span(values: Iterable[float | None], digits: int) -> str:
        known = [value for value in values if value is not None]
        return "" if not known else " to ".join(f"{one:.{digits}f}" for one in dict.fromkeys((min(known), max(known))))

    parts = [f"{len(records)} cells side by side"] * (len(records) > 1)
    parts += [f"loss {span([record.train_loss for record in records], 3)}"]
    parts += [f"train {span([record.train_accuracy for record in records], 2)} %"]
    if valid := span([record.valid_accuracy for record in records], 2):
        parts += [f"valid {valid} %"]
    return ", ".join(parts)


class EpochCount:
    """How many epochs of several trainings are done; where somebody listens, it is told."""

    def __init__(self, trainings: Iterable[object], tell: Tell | None) -> None:
        self._done: dict[object, int] = dict.fromkeys(trainings, 0)
        self._tell = tell

    def update(self, done: Mapping[object, int], note: str = "") -> None:
        """Say how many epochs of some are done now."""
        before = self.total
        self._done.update(done)
        if self._tell is not None and (note or self.total != before):
            self._tell(self.total, note)

    @property
    def total(self) -> int:
        """How many are done of all."""
        return sum(self._done.values())

    def watcher(self, training: object) -> Callable[[EpochRecord], None]:
        """Return what a training is watched by, see `nasmeta.training.train`."""
        return lambda record: self.update({training: record.epoch}, note_of([record]))
