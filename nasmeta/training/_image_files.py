"""Readers of published image datasets, into arrays of uint8.

Unlike torchvision's readers, these restrict pickles to containers and arrays, and do not depend on
its release.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Integers
from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.pickles import NUMPY_ARRAYS, PickledArray, restricted_load
from nasmeta.progress import Bar, progress_bar
from nasmeta.registry import Registry

Pixels: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class ImageSource:
    """The content of a source. Images for training are first, then those for validation, then those for test."""

    images: Pixels
    labels: Integers
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
        raise ValueError(
            f"its values have more than 8 bits (mode {picture.mode}); write it with 8 bits"
        )
    return picture.convert("RGB")


def resized(images: Pixels, size: int) -> Pixels:
    """Scale images, shape (n, 3, height, width), to a square (bilinear)."""
    from PIL import Image

    scaled = np.empty((len(images), 3, size, size), dtype=np.uint8)
    for position, image in enumerate(images):
        picture = Image.fromarray(image.transpose(1, 2, 0))  # channels last
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
        scaled[position] = np.asarray(picture).transpose(2, 0, 1)
    return scaled


def _inside(path: Path, *names: str) -> Path:
    """Return the folder that a download contains, or the path itself."""
    inside = path.joinpath(*names)
    return inside if inside.is_dir() else path


def _batch(path: Path) -> dict[str, Any]:
    """Read a batch pickled by Python 2 or 3."""
    with path.open("rb") as stream:
        batch = restricted_load(stream, NUMPY_ARRAYS, encoding="latin1")
    named = {}
    for key, value in batch.items():
        if isinstance(key, bytes):  # Python 3 pickled again what it had read from Python 2
            key = key.decode("latin1")
        named[str(key)] = value
    return named


def _class_names(path: Path, key: str) -> list[str]:
    names = _batch(path).get(key)
    if not isinstance(names, list):
        raise DamagedFileError(f"{path} has no list {key}.")
    return names


def _images_of(path: Path, labels_key: str, size: int) -> tuple[Pixels, Integers]:
    batch = _batch(path)
    try:
        pixels, labels = _as_array(batch["data"]), _as_array(batch[labels_key])
        images = pixels.astype(np.uint8, casting="safe", copy=False)
        images = images.reshape(len(labels), 3, size, size)
    except (KeyError, ValueError, TypeError) as reason:
        raise DamagedFileError(
            f"{path} is not a batch of {size}×{size} images: {reason}."
        ) from reason
    return images, labels.astype(np.int64)


def _as_array(array: Any) -> Any:
    if isinstance(array, PickledArray):
        return array.to_numpy()
    return np.asarray(array)


# Mean and standard deviation of each channel, of pixels from 0 to 255, as in the official code of
# NAS-Bench-201.
_STATISTICS = {
    "cifar10": ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    "cifar100": ((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    "imagenet16-120": ((122.68, 116.66, 104.01), (63.22, 61.26, 65.09)),
}


def _joined(
    kind: str, batches: Iterable[tuple[Pixels, Integers]], classes: Iterable[object]
) -> ImageSource:
    """Join official batches; the last one contains the images for test."""
    images, labels = zip(*batches, strict=True)
    mean, std = np.array(_STATISTICS[kind]) / 255
    return ImageSource(
        images=np.concatenate(images),
        labels=np.concatenate(labels),
        classes=tuple(map(str, classes)),
        n_test=len(labels[-1]),
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
    )


@READERS.register("digits")
def read_digits(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Return scikit-learn's digits, which are part of that package."""
    from sklearn.datasets import load_digits

    data = load_digits()
    grey = np.round(np.asarray(data.images) * (255 / 16)).astype(np.uint8)  # from 0 to 16
    labels = np.asarray(data.target, dtype=np.int64)
    return ImageSource(_coloured(grey), labels, tuple("0123456789"), flips=False)


