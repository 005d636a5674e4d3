"""Recipes: how a network is trained, as data."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.arrays import Facts
from nasmeta.checks import check_choice, check_int, check_names, check_number
from nasmeta.errors import DamagedFileError, UnknownNameError
from nasmeta.training._dataset import ImageDataset, checked_size

FOLDER = Path(__file__).parent / "recipes"
_CHOICES = {
    "schedule": ("cosine", "one-cycle", "constant"),
    "schedule_per": ("epoch", "step"),
    "precision": ("float32", "bfloat16"),
}
_MAY_BE_0 = ("train_images", "evaluation_images", "image_size")

RecipeLike: TypeAlias = "str | Path | Recipe"


@dataclass(frozen=True)
class Recipe:
    """The settings of a training. The defaults are those of NAS-Bench-201 for 200 epochs.

    Attributes
    ----------
    name : str
    epochs : int
    batch_size : int
    learning_rate, momentum, nesterov, weight_decay
        Of stochastic gradient descent. Weight decay includes the parameters of batch norm, as in
        the official code.
    schedule : {"cosine", "one-cycle", "constant"}
        Of the learning rate: from `learning_rate` to 0 along a cosine; linearly up to it during
        `warmup` and linearly down to 0; or constant.
    schedule_per : {"epoch", "step"}
        How often the learning rate changes. The official code changes it once per epoch.
    warmup : float
        Fraction of the training in which the learning rate of ``one-cycle`` rises.
    crop : float
        Black padding on each side before a random crop, as a fraction of the image's height,
        rounded; 0 for no crop. An eighth is the official 4 pixels for images of 32 pixels, and 2
        for 16.
    flip : bool
        Flip half of the images, unless the dataset forbids it.
    label_smoothing : float
    evaluate_every : int
        Evaluate every so many epochs, and after the last one.
    channels, cells_per_stage : int
        C and N of the network.
    train_images, evaluation_images : int
        Number of training images, and the most for validation and for test; a fixed random subset,
        or 0 for all.
    image_size : int
        Scale images to this height and width in pixels, a multiple of 4; 0 to keep their size.
    precision : {"float32", "bfloat16"}
        Of automatic mixed precision.
    compile, channels_last, prune : bool
        Use ``torch.compile``; store images with channels last; build only live edges.

    Examples
    --------
    >>> recipe = Recipe.load("nb201-12")
    >>> recipe.epochs, recipe.learning_rate, recipe.but(epochs=1).epochs
    (12, 0.1, 1)
    """

    name: str
    epochs: int = 200
    batch_size: int = 256
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    schedule_per: str = "epoch"
    warmup: float = 0.25
    crop: float = 0.125
    flip: bool = True
    label_smoothing: float = 0.0
    evaluate_every: int = 1
    channels: int = 16
    cells_per_stage: int = 5
    precision: str = "float32"
    compile: bool = False
    channels_last: bool = False
    prune: bool = False
    train_images: int = 0
    evaluation_images: int = 0
    image_size: int = 0

    @classmethod
    def load(cls, recipe: RecipeLike, **changes: Any) -> Recipe:
        """Return a recipe by name, or from a TOML file.

        Parameters
        ----------
        recipe : str, Path or Recipe
            One of `names`, a `Recipe`, or a file ending in ``.toml`` with settings of `Recipe`.
            With ``based_on = "fast"``, the file changes a shipped recipe.
        **changes
            Settings to change.

        Raises
        ------
        UnknownNameError
            If there is no such recipe or setting.
        SettingError
            If a setting has an impossible value.
        DamagedFileError
            If the file cannot be read.

        Examples
        --------
        >>> from nasmeta.training import Recipe
        >>> Recipe.load("fast", epochs=2).name
        'fast with epochs=2'
        """
        if isinstance(recipe, Recipe):
            return recipe.but(**changes)
        path = Path(recipe)
        if path.suffix == ".toml":
            settings = _read(path)
            base = settings.pop("based_on", None)
            start = Recipe(path.stem) if base is None else cls._shipped(base)
            settings.setdefault("name", path.stem)
            return start.but(**settings).but(**changes)
        return cls._shipped(str(recipe)).but(**changes)

    @classmethod
    def _shipped(cls, name: str) -> Recipe:
        if name not in cls.names():
            raise UnknownNameError.of("recipe", name, cls.names())
        return Recipe(**{"name": name, **_read(FOLDER / f"{name}.toml")})

    @staticmethod
    def names() -> list[str]:
        """Return the names of the recipes that come with the package.

        Examples
        --------
        >>> from nasmeta.training import Recipe
        >>> Recipe.names()
        ['fast', 'nb201-12', 'nb201-200', 'tiny', 'verify-cpu', 'verify-cpu-quick']
        """
        return sorted(path.stem for path in FOLDER.glob("*.toml"))

    @property
    def skeleton(self) -> Facts:
        """The settings of the network around the cell, as arguments of `CellNetwork`."""
        return {name: getattr(self, name) for name in ("channels", "cells_per_stage", "prune")}

    def __post_init__(self) -> None:
        """Check every setting."""
        for field in fields(self):
            name, value = f"{field.name} of a recipe", getattr(self, field.name)
            if field.name in _CHOICES:
                value = check_choice(name, value, _CHOICES[field.name])
            elif field.type == "int":
                least = 0 if field.name in _MAY_BE_0 else 1
                value = check_int(name, value, least=least)
            elif field.type == "float":
                value = float(check_number(name, value))
            object.__setattr__(self, field.name, value)
        if self.image_size:
            checked_size(self.image_size)

    def but(self, **changes: Any) -> Recipe:
        """Return a copy with other settings; unless a name is given, the name lists the changes.

        Raises
        ------
        UnknownNameError, SettingError
        """
        check_names("a recipe", "setting", changes, [field.name for field in fields(self)])
        other = replace(self, **changes)
        changed = [key for key in changes if getattr(other, key) != getattr(self, key)]
        if not changed or "name" in changes:
            return other
        listed = ", ".join(f"{key}={changes[key]}" for key in changed)
        return replace(other, name=f"{self.name} with {listed}")

    def to_dict(self) -> dict[str, Any]:
        """Return all settings, of JSON types."""
        return asdict(self)

    def sha256(self) -> str:
        """Return the checksum of the settings, without the name."""
        settings = self.to_dict()
        del settings["name"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def images_of(self, data: ImageDataset) -> ImageDataset:
        """Return the dataset, reduced to the images of the recipe.

        Examples
        --------
        >>> from nasmeta.training import ImageDataset
        >>> few = Recipe.load("tiny", train_images=100, evaluation_images=50).images_of(ImageDataset.load("digits"))
        >>> {name: len(positions) for name, positions in few.splits.items()}
        {'train': 100, 'valid': 50, 'test': 50}
        """
        n_train = self.train_images or len(data.images)
        n_evaluation = self.evaluation_images or len(data.images)
        limits = {"train": n_train, "valid": n_evaluation, "test": n_evaluation}
        if any(len(data.splits[name]) > most for name, most in limits.items()):
            data = data.subset(limits)
        if self.image_size:
            data = data.scaled(self.image_size)
        return data

    def learning_rate_at(self, epoch: int, step: int, n_steps: int) -> float:
        """Return the learning rate of a step (from 0) of an epoch (from 0) of ``n_steps`` steps.

        Examples
        --------
        >>> recipe = Recipe.load("nb201-12")
        >>> [round(recipe.learning_rate_at(epoch, 50, 98), 4) for epoch in (0, 6, 11)]
        [0.1, 0.05, 0.0017]
        """
        n_rates = self.epochs  # different rates
        done = epoch / self.epochs  # fraction of the training
        if self.schedule_per == "step":
            n_rates = self.epochs * n_steps
            done = (epoch + step / n_steps) / self.epochs
        if self.schedule == "cosine":
            return self.learning_rate * (1 + math.cos(math.pi * done)) / 2
        if self.schedule == "one-cycle":
            done += 1 / (n_rates + 1)  # so that neither end is at 0
            rising = done / self.warmup if self.warmup else math.inf
            falling = (1 - done) / (1 - self.warmup)
            return self.learning_rate * max(min(rising, falling), 0.0)
        return self.learning_rate


def recipe_for(recipe: RecipeLike | None, data: str | ImageDataset) -> Recipe:
    """Return a recipe; the default is ``tiny`` for digits and ``fast`` for all other images.

    ``fast`` has 24 steps on the digits, which is too few.
    """
    if recipe is None:
        kind: object = str(data).partition(":")[0].lower()
        if isinstance(data, ImageDataset):
            kind = data.facts.get("source")
        recipe = "tiny" if kind == "digits" else "fast"
    return Recipe.load(recipe)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as reason:
        raise DamagedFileError(f"The recipe {path} cannot be read: {reason}.") from reason
