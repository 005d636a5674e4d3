"""Image datasets in memory, with fixed and recorded splits. Reading them does not need PyTorch."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Facts, Integers
from nasmeta.checks import check_choice, check_int, check_number
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.training._image_files import (
    DEBIAN_FASHION_MNIST,
    READERS,
    ImageSource,
    Pixels,
    resized,
)

SPLITS = ("train", "valid", "test")
_HALVED = ("cifar10", "cifar100", "imagenet16-120")
NEED_NO_PATH = ("digits", "fashion-mnist")
_TEST_SHARE = 0.2  # if the source has no test images


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images with labels, split into training, validation and test.

    Attributes
    ----------
    name : str
        Of the dataset, as in tables, or of the folder.
    images : ndarray of uint8, shape (n, 3, height, width)
    labels : ndarray of int64, shape (n,)
    classes : tuple of str
    splits : mapping of str to ndarray of int64
        Ascending positions of ``train``, ``valid`` and ``test``. They do not overlap; ``valid`` may
        be empty.
    mean, std : tuple of float, of length 3
        Per channel, of pixels from 0 to 1; used to standardise the images.
    flips : bool
        Whether a mirrored image keeps its class.
    facts : mapping
        How the dataset was read and split, of JSON types.
    origin : tuple, optional
        Source and options of `load`: another process reads the dataset again, instead of receiving
        its images.

    Examples
    --------
    >>> from nasmeta.training import ImageDataset
    >>> digits = ImageDataset.load("digits")
    >>> digits.images.shape, len(digits.classes)
    ((1797, 3, 8, 8), 10)
    """

    name: str
    images: NDArray[np.uint8]
    labels: Integers
    classes: tuple[str, ...]
    splits: Mapping[str, Integers]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips: bool = True
    facts: Facts = field(default_factory=dict)
    origin: tuple[str, tuple[tuple[str, Any], ...]] | None = None

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.origin is None:
            return super().__reduce_ex__(protocol)
        return _read_again, (self.origin, self.sha256())

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[2], self.images.shape[3]

    def split_sha256(self) -> str:
        """Return the checksum of the splits: equal if two trainings use the same images."""
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
        """Return a smaller dataset: at most n images of each split, drawn at random, standardised as before.

        A mapping gives the number for each split.
        """
        limits = n if isinstance(n, Mapping) else dict.fromkeys(SPLITS, n)
        limits = {name: check_int("n", limits.get(name)) for name in SPLITS}
        rng = np.random.default_rng(check_int("seed", seed, 0))
        chosen = {}  # ascending positions in this dataset
        for name in SPLITS:
            drawn = rng.permutation(self.splits[name])[: limits[name]]
            chosen[name] = np.sort(drawn)
        kept = np.sort(np.concatenate(list(chosen.values())))
        listed = limits if isinstance(n, Mapping) else n
        return replace(
            self,
            images=self.images[kept],
            labels=self.labels[kept],
            splits={name: np.searchsorted(kept, positions) for name, positions in chosen.items()},
            facts={**self.facts, "subset": listed, "subset_seed": seed},
            origin=None,
        )

    def scaled(self, size: int) -> ImageDataset:
        """Return the dataset with images scaled (bilinear) to a height and width in pixels, a multiple of 4."""
        size = checked_size(size)
        if self.image_size == (size, size):
            return self
        return replace(
            self, images=resized(self.images, size), facts={**self.facts, "size": size}, origin=None
        )

    @classmethod
    def load(
        cls,
        source: str,
        *,
        valid_split: str | None = None,
        valid_fraction: float | None = None,
        split_seed: int = 0,
        size: int | None = None,
        progress: bool = False,
    ) -> ImageDataset:
        """Read a dataset into memory, and split it.

        Parameters
        ----------
        source : str
            * ``digits``: scikit-learn's 1,797 handwritten digits of 8×8 pixels, without a download;
            * ``cifar10:PATH``, ``cifar100:PATH``: a folder with the official Python batches, as
              torchvision keeps them;
            * ``imagenet16-120:PATH``: a folder with the official batches of ImageNet at 16×16
              pixels; the first 120 classes are used;
            * ``fashion-mnist``, ``fashion-mnist:PATH``: a folder with the four gzipped IDX files;
            * ``folder:PATH``: a folder with one folder of images per class, or with ``train``, and
              optionally ``test`` and ``valid``, of this layout.
        valid_split : {"fraction", "nb201"}, optional
            A source with its own validation images keeps them. Otherwise:

            * ``fraction``: a stratified fraction of the training images is used for validation;
            * ``nb201``: as in NAS-Bench-201: half of CIFAR-10's training images are used for
              validation (its ``cifar10-valid``); other datasets keep all training images, and their
              test images are halved into validation and test. The seed determines the halves.

            A source without test images first sets apart a stratified fifth of all images for the
            test. The default is ``nb201`` for the datasets of the tables, unless `valid_fraction`
            is given, and ``fraction`` for all others.
        valid_fraction : float, default 0.1
            Of the training images, for the split ``fraction``; 0 for no validation.
        split_seed : int, default 0
        size : int, optional
            Scale images (bilinear) to this height and width in pixels, a multiple of 4, because the
            network halves them twice. Required if the images of a folder differ in size.
        progress : bool, default False
            Show a progress bar while a folder of images is read.

        Returns
        -------
        ImageDataset
            Grey images have three equal channels.

        Raises
        ------
        UnknownNameError, SettingError
            If the source is unknown or cannot be split like this.
        DamagedFileError, UnsafePickleError
            If a file is damaged or of another kind. Pickles can only build containers and arrays.

        Examples
        --------
        >>> from nasmeta.training import ImageDataset
        >>> digits = ImageDataset.load("digits")
        >>> digits.images.shape, digits.image_size, {name: len(split) for name, split in digits.splits.items()}
        ((1797, 3, 8, 8), (8, 8), {'train': 1295, 'valid': 143, 'test': 359})
        >>> digits.split_sha256()[:8] == ImageDataset.load("digits").split_sha256()[:8]
        True
        """
        kind, _, path = source.partition(":")
        kind = kind.lower()
        reader = READERS[kind]
        if not path and kind not in NEED_NO_PATH:
            raise SettingError("dataset", source, f"{kind}:PATH")
        if valid_split is None:
            is_halved = kind in _HALVED and valid_fraction is None
            valid_split = "nb201" if is_halved else "fraction"
        check_choice("valid_split", valid_split, ("fraction", "nb201"))
        if valid_split == "fraction":
            if valid_fraction is None:
                valid_fraction = 0.1
            valid_fraction = check_number("valid_fraction", valid_fraction, 0, 0.99)
        elif valid_fraction is not None:
            raise SettingError("valid_split", valid_split, "fraction, if valid_fraction is given")
        if size is not None:
            size = checked_size(size)
        options = {"valid_fraction": valid_fraction, "split_seed": split_seed, "size": size}
        folder = Path(path).expanduser() if path else DEBIAN_FASHION_MNIST
        read = reader(folder, size, progress)
        images = read.images
        if size is not None and images.shape[2:] != (size, size):
            images = resized(images, size)
        for pixels in images.shape[2:]:
            checked_size(pixels)
        rng = np.random.default_rng(split_seed)
        splits = _split(read, kind, valid_split, valid_fraction or 0.0, rng)
        mean, std = read.mean, read.std
        if mean is None or std is None:
            mean, std = _channel_statistics(images, splits["train"])
        name = folder.resolve().name if kind == "folder" else kind
        origin = source, (("valid_split", valid_split), *options.items())
        facts = {"source": kind, "split": valid_split, **options}
        return cls(
            name=name,
            images=images,
            labels=read.labels,
            classes=read.classes,
            splits=splits,
            mean=mean,
            std=std,
            flips=read.flips,
            facts=facts,
            origin=origin,
        )

    @classmethod
    def of(cls, data: str | ImageDataset, progress: bool = False) -> ImageDataset:
        """Return a dataset, loaded with the default options if `data` is a source."""
        if not isinstance(data, str):
            return data
        return cls.load(data, progress=progress)