@READERS.register("cifar10")
def read_cifar10(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the official Python batches of CIFAR-10."""
    folder = _inside(path, "cifar-10-batches-py")
    names = [f"data_batch_{number}" for number in range(1, 6)]
    batches = (_images_of(folder / name, "labels", 32) for name in [*names, "test_batch"])
    return _joined("cifar10", batches, _class_names(folder / "batches.meta", "label_names"))


@READERS.register("cifar100")
def read_cifar100(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the official Python batches of CIFAR-100."""
    folder = _inside(path, "cifar-100-python")
    batches = (_images_of(folder / name, "fine_labels", 32) for name in ("train", "test"))
    return _joined("cifar100", batches, _class_names(folder / "meta", "fine_label_names"))


@READERS.register("imagenet16-120")
def read_imagenet16(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the first 120 classes of the official batches of ImageNet at 16×16 pixels."""
    folder = _inside(path, "ImageNet16")
    names = [f"train_data_batch_{number}" for number in range(1, 11)]
    batches = []
    for name in [*names, "val_data"]:
        images, labels = _images_of(folder / name, "labels", 16)
        kept = labels <= 120
        batches.append((images[kept], labels[kept] - 1))
    return _joined("imagenet16-120", batches, range(1, 121))


def _idx(path: Path, n_dimensions: int) -> Pixels:
    """Read a gzipped IDX file of bytes: two zeros, the kind 8, the number of dimensions, their sizes, the values."""
    compressed = path.read_bytes()
    try:
        content = gzip.decompress(compressed)
        shape = np.frombuffer(content, dtype=">u4", count=n_dimensions, offset=4).astype(int)
        return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * n_dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error) as reason:
        raise DamagedFileError(f"{path} cannot be read: {reason}.") from reason


@READERS.register("fashion-mnist")
def read_fashion_mnist(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read the four gzipped IDX files."""
    folder = _inside(path, "FashionMNIST", "raw")  # as torchvision keeps it
    images, labels = [], []
    for part in ("train", "t10k"):
        images.append(_idx(folder / f"{part}-images-idx3-ubyte.gz", 3))
        labels.append(_idx(folder / f"{part}-labels-idx1-ubyte.gz", 1))
    names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    return ImageSource(
        images=_coloured(np.concatenate(images)),
        labels=np.concatenate(labels).astype(np.int64),
        classes=names,
        n_test=len(labels[-1]),
    )


_LAYOUT = (
    "A folder of images contains one folder of images per class, or train/, and optionally test/ and valid/, with such "
    "folders."
)


def _files_by_class(folder: Path) -> dict[str, list[Path]]:
    """Return the image files of each class, classes and files in alphabetical order; each class must have some."""
    files = {}
    for entry in _folders(folder):
        files[entry.name] = sorted(file for file in entry.rglob("[!.]*") if file.is_file())
    if len(files) < 2 or not all(files.values()):
        counts = {name: len(of_class) for name, of_class in files.items()}
        raise SettingError("images per class", counts, "two or more classes with images", _LAYOUT)
    return files


def _folders(folder: Path) -> list[Path]:
    folders = [entry for entry in folder.iterdir() if entry.is_dir()]
    return sorted(entry for entry in folders if not entry.name.startswith("."))


@READERS.register("folder")
def read_folder(path: Path, size: int | None, progress: bool) -> ImageSource:
    """Read a folder of images; grey ones get three channels."""
    inside = {entry.name for entry in _folders(path)}
    splits = [name for name in ("train", "valid", "val", "test") if name in inside]
    if splits and (inside - {*splits} or "train" not in inside):
        raise SettingError(f"folders in {path}", sorted(inside), "train, valid and test", _LAYOUT)
    listed = {name: _files_by_class(path / name) for name in splits or ("",)}
    classes = tuple(next(iter(listed.values())))
    counts, labels, files = Counter[str](), list[int](), list[Path]()
    for name, by_class in listed.items():
        if tuple(by_class) != classes:
            expected = f"{classes}, the classes of train"
            raise SettingError(f"classes of {name}", tuple(by_class), expected)
        for label, of_class in enumerate(by_class.values()):
            counts[name] += len(of_class)
            labels += [label] * len(of_class)
            files += of_class
    with progress_bar("images", len(files), shown=progress) as bar:
        pixels = _read_pictures(files, size, bar)
    n_valid = counts["valid"] + counts["val"]
    return ImageSource(pixels, np.array(labels), classes, counts["test"], n_valid)


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
            raise SettingError(
                f"shape of {path}", pixels.shape, f"{images.shape[1:]}", "Or scale images: size=32."
            )
        images[position] = pixels
        bar.advance()
    assert images is not None
    return images
