"""The result of a training. Reading one does not need PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nasmeta.arrays import Facts
from nasmeta.files import intact

CHECKPOINT_FILE, RESULT_FILE = "checkpoint.safetensors", "result.json"
FORMAT = 3


@dataclass(frozen=True)
class EpochRecord:
    """Measurements of one epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    learning_rate : float
        Of the first step.
    train_loss, train_accuracy : float
        Means over the steps of the epoch, on augmented images. Accuracies are in percent.
    valid_loss, valid_accuracy, test_loss, test_accuracy : float or None
        After the epoch. None if the recipe does not evaluate then, or the split is empty.
    seconds : float
        Training time, without the evaluation.

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
    """The result of a training.

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
        One record per epoch.
    train_seconds, evaluate_seconds : float
        Wall time, including the time before an interruption.
    split_sha256, data_sha256 : str
        Checksums of the splits, and of images and labels.
    parameters : int
        Number of parameters of the trained network.
    stopped : str
        ``finished``, or ``paused`` if only part of the training was requested.
    versions : mapping of str to str
    data_facts : mapping
        How the dataset was read and split: the facts of the `ImageDataset`.
    network : CellNetwork or None
        The trained network on its device; None if the result was read.

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
    recipe: Facts
    seed: int
    device: str
    epochs: tuple[EpochRecord, ...]
    train_seconds: float
    evaluate_seconds: float
    split_sha256: str
    data_sha256: str
    parameters: int
    stopped: str
    versions: Mapping[str, str]
    data_facts: Facts = field(default_factory=dict)
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
        """Return the result up to an epoch.

        The seconds of the evaluations are not known one by one, so the result has a proportional
        share of them.
        """
        if epoch >= len(self.epochs):
            return self
        kept = self.epochs[:epoch]
        return replace(
            self,
            epochs=kept,
            train_seconds=sum(record.seconds for record in kept),
            evaluate_seconds=self.evaluate_seconds * epoch / len(self.epochs),
            stopped="paused",
            network=None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the network, of JSON's types."""
        names = [field.name for field in fields(self) if field.name != "network"]
        entries = {"nasmeta_training": FORMAT} | {name: getattr(self, name) for name in names}
        entries["epochs"] = [asdict(epoch) for epoch in self.epochs]
        return entries


def read_result(folder: str | Path) -> TrainingResult:
    """Read the result of a finished training from its folder.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.training import ImageDataset, Recipe, read_result, train
    >>> few = ImageDataset.load("digits").subset(16)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = train(6111, few, Recipe.load("tiny", epochs=1), folder=folder, device="cpu")
    ...     read_result(folder) == result
    True
    """
    with intact(Path(folder) / RESULT_FILE) as content:
        entries = json.loads(content)
        entries.pop("file", None)
        if entries.pop("nasmeta_training") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        entries["epochs"] = tuple(EpochRecord(**epoch) for epoch in entries["epochs"])
        return TrainingResult(**entries)


# called with the number of finished epochs and a note about the last epoch
Tell = Callable[[float, str], object]


def note_of(record: EpochRecord) -> str:
    """Return the loss and the accuracies of an epoch in words."""
    note = f"loss {record.train_loss:.3f}, train {record.train_accuracy:.2f} %"
    if record.valid_accuracy is not None:
        note += f", valid {record.valid_accuracy:.2f} %"
    return note
