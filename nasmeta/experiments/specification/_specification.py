"""What a specification says, also of training, and those that the package brings."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

from nasmeta.errors import SettingError, shown
from nasmeta.evaluators import TRAINED, UNKNOWN_FEASIBILITY, Evaluator, TrainingEvaluator
from nasmeta.experiments._arguments import seeds_of
from nasmeta.files import TomlLines
from nasmeta.runs import on_evaluator
from nasmeta.runs._answers import answers_for
from nasmeta.runs._clock import Clock
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task
from nasmeta.training import ImageDataset, Recipe, dataset_options, recipe_for

_READY = Path(__file__).with_name("ready")
_OPTIONS = ("split", "valid_fraction", "size")
TRAINING_KEYS = ("data", "recipe", *_OPTIONS)
OF_TABLE = ("table", UNKNOWN_FEASIBILITY, "surrogate")  # evaluators whose answers come from what was measured
OF_SOURCES = ("prune_space", "warm_start", "sources", "meta_model")  # what may be said of them for a searcher


@dataclass(frozen=True, eq=False)
class Training:
    """Images and recipe, whatever machine trains; the images are read once."""

    kind: str  # of the evaluator
    data: str
    recipe: Recipe
    options: Mapping[str, Any]  # of `ImageDataset.load`

    @classmethod
    def of(cls, kind: str, said: Mapping[str, Any], folder: Path) -> Training:
        """Return what the table ``[training]`` says; a relative path is one as seen from the file's folder."""
        data, recipe = said.get("data"), said.get("recipe")
        if data is not None and not isinstance(data, str):
            raise SettingError(f'data is the name of images, such as "digits" or "cifar10:PATH", not {shown(data)}.')
        if not data:
            raise SettingError(
                'Training needs images: give data = "digits", "cifar10:PATH", "folder:PATH" or another of '
                "nasmeta.training.ImageDataset.names()."
            )
        source, _, path = data.partition(":")
        if path:
            data = f"{source}:{folder / Path(path).expanduser()}"
        if isinstance(recipe, str) and recipe.endswith(".toml"):
            recipe = folder / Path(recipe).expanduser()
        options = {key: said[key] for key in _OPTIONS if key in said}
        return cls(kind, data, recipe_for(recipe, data), dataset_options(data, **options))

    @cached_property
    def images(self) -> ImageDataset:
        """The images."""
        return ImageDataset.load(self.data, **self.options)

    def evaluator(self, task: Task, device: str = "auto") -> TrainingEvaluator:
        """Return what answers a task."""
        return TRAINED[self.kind](task, self.images, self.recipe, device=device)


@dataclass(frozen=True)
class Specification:
    """A comparison as a file says it, checked.

    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("first-steps")
    >>> specification.name, "random" in specification.searchers
    ('first-steps', True)
    """

    name: str  # of the file without its ending
    home: Path  # the file's folder, from which relative paths are seen
    text: str  # the file, kept with the results
    title: str  # for people, as is the next
    about: str
    tasks: tuple[str, ...]  # families are resolved into tasks
    searchers: dict[str, tuple[str, dict[str, Any]]]  # by label: name, settings
    of_sources: dict[str, dict[str, Any]]  # by label what is said of `OF_SOURCES`
    seeds: tuple[int, ...]  # one a repeat
    evaluations: int | None
    seconds: dict[str, float] | None  # by task
    stop_at_optimum: bool
    evaluator: str
    clock: Clock | None
    epochs: tuple[int | str, ...] | None  # lengths of training that multi-fidelity searchers may use
    report: tuple[ColumnInfo, ...] = field(default=())  # what is told of each run's pick; no searcher sees these
    training: Training | None = None  # where the evaluator trains

    @property
    def sha256(self) -> str:
        """Checksum of the text."""
        return sha256(self.text.encode()).hexdigest()

    def with_repeats(self, repeats: int) -> Specification:
        """Return the same comparison with another number of runs of each searcher on each task; its text says so, too.

        >>> from nasmeta.experiments import read_specification
        >>> read_specification("nb201-paper", check=False).with_repeats(3).seeds
        (0, 1, 2)
        """
        said = tomllib.loads(self.text)
        if "seeds" in said:
            raise SettingError(f"The specification {self.name} lists its seeds: change these instead of the repeats.")
        seeds = seeds_of(repeats, self.seeds[0], None)
        lines, text = self.text.splitlines(keepends=True), f"repeats = {len(seeds)}\n"
        first = TomlLines(self.text).of("repeats") - 1
        lines[first : first + ("repeats" in said)] = [text]
        return replace(self, seeds=tuple(seeds), text="".join(lines))

    def seen_from(self, folder: Path) -> Specification:
        """Return the same comparison with a text whose relative paths lead to the same files from another folder."""
        said, lines = tomllib.loads(self.text), self.text.splitlines(keepends=True)
        places = [(), ("training",), *(("searchers", label) for label in self.of_sources)]
        for place in places:
            table = reduce(lambda inner, key: inner.get(key, {}), place, said)
            for key in {"evaluator", "data", "recipe", "meta_model"} & set(table):
                value = table[key]
                kind, colon, path = value.partition(":") if key == "data" else ("", "", value)
                is_path = colon if key == "data" else isinstance(value, str) and value.endswith((".npz", ".toml"))
                if not is_path or Path(path).expanduser().is_absolute():
                    continue
                moved = os.path.relpath(os.path.realpath(self.home / path), os.path.realpath(folder))
                number = TomlLines(self.text).of(*place, key) - 1
                for quote in ("'", '"'):
                    new = f"{quote}{kind}{colon}{moved}{quote}"
                    lines[number] = lines[number].replace(f"{quote}{value}{quote}", new)
        return replace(self, home=folder, text="".join(lines))

    def spec(self, label: str) -> SearcherSpec:
        """Return a searcher with its settings and what guides it."""
        said = self.of_sources.get(label, {})
        guides = {key: said[key] for key in ("prune_space", "warm_start") if key in said}
        return SearcherSpec.of(*self.searchers[label]).guided(**guides)

    @property
    def has_own_evaluator(self) -> bool:
        """Whether the evaluator is none of this package, such as the file of a surrogate."""
        return self.evaluator not in (*OF_TABLE, *TRAINED)

    def answers(self, task: Task, device: str = "auto") -> Evaluator:
        """Return what answers a task; no result but its seconds depends on the device that trains."""
        if self.training is None:
            return (answers_for if self.has_own_evaluator else on_evaluator)(task, self.evaluator)
        return self.training.evaluator(task, device)

    def by_label(self, key: str) -> dict[str, Any]:
        """Return one of the keys about sources for the searchers that have it."""
        return {label: said[key] for label, said in self.of_sources.items() if key in said}


def ready_specifications() -> dict[str, Path]:
    """Return the specifications that the package brings, by name."""
    return {path.stem: path for path in sorted(_READY.glob("*.toml"))}
