"""A batch of images and labels for zero-cost proxies."""

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
    """Standardised images and their labels."""

    images: NDArray[np.float32]  # (n, 3, size, size), standardised by mean and deviation of the batch, per channel
    labels: NDArray[np.int64]  # (n,)
    n_classes: int
    source: str  # digits, or the name of the folder

    def sha256(self) -> str:
        """Return the checksum of pixels and labels."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()


def load_images(source: str | Path = "digits", n: int = 32, size: int = 16, seed: int = 0) -> ImageBatch:
    """Draw a batch of n ≥ 2 images, from all classes as evenly as possible.

    ``digits`` are scikit-learn's 1,797 handwritten digits (8×8 grey values, ten classes). Any other source is a folder
    with one folder of images per class (the ImageFolder layout); grey images have three equal channels. Images are
    scaled (bilinear) to `size` pixels in height and width, a multiple of 4 and at least 8.

    >>> batch = load_images("digits", n=20, size=16)
    >>> batch.images.shape, batch.n_classes, sorted(set(batch.labels.tolist()))
    ((20, 3, 16, 16), 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    n, size = check_int("n", n, 2), checked_size(size, 8)
    rng, folder = np.random.default_rng(seed), Path(source)
    if source == "digits":
        digits = read_digits(folder, None)
        labels, n_classes, name = digits.labels, 10, "digits"
        chosen = _balanced_sample(labels, n, rng)
        bytes_read = resized(digits.images[chosen], size)
    else:
        found = files_by_class(folder)
        files, n_classes = [file for inside in found.values() for file in inside], len(found)
        labels = np.repeat(np.arange(n_classes), [len(inside) for inside in found.values()])
        chosen, name = _balanced_sample(labels, n, rng), folder.resolve().name
        bytes_read = read_pictures([files[position] for position in chosen.tolist()], size)
    pixels, labels = bytes_read / 255, labels[chosen]
    mean, deviation = pixels.mean(axis=(0, 2, 3), keepdims=True), pixels.std(axis=(0, 2, 3), keepdims=True)
    images = (pixels - mean) / np.maximum(deviation, 1e-6)
    return ImageBatch(np.ascontiguousarray(images, dtype=np.float32), labels, n_classes, name)


def _balanced_sample(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n different positions, with the classes in turn."""
    if n > len(labels):
        raise SettingError("n", n, f"at most {len(labels)}, the number of images")
    order = rng.permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)  # number of images of the same class before an image
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        turn[of_class] = np.arange(len(of_class))
    return order[np.argsort(turn[order], kind="stable")][:n]
