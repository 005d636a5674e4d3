"""A searcher with its settings, and the random generators of its runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from nasmeta.checks import recorded_settings, taking
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.runs._clock import Budget
from nasmeta.runs._transfer import NO_TRANSFER, TransferSettings
from nasmeta.searchers import (
    SEARCHERS,
    CandidateSearch,
    MetaSearcher,
    MultiFidelitySearcher,
    Searcher,
    list_searchers,
)
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task

if TYPE_CHECKING:
    from nasmeta.meta import SavedMetaModel


@dataclass(frozen=True)
class SearcherSpec:
    """A searcher class with its settings.

    Examples
    --------
    >>> from nasmeta.runs import SearcherSpec
    >>> SearcherSpec.of("evolution", {"population": 10}).all_settings
    {'population': 10}
    """

    name: str  # the registered one, else that of the class
    kind: type[Searcher]
    settings: dict[str, Any]  # keyword arguments of the class, of JSON types
    # The settings `prune_space` and `warm_start`, which every searcher takes:
    transfer: TransferSettings = NO_TRANSFER
    epochs: tuple[int | str, ...] | None = None  # training lengths of a multi-fidelity searcher
    code: str | None = None  # identifies the code of a class outside this package

    @classmethod
    def of(
        cls, searcher: str | type[Searcher], settings: Mapping[str, Any] | None = None
    ) -> SearcherSpec:
        """Look up a searcher and check the names of its settings."""
        if isinstance(searcher, str):
            name, kind = searcher, SEARCHERS[searcher]
        else:
            name, kind = SEARCHERS.name_of(searcher) or searcher.__name__, searcher
        given = dict(settings or {})
        transfer = TransferSettings.of(given.pop("prune_space", None), given.pop("warm_start", 0))
        epochs = None
        if issubclass(kind, MultiFidelitySearcher):
            epochs = given.pop("epochs", None)
        if name == "predictor" and not isinstance(given.get("predictor"), str | None):
            # An estimator is not of a JSON type.
            kind = kind.of(given.pop("predictor"), given.pop("acquisition", None))  # type: ignore[attr-defined]
            name = kind.__name__
        parameters = [*inspect.signature(kind).parameters.values()][2:]  # after space and rng
        recorded = recorded_settings(name, given, parameters)
        return cls(name, kind, recorded, transfer, _lengths(epochs), kind.code_identity(recorded))

    @property
    def is_meta(self) -> bool:
        """Whether it learns from source tasks."""
        return issubclass(self.kind, MetaSearcher)

    @property
    def learns(self) -> bool:
        """Whether its runs use source tasks, for the searcher itself, for a smaller space or for a warm start."""
        return self.is_meta or bool(self.transfer)

    @property
    def all_settings(self) -> dict[str, Any]:
        """The settings as `of` takes them."""
        settings = self.settings | self.transfer.settings
        if self.epochs is not None:
            settings["epochs"] = list(self.epochs)
        return settings

    def budgeted(self, budget: Budget) -> SearcherSpec:
        """Return the spec with the budget of the run in the settings of a searcher that depends on it."""
        name = self.kind.budget_setting
        if name is None or budget.evaluations is None:
            return self
        return replace(self, settings={name: budget.evaluations, **self.settings})

    @property
    def is_multi_fidelity(self) -> bool:
        """Whether it chooses the length of each training."""
        return issubclass(self.kind, MultiFidelitySearcher)

    def build(self, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        """Build the searcher; raise a SettingError for impossible values."""
        with taking(self.name, self.settings):
            if space.is_large and self.kind.needs_list:
                return CandidateSearch(partial(self.kind, **self.settings), space, rng)
            return self.kind(space, rng, **self.settings)

    def generator(self, task: Task, seed: int, *purpose: bytes) -> np.random.Generator:
        """Return the generator of one run, which depends only on seed, task and searcher."""
        key = [crc32(name) for name in (task.name.encode(), self.name.encode(), *purpose)]
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

    def meta_fit(
        self,
        task: Task,
        sources: Sequence[Task | SourceTask],
        saved: SavedMetaModel | None = None,
        searcher: Any = None,
    ) -> Any:
        """Return the meta-model of a meta-searcher for a task, trained here or saved; it depends on no seed.

        By default, a new searcher learns.
        """
        kind: Any = self.kind
        if searcher is None:
            searcher = self.build(task.space, self.generator(task, 0, b"meta-training"))
        if isinstance(searcher, CandidateSearch):
            return kind.check_sources(task.space, sources)
        if saved is not None:
            return saved.restore(searcher.learner).meta_model_
        searcher.avoid = task.held_out
        return searcher.meta_fit(sources).meta_model_


def check_objectives(spec: SearcherSpec, evaluator: Evaluator, budget: Budget) -> None:
    """Raise an error if the searcher does not support the number of objectives."""
    n, what = evaluator.n_objectives, f"objectives of {evaluator.task.name}"
    unsuitable = "several" if n == 1 else "one"
    if spec.kind.objectives == unsuitable:
        listed = list_searchers().query("objectives != 'one'")["searcher"]
        hint = f"Searchers for several: {', '.join(listed)}. A task with two: nb201/cifar10+latency/pixel3."
        raise SettingError(what, n, f"{spec.kind.objectives} for {spec.name}", hint)
    if n > 1 and (spec.transfer or budget.stop_at_optimum):
        raise SettingError(what, n, "1 with prune_space, warm_start or stop_at_optimum")


def _lengths(epochs: Any) -> tuple[int | str, ...] | None:
    """Return training lengths, None for all; the command line gives a string such as ``50of200,200``."""
    if epochs is None:
        return None
    if isinstance(epochs, str):
        epochs = [length.strip() for length in epochs.split(",")]
    listed = epochs if isinstance(epochs, Iterable) else [epochs]
    lengths = []
    for length in listed:
        is_number = str(length).isdecimal()
        lengths.append(int(length) if is_number else length)
    return tuple(lengths)


def check_costs(evaluators: Iterable[Evaluator]) -> None:
    """Raise an error if an evaluation may lack a cost, which a budget in seconds needs."""
    for evaluator in evaluators:
        if not evaluator.has_costs():
            raise SettingError(
                f"{evaluator.task.name} does not record the seconds of all evaluations, so a budget in seconds is not "
                "possible. Use evaluations, or a task with a cost: table.task(…, cost='train_seconds')."
            )
