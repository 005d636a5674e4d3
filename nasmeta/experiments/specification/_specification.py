"""What a specification says, also of training, and those that the package brings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import SettingError, shown
from nasmeta.evaluators import TRAINED, UNKNOWN_FEASIBILITY, TrainingEvaluator
from nasmeta.experiments._arguments import seeds_of
from nasmeta.experiments.specification._lines import Lines
from nasmeta.runs import on_evaluator
from nasmeta.runs._answers import answers_for
from nasmeta.runs._clock import Clock
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tasks import Task
from nasmeta.training import ImageDataset, Recipe, dataset_options, recipe_for

if TYPE_CHECKING:
    from nasmeta.evaluators import Evaluator
    from nasmeta.tables import ColumnInfo
    from nasmeta.tasks import Task
    from nasmeta.training import ImageDataset

_OPTIONS = ("split", "valid_fraction", "size")
TRAINING_KEYS = ("data", "recipe", *_OPTIONS)


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


_READY = Path(__file__).with_name("ready")


OF_TABLE = ("table", UNKNOWN_FEASIBILITY, "surrogate")  # evaluators whose answers come from what was measured
OF_SOURCES = ("prune_space", "warm_start", "sources", "meta_model")  # what may be said of them for a searcher


@dataclass(frozen=True)
class Specification:
    """A comparison as a file says it, checked.

    Attributes
    ----------
    name : str
        That of the file without its ending.
    text : str
        The file, kept with the results.
    title, about : str
        For people.
    tasks : tuple of str
        Families are resolved into tasks.
    searchers : dict of label to (name, settings)
    of_sources : dict of label to dict
        What is said of sources: ``prune_space``, ``warm_start``, ``sources``, ``meta_model``, those that are given.
    seeds : tuple of int
        One a repeat.
    evaluations : int or None
    seconds : dict of task to float, or None
    stop_at_optimum : bool
    evaluator : str
    training : Training or None
        Images and recipe, where the evaluator trains.
    clock : Clock or None
    epochs : tuple of int or str, or None
        Lengths of training that multi-fidelity searchers may use.
    report : tuple of ColumnInfo
        What is told about the cell that each run picked; no searcher sees these.

    Examples
    --------
    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("first-steps")
    >>> specification.name, "random" in specification.searchers
    ('first-steps', True)
    """

    name: str
    text: str
    title: str
    about: str
    tasks: tuple[str, ...]
    searchers: dict[str, tuple[str, dict[str, Any]]]
    of_sources: dict[str, dict[str, Any]]
    seeds: tuple[int, ...]
    evaluations: int | None
    seconds: dict[str, float] | None
    stop_at_optimum: bool
    evaluator: str
    clock: Clock | None
    epochs: tuple[int | str, ...] | None
    report: tuple[ColumnInfo, ...] = field(default=())
    training: Training | None = None

    @property
    def sha256(self) -> str:
        """Checksum of the text."""
        return sha256(self.text.encode()).hexdigest()

    def with_repeats(self, repeats: int) -> Specification:
        """Return the same comparison with another number of runs of each searcher on each task; its text says so, too.

        Raises
        ------
        SettingError
            Where the file lists its seeds, or this is no number of runs.

        Examples
        --------
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
        """Whether the evaluator is none of this package."""
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
    """Return the specifications that the package brings, by name.

    Examples
    --------
    >>> from nasmeta.experiments import ready_specifications
    >>> "nb201-paper" in ready_specifications()
    True
    """
    return {path.stem: path for path in sorted(_READY.glob("*.toml"))}
