"""Image data sets in memory, with fixed and recorded splits. PyTorch is not needed to read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import checked_whole
from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.registry import Registry
from nasmeta.training import _image_files as files
from nasmeta.training._image_files import Pixels

__all__ = ["SPLITS", "ImageDataset", "dataset_names", "dataset_options", "default_split", "load_dataset"]

SPLITS = ("train", "valid", "test")
_HALVED = ("cifar10", "cifar100", "imagenet16-120")
_TEST_SHARE = 0.2  # where the source has no test images of its own


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images, labels, and which of them are for training, validation and test.

    Attributes
    ----------
    name : str
        Of the data set, as tables call it, or of the folder.
    images : ndarray of uint8, shape (n, 3, height, width)
    labels : ndarray of int64, shape (n,)
    classes : tuple of str
    splits : mapping of str to ndarray of int64
        Ascending positions of ``train``, ``valid`` and ``test``. They do not overlap; ``valid`` may be empty.
    mean, deviation : tuple of float, of length 3
        Per channel, of pixels from 0 to 1; by these images are standardised.
    flips : bool
        Whether a mirrored image is still one of its class.
    facts : mapping
        How it was read and split, of JSON's types.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    splits: Mapping[str, NDArray[np.int64]]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    flips: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[2], self.images.shape[3]

    def split_sha256(self) -> str:
        """Return the checksum of the splits, by which two trainings are known to have seen the same images."""
        digest = hashlib.sha256()
        for name in SPLITS:
            digest.update(f"{name}:{len(self.splits[name])}\n".encode())
            digest.update(np.ascontiguousarray(self.splits[name], dtype="<i8").tobytes())
        return digest.hexdigest()

    def sha256(self) -> str:
        """Return the checksum of pixels and labels."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").tobytes())
        return digest.hexdigest()

    def subset(self, n: int, seed: int = 0) -> ImageDataset:
        """Return a smaller data set: at most n images of each split, drawn at random, standardised as before."""
        n = checked_whole("n", n)
        rng = np.random.default_rng(seed)
        chosen = {name: np.sort(rng.permutation(self.splits[name])[:n]) for name in SPLITS}
        kept = np.sort(np.concatenate(list(chosen.values())))
        return ImageDataset(
            self.name,
            self.images[kept],
            self.labels[kept],
            self.classes,
            {name: np.searchsorted(kept, positions) for name, positions in chosen.items()},
            self.mean,
            self.deviation,
            self.flips,
            {**self.facts, "subset": n, "subset_seed": seed},
        )


@dataclass(frozen=True)
class _Source:
    """What is read: images with those of the source's own test set last, and what is known about them."""

    images: Pixels
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    n_test: int = 0
    n_valid: int = 0  # before those of the test set
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None
    flips: bool = True


_SOURCES: Registry[Any] = Registry("data set")


def dataset_names() -> list[str]:
    """Return the kinds of data sets that `load_dataset` knows.

    Examples
    --------
    >>> dataset_names()
    ['cifar10', 'cifar100', 'digits', 'fashion-mnist', 'folder', 'imagenet16-120']
    """
    return sorted(_SOURCES)


def default_split(data: str) -> str:
    """Return how a data set is split where nobody says: as the tables' was, where a table is about it.

    Examples
    --------
    >>> default_split("cifar10:images"), default_split("digits")
    ('nb201', 'fraction')
    """
    return "nb201" if str(data).partition(":")[0].lower() in _HALVED else "fraction"


def dataset_options(
    data: str, split: str | Path | None = None, valid_fraction: float | None = None, size: int | None = None
) -> dict[str, Any]:
    """Return the keyword arguments of `load_dataset`, the split as the tables have it where nobody says.

    Raises
    ------
    SettingError
        Where a fraction is given with a split that has none.

    Examples
    --------
    >>> dataset_options("cifar10:images"), dataset_options("digits", valid_fraction=0.2)
    ({'split': 'nb201', 'size': None}, {'split': 'fraction', 'valid_fraction': 0.2, 'size': None})
    """
    if valid_fraction is None:
        return {"split": default_split(data) if split is None else split, "size": size}
    if split not in (None, "fraction"):
        raise SettingError(f"A valid fraction is for the split fraction, not for {split}: leave out one of them.")
    return {"split": "fraction", "valid_fraction": valid_fraction, "size": size}


