"""Readers of published image datasets, into arrays of uint8.

Unlike torchvision's readers, these restrict pickles to containers and arrays, and do not depend on its release.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.pickles import NUMPY_ARRAYS, PickledArray, restricted_load
from nasmeta.progress import Bar, progress_bar
from nasmeta.registry import Registry

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageSource:
    """The content of a source. Images for training are first, then those for validation, then those for test."""

    images: Pixels
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    n_test: int = 0
    n_valid: int = 0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    flips: bool = True


Reader: TypeAlias = Callable[[Path, "int | None", bool], ImageSource]
"""Takes a folder, the size to which images of different sizes are scaled, and whether to show a progress bar."""

READERS: Registry[Reader] = Registry("dataset")

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def _coloured(grey: Pixels) -> Pixels:
    """Return grey images, shape (n, height, width), with three equal channels."""
    return np.ascontiguousarray(np.repeat(grey[:, None], 3, axis=1))


def _as_rgb(picture: Any) -> Any:
    """Return a picture of Pillow with three channels. Pillow would clip values of more than 8 bits at 255."""
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"its values have more than 8 bits (mode {picture.mode}); write it with 8 bits")
    return picture.convert("RGB")


def resized(images: Pixels, size: int) -> Pixels:
    """Scale images, shape (n, 3, height, width), to a square (bilinear)."""
    from PIL import Image

    scaled = np.empty((len(images), 3, size, size), dtype=np.uint8)
    for position, image in enumerate(images):
        picture = Image.fromarray(image.transpose(1, 2, 0)).resize((size, size), Image.Resampling.BILINEAR)
        scaled[position] = np.asarray(picture).transpose(2, 0, 1)
    return scaled


def _require_file(path: Path, how: str) -> None:
    if not path.is_file():
        raise SettingError(f"There is no file {path}. {how} For a folder of image files, write folder:PATH.")


def _batch(path: Path) -> dict[str, Any]:
    """Read a batch pickled by Python 2 or 3."""
    with path.open("rb") as stream:
        batch = restricted_load(stream, NUMPY_ARRAYS, encoding="latin1")
    # keys are bytes if Python 3 pickled again what it had read from Python 2
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in batch.items()}


def _images_of(path: Path, labels_key: str, size: int) -> tuple[Pixels, NDArray[np.int64]]:
    batch = _batch(path)
    try:
        pixels, labels = (
            found.to_numpy() if isinstance(found, PickledArray) else np.asarray(found)
            for found in (batch["data"], batch[labels_key])
        )
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * size * size):
            raise ValueError(f"data of shape {pixels.shape} and kind {pixels.dtype}, {len(labels)} labels")
    except (KeyError, ValueError, TypeError) as reason:
        raise DamagedFileError(f"{path} is not a batch of {size}×{size} images: {reason}.") from reason
    return pixels.reshape(-1, 3, size, size), labels.astype(np.int64)


def _over_255(*values: float) -> tuple[float, ...]:
    return tuple(value / 255 for value in values)


@READERS.register("digits")
def read_digits(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Return scikit-learn's digits, which are part of that package."""
    from sklearn.datasets import load_digits

    data = load_digits()
    grey = np.round(np.asarray(data.images) * (255 / 16)).astype(np.uint8)
    return ImageSource(_coloured(grey), np.asarray(data.target, dtype=np.int64), tuple("0123456789"), flips=False)


@dataclass(frozen=True)
class _Cifar:
    """The official Python batches of CIFAR-10 or CIFAR-100."""

    name: str
    folder: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels_key: str
    names_key: str
    n_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def read(self, path: Path, size: int | None, progress: bool) -> ImageSource:
        """Read CIFAR's official Python batches."""
        folder = path / self.folder if (path / self.folder).is_dir() else path
        read = []
        for name in (*self.train, self.test):
            _require_file(folder / name, f"torchvision.datasets.{self.name}(PATH, download=True) fetches the files.")
            read.append(_images_of(folder / name, self.labels_key, 32))
        names: Sequence[Any] = range(self.n_classes)
        if (folder / self.meta).is_file():
            names = _batch(folder / self.meta).get(self.names_key, names)
        images, labels = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
        return ImageSource(images, labels, tuple(map(str, names)), len(read[-1][1]), mean=self.mean, std=self.std)


READERS.register("cifar10")(
    _Cifar(
        "CIFAR10", "cifar-10-batches-py", tuple(f"data_batch_{number}" for number in range(1, 6)), "test_batch",
        "batches.meta", "labels", "label_names", 10, _over_255(125.3, 123.0, 113.9), _over_255(63.0, 62.1, 66.7),
    ).read
)  # fmt: skip
READERS.register("cifar100")(
    _Cifar(
        "CIFAR100", "cifar-100-python", ("train",), "test", "meta", "fine_labels", "fine_label_names", 100,
        _over_255(129.3, 124.1, 112.4), _over_255(68.2, 65.4, 70.4),
    ).read
)  # fmt: skip


