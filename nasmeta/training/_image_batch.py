"""A batch of images and labels for zero-cost proxies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Floats32, Integers
from nasmeta.checks import check_int
from nasmeta.training._dataset import ImageDataset, checked_size


@dataclass(frozen=True)
class ImageBatch:
    """Standardised images and their labels."""

    images: (
        Floats32  # (n, 3, size, size), standardised by mean and deviation of the batch, per channel
    )
    labels: Integers  # (n,)
    n_classes: int
    source: str  # digits, or the name of the folder

    def sha256(self) -> str:
        """Return the checksum of pixels and labels."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()


def load_images(source: str = "digits", n: int = 32, size: int = 16, seed: int = 0) -> ImageBatch:
    """Draw a batch of n ≥ 2 images of a source of `ImageDataset.load`, from all classes as evenly as possible.

    Images are scaled (bilinear) to `size` pixels in height and width, a multiple of 4 and at least
    8.

    >>> batch = load_images("digits", n=20, size=16)
    >>> batch.images.shape, batch.n_classes, sorted(set(batch.labels.tolist()))
    ((20, 3, 16, 16), 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    dataset = ImageDataset.load(source, size=checked_size(size, 8))
    chosen = _balanced_sample(dataset.labels, check_int("n", n, 2), np.random.default_rng(seed))
    pixels = dataset.images[chosen] / 255
    mean = pixels.mean(axis=(0, 2, 3), keepdims=True)  # shape (1, 3, 1, 1)
    deviation = pixels.std(axis=(0, 2, 3), keepdims=True)
    standardised = (pixels - mean) / np.maximum(deviation, 1e-6)
    images = np.ascontiguousarray(standardised, dtype=np.float32)
    return ImageBatch(images, dataset.labels[chosen], dataset.n_classes, dataset.name)


def _balanced_sample(labels: Integers, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n different positions, with the classes in turn."""
    order = rng.permutation(len(labels))
    # number of images of the same class before an image
    turn = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        turn[of_class] = np.arange(len(of_class))
    return order[np.argsort(turn[order], kind="stable")][:n]