def load_dataset(
    source: str,
    *,
    split: str | Path = "fraction",
    valid_fraction: float = 0.1,
    split_seed: int = 0,
    size: int | None = None,
) -> ImageDataset:
    """Read a data set whole into memory, and split it.

    Parameters
    ----------
    source : str
        * ``digits``: scikit-learn's 1,797 handwritten digits of 8×8 pixels, which need no download;
        * ``cifar10:PATH``, ``cifar100:PATH``: a folder with the official Python batches, as torchvision keeps them;
        * ``imagenet16-120:PATH``: a folder with the official batches of ImageNet at 16×16 pixels, of which the first
          120 classes count;
        * ``fashion-mnist``, ``fashion-mnist:PATH``: a folder with the four gzipped IDX files;
        * ``folder:PATH``: a folder of each class with its images inside; or such folders within ``train``, ``test`` and
          if wanted ``valid``.
    split : str or Path, default "fraction"
        Where the source says itself which images validate, it is followed, whatever is asked for here. Otherwise:

        * ``fraction``: this share of the training images validates, of each class alike;
        * ``nb201``: as NAS-Bench-201 did: half of CIFAR-10's training images validate (its ``cifar10-valid``); of other
          data sets all training images train, and the test images are halved into validation and test. The halves are
          random ones of this seed;
        * a file: the official lists of these halves, ``cifar-split.txt``, ``cifar100-test-split.txt`` or
          ``imagenet-16-120-test-split.txt`` of the repository AutoDL-Projects.

        Where the source has no test images, a fifth of all, of each class alike, is set apart first.
    valid_fraction : float, default 0.1
        Of the training images; 0 for no validation, so that only the test accuracy is known.
    split_seed : int, default 0
    size : int, optional
        Height and width in pixels to which images are scaled (bilinear); a multiple of 4, as the network halves
        them twice. Needed where the images of a folder differ in size.

    Returns
    -------
    ImageDataset
        Grey images get three equal channels.

    Raises
    ------
    UnknownNameError, SettingError
        Where the source is unknown or incomplete (the message says how to get it), or cannot be split so.
    DamagedFileError, UnsafePickleError
        Where a file is damaged or of another kind. Pickles can build nothing but containers and arrays.

    Examples
    --------
    >>> digits = load_dataset("digits")
    >>> digits.images.shape, digits.image_size, {name: len(found) for name, found in digits.splits.items()}
    ((1797, 3, 8, 8), (8, 8), {'train': 1295, 'valid': 143, 'test': 359})
    >>> digits.split_sha256()[:8] == load_dataset("digits").split_sha256()[:8]
    True
    """
    kind, colon, path = str(source).partition(":")
    if not colon and kind not in _SOURCES and Path(kind).is_dir():
        raise SettingError(f"{kind!r} is a folder; a folder of images is written folder:{kind}.")
    reader = _SOURCES[kind.lower()]
    split_seed = checked_whole("split_seed", split_seed, 0)
    if isinstance(valid_fraction, bool) or not 0 <= valid_fraction < 1:
        raise SettingError(f"valid_fraction is at least 0 and below 1, not {valid_fraction!r}.")
    if size is not None and checked_whole("size", size, 4) % 4:
        raise SettingError(f"size is a multiple of 4, as the network halves images twice, not {size}.")
    if not path and kind.lower() not in ("digits", "fashion-mnist"):
        raise SettingError(f"The data set {kind} needs a folder: {kind}:PATH.")
    found: _Source = reader(Path(path).expanduser() if path else None, size)
    images = found.images
    if size is not None and images.shape[2:] != (size, size):
        images = files.resized(images, size)
    if images.shape[2] % 4 or images.shape[3] % 4:
        raise SettingError(
            f"The images of {source} have {images.shape[2]}×{images.shape[3]} pixels, but the network halves them "
            "twice: pass a size that is a multiple of 4, as in size=32, to scale them."
        )
    splits = _split(found, kind.lower(), split, valid_fraction, np.random.default_rng(split_seed))
    for name in ("train", "test"):
        if not len(splits[name]):
            raise SettingError(f"No image of {source} is left for {name}: there are {len(images)} in all.")
    mean, deviation = found.mean, found.deviation
    if mean is None or deviation is None:
        mean, deviation = _moments(images, splits["train"])
    facts = {
        "source": kind.lower(),
        "split": str(Path(split).name) if split not in ("fraction", "nb201") else split,
        "valid_fraction": valid_fraction if split == "fraction" else None,
        "split_seed": split_seed,
        "size": size,
    }
    name = Path(path).expanduser().resolve().name if kind.lower() == "folder" else kind.lower()
    return ImageDataset(name, images, found.labels, found.classes, splits, mean, deviation, found.flips, facts)


