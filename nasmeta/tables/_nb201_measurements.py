"""The measurements of NAS-Bench-201: (dataset, split, epochs) and their official names."""

from __future__ import annotations

from typing import NamedTuple


class Measurement(NamedTuple):
    """One (dataset, split) that NAS-Bench-201 measured after 12 and after 200 epochs."""

    dataset: str  # this and the split are our names
    split: str
    run: str  # this and the next are the official names
    official_split: str
    meaning: str

    @property
    def official(self) -> str:
        """The official names and their meaning."""
        return f"{self.run} / {self.official_split}; {self.meaning}"


EPOCHS = (12, 200)  # two separate trainings with different learning-rate schedules


def _of_training_set(dataset: str, run: str) -> list[Measurement]:
    """Return the measurements of networks that were trained on a whole training set."""
    all_test_images = "all official test images, x-valid and x-test together"
    return [
        Measurement(dataset, "train", run, "train", "measured on the training set"),
        Measurement(dataset, "valid", run, "x-valid", "half of the official test images"),
        Measurement(dataset, "test", run, "x-test", "the other half of the official test images"),
        Measurement(dataset, "valid+test", run, "ori-test", all_test_images),
    ]


_HALF = "trained on 25,000 images"
_ALL = "trained on all 50,000 images"
MEASUREMENTS = (
    Measurement("cifar10", "train", "cifar10-valid", "train", _HALF + ", measured on these"),
    Measurement(
        "cifar10", "valid", "cifar10-valid", "x-valid", _HALF + ", measured on the other 25,000"
    ),
    Measurement(
        "cifar10-valid", "test", "cifar10-valid", "ori-test", _HALF + ", measured on the test set"
    ),
    Measurement("cifar10", "train+valid", "cifar10", "train", _ALL + ", measured on these"),
    Measurement("cifar10", "test", "cifar10", "ori-test", _ALL + ", measured on the test set"),
    *_of_training_set("cifar100", "cifar100"),
    *_of_training_set("imagenet16-120", "ImageNet16-120"),
)
_BY_OUR_NAME = {
    (measurement.dataset, measurement.split): measurement for measurement in MEASUREMENTS
}
# Our cifar10 / train is from the run cifar10-valid; the split train of the run cifar10 is our
# train+valid.
_ALIASES = {
    **{
        (measurement.run.lower(), measurement.official_split): measurement
        for measurement in MEASUREMENTS
    },
    **_BY_OUR_NAME,
    ("cifar10-valid", "train"): _BY_OUR_NAME["cifar10", "train"],
    ("cifar10-valid", "valid"): _BY_OUR_NAME["cifar10", "valid"],
    ("cifar10", "x-valid"): _BY_OUR_NAME["cifar10", "valid"],
}


def our_name(dataset: str, split: str | None) -> tuple[str, str | None]:
    """Return our names of an official dataset and split; other names are returned unchanged."""
    measurement = _ALIASES.get((dataset, split or ""))
    if measurement is None:
        return dataset, split
    return measurement.dataset, measurement.split


def official_name(dataset: str, split: str) -> str:
    """Return the official names of a dataset and split, and their meaning."""
    return _BY_OUR_NAME[dataset, split].official


def trained_on(dataset: str, split: str | None) -> str | None:
    """Return the training images of the networks, for datasets with several training sets."""
    measurement = _BY_OUR_NAME.get((dataset, split or ""))
    if measurement is None or not measurement.meaning.startswith("trained on"):
        return None
    return measurement.meaning.partition(", measured")[0]
