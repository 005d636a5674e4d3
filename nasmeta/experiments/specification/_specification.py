"""What a specification says, also of training, and those that the package brings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from nasmeta.errors import SettingError, shown
from nasmeta.evaluators import TRAINED, UNKNOWN_FEASIBILITY, Evaluator, TrainingEvaluator
from nasmeta.experiments._arguments import seeds_of
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
_TABLE = re.compile(r"\s*\[\[?(?P<name>[^\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
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
        first = Lines(self.text).of("repeats") - 1
        lines[first : first + ("repeats" in said)] = [text]
        return replace(self, seeds=tuple(seeds), text="".join(lines))

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


class Lines:
    r"""The lines of the keys and tables of a well-formed TOML text, which the standard library's reader does not keep.

    >>> lines = Lines('repeats = 3\n[searchers.evolution]\npopulation = 10')
    >>> lines.of("searchers", "evolution", "population"), lines.of("searchers", "gp"), lines.of("tasks")
    (3, 2, 1)
    """

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        self._texts = text.splitlines()
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._texts, start=1):
            if match := _TABLE.match(line):
                table = _path(match["name"])
                self._note(table, number)
            elif match := _KEY.match(line):
                self._note(table + _path(match["name"]), number)

    def _note(self, path: tuple[str, ...], number: int) -> None:
        for end in range(1, len(path) + 1):
            self._found.setdefault(path[:end], number)

    def of(self, *path: str) -> int:
        """Return the line of a key, or of the closest table around it; 1 where there is none."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._found:
                return self._found[path[:end]]
        return 1

    def of_entry(self, entry: str, *path: str) -> int:
        """Return the line of an entry of a list: the first from the key on that has its text in quotes."""
        first = self.of(*path)
        for number, line in enumerate(self._texts[first - 1 :], start=first):
            if f'"{entry}"' in line or f"'{entry}'" in line:
                return number
        return first


def _path(name: str) -> tuple[str, ...]:
    try:
        inner: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:  # the inside of a long string that looks like a key
        return (name,)
    path: list[str] = []
    while isinstance(inner, dict):
        (key,) = inner
        path.append(key)
        inner = inner[key]
    return tuple(path)