def _moments(images: Pixels, train: NDArray[np.int64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, from exact counts of the 256 values."""
    values = np.arange(256) / 255
    mean, deviation = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[train, channel].ravel(), minlength=256)
        share = counts / counts.sum()
        mean.append(float(share @ values))
        deviation.append(max(float(np.sqrt(share @ (values - mean[-1]) ** 2)), 1e-6))
    return tuple(mean), tuple(deviation)


def _halved(
    positions: NDArray[np.int64], labels: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take a share of each class out of positions; return (the rest, what was taken), both ascending."""
    taken = []
    for label in np.unique(labels[positions]):
        of_class = rng.permutation(positions[labels[positions] == label])
        taken.append(of_class[: round(len(of_class) * share)])
    out = np.sort(np.concatenate(taken)) if taken else positions[:0]
    return np.setdiff1d(positions, out, assume_unique=True), out


def _split(
    found: _Source, kind: str, split: str | Path, valid_fraction: float, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    n, labels = len(found.labels), found.labels
    positions = np.arange(n, dtype=np.int64)
    train, valid, test = np.split(positions, [n - found.n_test - found.n_valid, n - found.n_test])
    if not found.n_test:
        train, test = _halved(train, labels, _TEST_SHARE, rng)
    if found.n_valid:
        pass
    elif split == "fraction":
        train, valid = _halved(train, labels, valid_fraction, rng)
    elif split == "nb201":
        if kind == "cifar10":
            train, valid = _halved(train, labels, 0.5, rng)
        else:
            test, valid = _halved(test, labels, 0.5, rng)
    else:
        return _official(Path(split), train, test)
    return {"train": train, "valid": valid, "test": test}


def _official(path: Path, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Read a list of halves as NAS-Bench-201's authors publish it: {"train": ["int", ["0", "5", …]], …}."""
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        halves = {key: np.sort(np.array([int(at) for at in lists[key][1]], dtype=np.int64)) for key in lists}
    except (OSError, ValueError, TypeError, LookupError) as reason:
        raise DamagedFileError(
            f"split is 'fraction', 'nb201' or a file of official halves; {path} cannot be read as one: {reason}."
        ) from reason
    of_train = set(halves) == {"train", "valid"}
    whole, names = (train, ("train", "valid")) if of_train else (test, ("xtest", "xvalid"))
    if not of_train and set(halves) != {"xvalid", "xtest"}:
        raise DamagedFileError(
            f"{path} has the lists {', '.join(sorted(halves))}, not train and valid, or xvalid and xtest."
        )
    rest, valid = (halves[name] for name in names)
    if not np.array_equal(np.sort(np.concatenate([rest, valid])), np.arange(len(whole))):
        raise SettingError(f"The halves of {path.name} are not those of {len(whole):,} images.")
    rest, valid = whole[rest], whole[valid]
    return {"train": rest if of_train else train, "valid": valid, "test": test if of_train else rest}


@_SOURCES.register("digits")
def _digits(_: Path | None, size: int | None) -> _Source:
    from sklearn.datasets import load_digits

    data = load_digits()
    grey = np.round(np.asarray(data.images) * (255 / 16)).astype(np.uint8)
    return _Source(files.coloured(grey), np.asarray(data.target, dtype=np.int64), tuple("0123456789"), flips=False)


@_SOURCES.register("cifar10")
def _cifar10(path: Path | None, size: int | None) -> _Source:
    assert path is not None
    images, labels, classes, n_test = files.read_cifar(path, 10)
    return _Source(images, labels, classes, n_test, 0, _over_255(125.3, 123.0, 113.9), _over_255(63.0, 62.1, 66.7))


@_SOURCES.register("cifar100")
def _cifar100(path: Path | None, size: int | None) -> _Source:
    assert path is not None
    images, labels, classes, n_test = files.read_cifar(path, 100)
    return _Source(images, labels, classes, n_test, 0, _over_255(129.3, 124.1, 112.4), _over_255(68.2, 65.4, 70.4))


@_SOURCES.register("imagenet16-120")
def _imagenet16(path: Path | None, size: int | None) -> _Source:
    assert path is not None
    images, labels, n_test = files.read_imagenet16(path, 120)
    classes = tuple(str(number) for number in range(1, 121))
    mean, deviation = _over_255(122.68, 116.66, 104.01), _over_255(63.22, 61.26, 65.09)
    return _Source(images, labels, classes, n_test, 0, mean, deviation)


@_SOURCES.register("fashion-mnist")
def _fashion_mnist(path: Path | None, size: int | None) -> _Source:
    images, labels, n_test = files.read_fashion_mnist(path)
    names = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    return _Source(images, labels, names, n_test)


@_SOURCES.register("folder")
def _folder(path: Path | None, size: int | None) -> _Source:
    assert path is not None
    images, labels, classes, n_valid, n_test = files.read_folder(path, size)
    return _Source(images, labels, classes, n_test, n_valid)


def _over_255(*values: float) -> tuple[float, ...]:
    return tuple(value / 255 for value in values)
