"""Image data sets in memory, with fixed and recorded splits. PyTorch is not needed to read them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_array, check_bool, check_int, check_number
from nasmeta.errors import DamagedFileError, SettingError, shown
from nasmeta.training._image_files import DEBIAN_FASHION_MNIST, READERS, ImageSource, Pixels, resized

SPLITS = ("train", "valid", "test")
_HALVED = ("cifar10", "cifar100", "imagenet16-120")
NEED_NO_PATH = ("digits", "fashion-mnist")
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
    mean, std : tuple of float, of length 3
        Per channel, of pixels from 0 to 1; by these images are standardised.
    flips : bool
        Whether a mirrored image is still one of its class.
    facts : mapping
        How it was read and split, of JSON's types.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset
    >>> digits = ImageDataset.load("digits")
    >>> digits.images.shape, len(digits.classes)
    ((1797, 3, 8, 8), 10)
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    splits: Mapping[str, NDArray[np.int64]]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that images, labels, classes and splits belong together."""
        images, labels = self.images, self.labels
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
            raise SettingError("images must be an array of uint8, shape (n, 3, height, width).")
        if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
            raise SettingError(f"labels must be an array of {len(images)} whole numbers, one for each image.")
        if not isinstance(self.classes, tuple | list) or not np.isin(labels, np.arange(len(self.classes))).all():
            raise SettingError("classes must be a list of names, one for each number that a label can be.")
        if not isinstance(self.splits, Mapping) or {*SPLITS} - {*self.splits}:
            raise SettingError(f"splits must be a mapping with the keys {', '.join(SPLITS)}.")
        for name in SPLITS:
            positions = self.splits[name]
            is_vector = isinstance(positions, np.ndarray) and positions.ndim == 1 and positions.dtype.kind in "iu"
            if not is_vector or not np.isin(positions, np.arange(len(images))).all():
                raise SettingError(f"The split {name} must be an array of positions from 0 to {len(images) - 1}.")
        for name in ("mean", "std"):
            if check_array(name, getattr(self, name)).shape != images.shape[1:2]:
                raise SettingError(f"{name} must be {images.shape[1]} numbers, one for each channel.")
        check_bool("flips", self.flips)
        if not isinstance(self.facts, Mapping):
            raise SettingError(f"facts must be a mapping, not {shown(self.facts)}.")

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

    def subset(self, n: int | Mapping[str, int], seed: int = 0) -> ImageDataset:
        """Return a smaller data set: at most n images of each split, drawn at random, standardised as before.

        A mapping says of each split how many.
        """
        most = {name: check_int("n", n.get(name) if isinstance(n, Mapping) else n) for name in SPLITS}
        rng = np.random.default_rng(check_int("seed", seed, 0))
        chosen = {name: np.sort(rng.permutation(self.splits[name])[: most[name]]) for name in SPLITS}
        kept = np.sort(np.concatenate(list(chosen.values())))
        splits = {name: np.searchsorted(kept, positions) for name, positions in chosen.items()}
        facts = {**self.facts, "subset": most if isinstance(n, Mapping) else n, "subset_seed": seed}
        return replace(self, images=self.images[kept], labels=self.labels[kept], splits=splits, facts=facts)

    def scaled(self, size: int) -> ImageDataset:
        """Return the data set with images of so many pixels in height and width (bilinear), a multiple of 4."""
        size = checked_size(size)
        if self.image_size == (size, size):
            return self
        return replace(self, images=resized(self.images, size), facts={**self.facts, "size": size})

    @classmethod
    def load(
        cls,
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
            * ``imagenet16-120:PATH``: a folder with the official batches of ImageNet at 16×16 pixels, of which the
              first 120 classes count;
            * ``fashion-mnist``, ``fashion-mnist:PATH``: a folder with the four gzipped IDX files;
            * ``folder:PATH``: a folder of each class with its images inside; or such folders within ``train``, ``test``
              and if wanted ``valid``.
        split : str or Path, default "fraction"
            Where the source says itself which images validate, it is followed, whatever is asked for. Otherwise:

            * ``fraction``: this share of the training images validates, of each class alike;
            * ``nb201``: as NAS-Bench-201 did: half of CIFAR-10's training images validate (its ``cifar10-valid``); of
              other data sets all training images train, and the test images are halved into validation and test. The
              halves are random ones of this seed;
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
        >>> from nasmeta.training import ImageDataset
        >>> digits = ImageDataset.load("digits")
        >>> digits.images.shape, digits.image_size, {name: len(found) for name, found in digits.splits.items()}
        ((1797, 3, 8, 8), (8, 8), {'train': 1295, 'valid': 143, 'test': 359})
        >>> digits.split_sha256()[:8] == ImageDataset.load("digits").split_sha256()[:8]
        True
        """
        return _loaded(source, split, valid_fraction, split_seed, size)

    @staticmethod
    def names() -> list[str]:
        """Return the kinds of data sets that `load` knows.

        Examples
        --------
        >>> from nasmeta.training import ImageDataset
        >>> ImageDataset.names()
        ['cifar10', 'cifar100', 'digits', 'fashion-mnist', 'folder', 'imagenet16-120']
        """
        return sorted(READERS)


def default_split(data: str) -> str:
    """Return how a data set is split where nobody says: as the tables' was, where a table is about it."""
    return "nb201" if str(data).partition(":")[0].lower() in _HALVED else "fraction"


def dataset_options(
    data: str, split: str | Path | None = None, valid_fraction: float | None = None, size: int | None = None
) -> dict[str, Any]:
    """Return the keyword arguments of `ImageDataset.load`, the split as the tables have it where nobody says."""
    if valid_fraction is None:
        return {"split": default_split(data) if split is None else split, "size": size}
    if split not in (None, "fraction"):
        raise SettingError(f"A valid fraction is for the split fraction, not for {split}: leave out one of them.")
    return {"split": "fraction", "valid_fraction": valid_fraction, "size": size}


def _loaded(source: str, split: str | Path, valid_fraction: float, split_seed: int, size: int | None) -> ImageDataset:
    """Read a data set and split it, as `ImageDataset.load` says."""
    kind, colon, path = str(source).partition(":")
    if not colon and kind not in READERS and os.path.isdir(kind):
        raise SettingError(f"{kind!r} is a folder; a folder of images is written folder:{kind}.")
    kind, given = kind.lower(), kind
    reader = READERS[kind]
    split = str(split)
    split_seed = check_int("split_seed", split_seed, 0)
    if check_number("valid_fraction", valid_fraction) >= 1:
        raise SettingError(f"valid_fraction must be below 1, not {shown(valid_fraction)}.")
    size = None if size is None else checked_size(size)
    if not path and kind not in NEED_NO_PATH:
        raise SettingError(f"The data set {given} needs a folder: {given}:PATH.")
    if path and kind == "digits":
        raise SettingError(f"The digits come with scikit-learn, not from {path}: write digits. Images: folder:PATH.")
    folder = Path(os.path.expanduser(path)) if path else DEBIAN_FASHION_MNIST
    found = reader(folder, size)
    images = found.images
    if size is not None and images.shape[2:] != (size, size):
        images = resized(images, size)
    if images.shape[2] % 4 or images.shape[3] % 4:
        raise SettingError(
            f"The images of {source} have {images.shape[2]}×{images.shape[3]} pixels, but the network halves them "
            "twice: pass a size that is a multiple of 4, as in size=32, to scale them."
        )
    splits = _split(found, kind, split, valid_fraction, np.random.default_rng(split_seed))
    for name in ("train", "test"):
        if not len(splits[name]):
            raise SettingError(f"No image of {source} is left for {name}: there are {len(images)} in all.")
    mean, std = found.mean, found.std
    if mean is None or std is None:
        mean, std = _channel_statistics(images, splits["train"])
    facts = {
        "source": kind,
        "split": Path(split).name,
        "valid_fraction": valid_fraction if split == "fraction" else None,
        "split_seed": split_seed,
        "size": size,
    }
    name = folder.resolve().name if kind == "folder" else kind
    return ImageDataset(name, images, found.labels, found.classes, splits, mean, std, found.flips, facts)


def checked_size(size: object, least: int = 4) -> int:
    """Return a height and width in pixels, checked."""
    pixels = check_int("size", size, least, 2**14)
    if pixels % 4:
        raise SettingError(f"size is a multiple of 4, as the network halves images twice, not {pixels}.")
    return pixels


def _channel_statistics(images: Pixels, train: NDArray[np.int64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, from exact counts of the 256 values."""
    values = np.arange(256) / 255
    mean, std = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[train, channel].ravel(), minlength=256)
        share = counts / counts.sum()
        mean.append(float(share @ values))
        std.append(max(float(np.sqrt(share @ (values - mean[-1]) ** 2)), 1e-6))
    return tuple(mean), tuple(std)


def _stratified(
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
    found: ImageSource, kind: str, split: str, valid_fraction: float, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    n, labels = len(found.labels), found.labels
    positions = np.arange(n, dtype=np.int64)
    train, valid, test = np.split(positions, [n - found.n_test - found.n_valid, n - found.n_test])
    if not found.n_test:
        train, test = _stratified(train, labels, _TEST_SHARE, rng)
    if found.n_valid:
        pass
    elif split == "fraction":
        train, valid = _stratified(train, labels, valid_fraction, rng)
    elif split == "nb201":
        if kind == "cifar10":
            train, valid = _stratified(train, labels, 0.5, rng)
        else:
            test, valid = _stratified(test, labels, 0.5, rng)
    else:
        return _published_split(Path(split), train, test)
    return {"train": train, "valid": valid, "test": test}


def _published_split(path: Path, train: NDArray[np.int64], test: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
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