@READERS.register("imagenet16-120")
def read_imagenet16(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the first 120 classes of the official batches of ImageNet at 16×16 pixels."""
    folder = path / "ImageNet16" if (path / "ImageNet16").is_dir() else path
    names = [f"train_data_batch_{number}" for number in range(1, 11)] + ["val_data"]
    read = []
    for name in names:
        _require_file(folder / name, "Download ImageNet16 from image-net.org (downsampled images, 16×16).")
        images, labels = _images_of(folder / name, "labels", 16)
        kept = labels <= 120
        read.append((images[kept], labels[kept] - 1))
    images, labels = (np.concatenate(arrays) for arrays in zip(*read, strict=True))
    mean, std = _over_255(122.68, 116.66, 104.01), _over_255(63.22, 61.26, 65.09)
    classes = tuple(str(number) for number in range(1, 121))
    return ImageSource(images, labels, classes, len(read[-1][1]), mean=mean, std=std)


def _idx(path: Path, n_dimensions: int) -> Pixels:
    """Read a gzipped IDX file of bytes: two zeros, the kind 8, the number of dimensions, their sizes, the values."""
    _require_file(path, "torchvision.datasets.FashionMNIST(PATH, download=True) fetches the files.")
    try:
        with gzip.open(path) as stream:
            content = stream.read()
        if content[:4] != bytes((0, 0, 8, n_dimensions)):
            raise ValueError("it is not an IDX file of bytes")
        shape = np.frombuffer(content, dtype=">u4", count=n_dimensions, offset=4).astype(int)
        return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error) as reason:
        raise DamagedFileError(f"{path} cannot be read: {reason}.") from reason


@READERS.register("fashion-mnist")
def read_fashion_mnist(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the four gzipped IDX files."""
    folder = path
    if (folder / "FashionMNIST" / "raw").is_dir():
        folder = folder / "FashionMNIST" / "raw"  # as torchvision keeps it
    read = {
        kind: [_idx(folder / f"{part}-{kind}-ubyte.gz", n_dimensions) for part in ("train", "t10k")]
        for kind, n_dimensions in (("images-idx3", 3), ("labels-idx1", 1))
    }
    images, labels = (np.concatenate(arrays) for arrays in read.values())
    n_test = len(read["labels-idx1"][1])
    names = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    return ImageSource(_coloured(images), labels.astype(np.int64), names, n_test)


_LAYOUT = (
    "A folder of images contains one folder of images per class, or train/, and optionally test/ and valid/, with such "
    "folders."
)


def _files_by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the image files of each class, classes and files in alphabetical order; each class must have some."""
    found = {}
    for entry in _folders(folder):
        found[entry.name] = sorted(f for f in entry.rglob("*") if f.is_file() and not f.name.startswith("."))
    if len(found) < 2 or not all(found.values()):
        counts = {name: len(files) for name, files in found.items()}
        raise SettingError("images per class", counts, "two or more classes with images", _LAYOUT)
    return found


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


@READERS.register("folder")
def read_folder(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read a folder of images; grey ones get three channels."""
    inside = {entry.name for entry in _folders(path)}
    splits = [name for name in ("train", "valid", "val", "test") if name in inside]
    if splits and (inside - {*splits} or "train" not in inside or {"valid", "val"} <= inside):
        raise SettingError(f"folders in {path}", sorted(inside), "train, valid and test", _LAYOUT)
    listed = {name: _files_by_class(path / name) for name in (splits if splits else ("",))}
    classes = tuple(next(iter(listed.values())))
    counts, labels, files = dict[str, int](), list[int](), list[Path]()
    for name, found in listed.items():
        if tuple(found) != classes:
            raise SettingError(f"classes of {name}", tuple(found), f"{classes}, the classes of train")
        counts[name] = sum(map(len, found.values()))
        for label, of_class in enumerate(found.values()):
            labels += [label] * len(of_class)
            files += of_class
    n_valid = counts.get("valid", counts.get("val", 0))
    with progress_bar("images", len(files), shown=progress) as bar:
        pixels = _read_pictures(files, size, bar)
    return ImageSource(pixels, np.array(labels), classes, counts.get("test", 0), n_valid)


def _read_pictures(paths: Sequence[Path], size: int | None, bar: Bar) -> Pixels:
    """Read image files, which must have one size unless they are scaled."""
    from PIL import Image

    images: Pixels | None = None
    for position, path in enumerate(paths):
        try:
            with Image.open(path) as opened:
                picture = _as_rgb(opened)
                if size is not None and picture.size != (size, size):
                    picture = picture.resize((size, size), Image.Resampling.BILINEAR)
                pixels = np.asarray(picture).transpose(2, 0, 1)
        except Exception as reason:  # a damaged image may fail with nearly any exception
            raise DamagedFileError(f"{path} cannot be read as an image: {reason}.") from reason
        if images is None:
            images = np.empty((len(paths), *pixels.shape), dtype=np.uint8)
        if pixels.shape != images.shape[1:]:
            raise SettingError(f"shape of {path}", pixels.shape, f"{images.shape[1:]}", "Or scale images: size=32.")
        images[position] = pixels
        bar.advance()
    assert images is not None
    return images
