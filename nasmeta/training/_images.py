"""A batch of images and labels: scikit-learn's digits, which need no download, or a folder of images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.training._image_files import as_rgb

__all__ = ["ImageBatch", "load_images"]

_ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageBatch:
    """Images, ready for a network, and their labels.

    Attributes
    ----------
    images : ndarray of float32, shape (n, 3, size, size)
        Standardised by mean and standard deviation of the batch, per channel.
    labels : ndarray of int64, shape (n,)
    n_classes : int
    source : str
        ``digits``, or the name of the folder.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    n_classes: int
    source: str

    def sha256(self) -> str:
        """Return the checksum of pixels and labels, by which two batches are told apart."""
        return hashlib.sha256(self.images.tobytes() + self.labels.tobytes()).hexdigest()


def load_images(source: str | Path = "digits", n: int = 32, size: int = 16, seed: int = 0) -> ImageBatch:
    """Draw a batch of images, of all classes as evenly as possible.

    Parameters
    ----------
    source : str or Path, default "digits"
        ``digits`` are scikit-learn's 1,797 handwritten digits (8×8 grey values, ten classes). Anything else is a folder
        with one folder of images for each class (the ImageFolder layout); greyscale images get three channels.
    n : int, default 32
        How many images; at least 2, as a batch norm over one image of one pixel has no deviation.
    size : int, default 16
        Height and width in pixels, to which images are scaled (bilinear); a multiple of 4, at least 8.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    ImageBatch

    Raises
    ------
    SettingError
        Where the folder has no classes, or fewer images than asked for.
    DamagedFileError
        Where a file is no image.

    Examples
    --------
    >>> batch = load_images("digits", n=20, size=16)
    >>> batch.images.shape, batch.n_classes, sorted(set(batch.labels.tolist()))
    ((20, 3, 16, 16), 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    for name, value, least in (("n", n, 2), ("size", size, 8)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise SettingError(f"{name} is a whole number from {least}, not {value!r}.")
    if size % 4:
        raise SettingError(f"size is a multiple of 4, as the network halves images twice, not {size}.")
    rng = np.random.default_rng(seed)
    if source == "digits":
        pixels, labels, n_classes = _digits(n, size, rng)
        name = "digits"
    else:
        pixels, labels, n_classes = _folder(Path(source), n, size, rng)
        name = Path(source).resolve().name
    mean, deviation = pixels.mean(axis=(0, 2, 3), keepdims=True), pixels.std(axis=(0, 2, 3), keepdims=True)
    images = (pixels - mean) / np.maximum(deviation, 1e-6)
    return ImageBatch(np.ascontiguousarray(images, dtype=np.float32), labels, n_classes, name)


def _drawn(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw n positions, class after class in turn, without repetition."""
    if n > len(labels):
        raise SettingError(f"There are {len(labels):,} images, so a batch cannot have {n:,}.")
    order = rng.permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)  # how many of its class come before an image
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        turn[of_class] = np.arange(len(of_class))
    return order[np.argsort(turn[order], kind="stable")][:n]


def _resized(image: Any, size: int) -> NDArray[np.float64]:
    from PIL import Image

    scaled = as_rgb(image).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(scaled, dtype=np.float64).transpose(2, 0, 1) / 255


def _digits(n: int, size: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    labels = np.asarray(data.target, dtype=np.int64)
    chosen = _drawn(labels, n, rng)
    grey = np.round(np.asarray(data.images)[chosen] * (255 / 16)).astype(np.uint8)
    return np.stack([_resized(Image.fromarray(image), size) for image in grey]), labels[chosen], 10


def _folder(
    folder: Path, n: int, size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    from PIL import Image, UnidentifiedImageError

    layout = "A folder of images has one folder for each class, with its images inside"
    if not folder.is_dir():
        raise SettingError(f"{str(folder)!r} is neither 'digits' nor a folder. {layout}.")
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    files, labels = [], []
    for label, entry in enumerate(classes):
        inside = sorted(file for file in entry.rglob("*") if file.suffix.lower() in _ENDINGS)
        files += inside
        labels += [label] * len(inside)
    if not files or len(set(labels)) < 2:
        raise SettingError(f"{folder} has images of {len(set(labels))} classes; two are needed. {layout}.")
    chosen = _drawn(np.array(labels), n, rng)
    pixels = []
    for position in chosen.tolist():
        try:
            with Image.open(files[position]) as image:
                pixels.append(_resized(image, size))
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as reason:
            raise DamagedFileError(f"{files[position]} cannot be read as an image: {reason}.") from reason
    return np.stack(pixels), np.array(labels, dtype=np.int64)[chosen], len(classes)
