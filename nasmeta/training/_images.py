"""A batch of images and labels: scikit-learn's digits, which need no download, or a folder of images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.training._dataset import checked_size
from nasmeta.training._image_files import files_by_class, read_digits, read_pictures, resized


@dataclass(frozen=True)
class ImageBatch:
    """Images, ready for a network, and their labels."""

    images: NDArray[np.float32]  # (n, 3, size, size), standardised by mean and deviation of the batch, per channel
    labels: NDArray[np.int64]  # (n,)
    n_classes: int
    source: str  # digits, or the name of the folder

    def sha256(self) -> str:
        """Return the checksum of pixels and labels, by which two batches are told apart."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()


def load_images(source: str | Path = "digits", n: int = 32, size: int = 16, seed: int = 0) -> ImageBatch:
    """Draw a batch of images, of all classes as evenly as possible.

    ``digits`` are scikit-learn's 1,797 handwritten digits (8×8 grey values, ten classes). Any other source is a folder
    with one folder of images for each class (the ImageFolder layout); greyscale images get three channels. They are at
    least 2, as a batch norm over one image of one pixel has no deviation, and scaled (bilinear) to `size` pixels a
    side, a multiple of 4 and at least 8.

    >>> batch = load_images("digits", n=20, size=16)
    >>> batch.images.shape, batch.n_classes, sorted(set(batch.labels.tolist()))
    ((20, 3, 16, 16), 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    n, size = check_int("n", n, 2), checked_size(size, 8)
    rng = np.random.default_rng(check_int("seed", seed, 0))
    folder = Path(source)
    if source == "digits":
        digits = read_digits(folder, None)
        labels, n_classes, name = digits.labels, 10, "digits"
        chosen = _balanced_sample(labels, n, rng)
        bytes_read = resized(digits.images[chosen], size)
    else:
        files, labels, n_classes = _listed(folder)
        chosen, name = _balanced_sample(labels, n, rng), folder.resolve().name
        bytes_read = read_pictures([files[position] for position in chosen.tolist()], size)
    pixels, labels = bytes_read / 255, labels[chosen]
    mean, deviation = pixels.mean(axis=(0, 2, 3), keepdims=True), pixels.std(axis=(0, 2, 3), keepdims=True)
    images = (pixels - mean) / np.maximum(deviation, 1e-6)
    return ImageBatch(np.ascontiguousarray(images, dtype=np.float32), labels, n_classes, name)


def _balanced_sample(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n positions, class after class in turn, without repetition."""
    if n > len(labels):
        raise SettingError(f"There are {len(labels):,} images, so a batch cannot have {n:,}.")
    order = rng.permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)  # how many of its class come before an image
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        turn[of_class] = np.arange(len(of_class))
    return order[np.argsort(turn[order], kind="stable")][:n]


def _listed(folder: Path) -> tuple[list[Path], NDArray[np.int64], int]:
    """Return the files of images, their labels, and how many classes there are."""
    layout = "A folder of images has one folder for each class, with its images inside"
    if not folder.is_dir():
        raise SettingError(f"{str(folder)!r} is neither 'digits' nor a folder. {layout}.")
    found = list(files_by_class(folder).values())
    if len(found) < 2:
        raise SettingError(
            f"{folder} has {'images of one class' if found else 'no images'}; two classes are needed. {layout}."
        )
    labels = np.repeat(np.arange(len(found)), [len(inside) for inside in found])
    return [file for inside in found for file in inside], labels, len(found)