@lru_cache(maxsize=2)
def _read_again(origin: tuple[str, tuple[tuple[str, Any], ...]], sha256: str) -> ImageDataset:
    """Load a dataset as another process has loaded it; raise an error if the images on this machine differ."""
    source, options = origin
    dataset = ImageDataset.load(source, **dict(options))
    if dataset.sha256() != sha256:
        raise NasmetaError(
            f"The images {source} on {platform.node()} differ from those of the calling process."
        )
    return dataset


def checked_size(size: object, least: int = 4) -> int:
    """Return a height and width in pixels, checked."""
    pixels = check_int("size", size, least)
    if pixels % 4:
        expected = "a multiple of 4, because the network halves images twice"
        raise SettingError("size", size, expected, "Scale images: size=32.")
    return pixels


def _channel_statistics(
    images: Pixels, train: Integers
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel, from exact counts of the 256 values."""
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[train, channel].ravel(), minlength=256)
        share = counts / counts.sum()  # shape (256,)
        mean = float(share @ values)
        variance = share @ (values - mean) ** 2
        means.append(mean)
        deviations.append(max(float(np.sqrt(variance)), 1e-6))
    return tuple(means), tuple(deviations)


def _stratified(
    positions: Integers, labels: Integers, share: float, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    """Draw a share of each class from positions; return (the rest, the drawn ones), both ascending."""
    taken = [positions[:0]]
    for label in np.unique(labels[positions]):
        of_class = rng.permutation(positions[labels[positions] == label])
        taken.append(of_class[: round(len(of_class) * share)])
    drawn = np.sort(np.concatenate(taken))
    return np.setdiff1d(positions, drawn, assume_unique=True), drawn


def _split(
    source: ImageSource, kind: str, split: str, valid_fraction: float, rng: np.random.Generator
) -> dict[str, Integers]:
    n, labels = len(source.labels), source.labels
    positions: Integers = np.arange(n, dtype=np.int64)
    begin_of_test = n - source.n_test
    train, valid, test = np.split(positions, [begin_of_test - source.n_valid, begin_of_test])
    if not source.n_test:
        train, test = _stratified(train, labels, _TEST_SHARE, rng)
    if not source.n_valid:
        if split == "fraction" or kind == "cifar10":
            share = valid_fraction if split == "fraction" else 0.5
            train, valid = _stratified(train, labels, share, rng)
        else:
            test, valid = _stratified(test, labels, 0.5, rng)
    return {"train": train, "valid": valid, "test": test}
