"""A searcher with its settings, checked; and all randomness and identity of its runs."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.code import code_of
from nasmeta.errors import LeakageError, SettingError, UnknownNameError
from nasmeta.evaluators import Evaluator
from nasmeta.meta import SavedMetaModel, meta_model_for, warn_of_other_metric
from nasmeta.runs._clock import Clock
from nasmeta.runs._content import refuse_copies
from nasmeta.runs._guidance import UNGUIDED, Guidance, Guide
from nasmeta.runs._journal import FORMAT
from nasmeta.searchers import SEARCHERS, MetaSearcher, MultiFidelitySearcher, Searcher
from nasmeta.spaces import SearchSpace, held_out_name
from nasmeta.tasks import (
    SourceTask,
    Task,
    TaskDistribution,
    default_sources,
    get_task,
    task_distribution,
    task_families,
)

__all__ = [
    "MetaModelLike",
    "SearcherSpec",
    "SourcesLike",
    "saved_model_of",
    "sources_of",
    "with_settings_of",
]

SourcesLike: TypeAlias = "str | Task | SourceTask | TaskDistribution | Iterable[str | Task | SourceTask]"
MetaModelLike: TypeAlias = "str | os.PathLike[str] | SavedMetaModel"


_POSSIBLE_SOURCES = "Sources are names of tasks or of families of tasks, Tasks or SourceTasks"


@dataclass(frozen=True)
class SearcherSpec:
    """What to run: a searcher class and its settings.

    Attributes
    ----------
    name : str
        The registered name, else the name of the class.
    kind : type of Searcher
    settings : dict
        Keyword arguments of the class; of types that JSON knows.
    guidance : Guidance
        What sources tell it beside what it learns itself: a part of the space, first cells.
    code : str or None
        What identifies the code of a class of somebody else's, see `code_of`; found out here, as a worker may not have
        the source.
    """

    name: str
    kind: type[Searcher]
    settings: dict[str, Any]
    guidance: Guidance = UNGUIDED
    code: str | None = None

    @classmethod
    def of(cls, searcher: str | type[Searcher], settings: Mapping[str, Any] | None = None) -> SearcherSpec:
        """Look a searcher up and check the names of its settings.

        Raises
        ------
        UnknownNameError, SettingError
        """
        if isinstance(searcher, str):
            name, kind = searcher, SEARCHERS[searcher]
        elif isinstance(searcher, type) and issubclass(searcher, Searcher):
            kind = searcher
            name = SEARCHERS.name_of(kind) or kind.__name__
        else:
            raise SettingError(
                f"A searcher is a registered name ({', '.join(sorted(SEARCHERS))}), package.module:Name or a class "
                f"derived from nasmeta.searchers.Searcher, not {searcher!r:.80}."
            )
        if not isinstance(settings, Mapping | None):
            raise SettingError(f"The settings of {name} are a mapping of names to values, not {settings!r:.80}.")
        if inspect.isabstract(kind):
            raise SettingError(f"{name} is no whole searcher: it lacks {', '.join(sorted(kind.__abstractmethods__))}.")
        try:
            plain = {key: _plain(name, key, value) for key, value in (settings or {}).items()}
        except RecursionError:
            raise SettingError(f"The settings of {name} have lists within lists, too deep to be recorded.") from None
        spec = cls(name, kind, plain, code=code_of(kind))
        possible = spec._possible_settings()
        unknown = [] if possible is None else sorted(set(spec.settings) - set(possible))
        if unknown:
            listed = ", ".join(f"{key}={default!r}" for key, default in (possible or {}).items())
            raise SettingError(
                f"{name} has no setting {unknown[0]!r}. Possible: {listed or 'none, it has no setting'}."
            )
        return spec

    def _possible_settings(self) -> dict[str, Any] | None:
        """Return names and defaults of the settings; None where the class takes any."""
        parameters = list(inspect.signature(self.kind).parameters.values())[2:]  # after space and rng
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return None
        return {parameter.name: parameter.default for parameter in parameters}

    @property
    def is_meta(self) -> bool:
        """Whether it learns from source tasks."""
        return issubclass(self.kind, MetaSearcher)

    @property
    def learns(self) -> bool:
        """Whether source tasks have a part in its runs: it is a meta-searcher, or guided."""
        return self.is_meta or bool(self.guidance)

    def guided(self, space: object, warm_start: object) -> SearcherSpec:
        """Return the same with guidance.

        Raises
        ------
        SettingError
            Where it is not possible.
        """
        return replace(self, guidance=Guidance.of(space, warm_start))

    @property
    def is_multi_fidelity(self) -> bool:
        """Whether it chooses how long a cell is trained."""
        return issubclass(self.kind, MultiFidelitySearcher)

    def build(self, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        """Build the searcher; a value that it cannot take is a SettingError."""
        try:
            return self.kind(space, rng, **self.settings)
        except (TypeError, ValueError) as reason:
            if isinstance(reason, SettingError) or not self.settings:
                raise
            raise SettingError(f"{self.name} cannot take the settings {self.settings}: {reason}") from reason

    def generator(self, task: Task, seed: int) -> np.random.Generator:
        """Return the generator of one run: it depends on seed, task and searcher, and on nothing else."""
        key = (crc32(task.name.encode()), crc32(self.name.encode()))
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

    def start(self, task: Task, seed: int, learnt: Any = None, measured: NDArray[np.int32] | None = None) -> Searcher:
        """Build the searcher of one run, with what `learn` returned; it is kept to what was measured."""
        searcher = self.build(task.space, self.generator(task, seed))
        guide = learnt if isinstance(learnt, Guide) else None
        if isinstance(searcher, MetaSearcher):
            searcher.meta_model_ = learnt if guide is None else guide.meta_model
        if measured is not None:
            guide = (guide or Guide(None, None)).within(measured, task)
        return searcher if guide is None else guide.around(searcher)

    def learn(self, evaluator: Evaluator, sources: list[Task | SourceTask], saved: SavedMetaModel | None = None) -> Any:
        """Learn from sources for a target; the outcome serves the runs of all seeds, so it depends on none.

        Returns
        -------
        object
            The meta-model, of a file where there is one; with guidance a `Guide` that holds it.
        """
        model, task = None, evaluator.task
        if self.is_meta:
            model = self._meta_fit(task, sources) if saved is None else self._restored(task, saved)
        return self.guidance.learn(task, sources, model, evaluator.measured) if self.guidance else model

    @staticmethod
    def picked(learnt: Any) -> dict[str, str]:
        """Return what a journal's header says of the searcher that was picked; empty where none picks another one."""
        pick = getattr(learnt.meta_model if isinstance(learnt, Guide) else learnt, "pick", None)
        return {} if pick is None else {"picked": ": ".join(pick)}

    def _meta_fit(self, task: Task, sources: list[Task | SourceTask]) -> Any:
        key = (crc32(task.name.encode()), crc32(self.name.encode()), crc32(b"meta-training"))
        searcher = self.build(task.space, np.random.default_rng(np.random.SeedSequence(0, spawn_key=key)))
        assert isinstance(searcher, MetaSearcher)
        return searcher.meta_fit(sources).meta_model_

    def _restored(self, task: Task, saved: SavedMetaModel) -> Any:
        return saved.restore(self.build(task.space, np.random.default_rng(0))).meta_model_

    @property
    def code_identity(self) -> dict[str, str]:
        """Its part of the identity of a run; nothing for a searcher of this package."""
        return {} if self.code is None else {"code": self.code}

    def header(
        self,
        evaluator: Evaluator,
        seed: int,
        batch: int,
        sources: Iterable[Task | SourceTask],
        saved: SavedMetaModel | None = None,
        clock: Clock | None = None,
        lengths: Mapping[int, Evaluator] | None = None,
    ) -> dict[str, Any]:
        """Return the identity of a run, as the first line of its journal holds it; no budget is part of it.

        ``clock`` is that of a run on a simulated clock, ``lengths`` the evaluators by epochs for a multi-fidelity
        searcher.
        """
        task, column = evaluator.task, evaluator.column
        return {
            "nasmeta_journal": FORMAT,
            "task": task.name,
            "searcher": self.name,
            **self.code_identity,
            "settings": self.settings,
            "seed": seed,
            "batch": batch,
            "sources": [_identity(source) for source in sources],
            **self.guidance.identity,
            **({"meta_model": {"sha256": saved.sha256, "sources": list(saved.sources)}} if saved else {}),
            "column": _column(evaluator),
            "unit": column.unit,
            "release": column.release,
            "source": column.source,
            "source_sha256": column.source_sha256,
            **({"evaluator": evaluator.identity} if evaluator.identity else {}),
            **({} if clock is None else {"clock": clock.settings}),
            **({} if lengths is None else {"epochs": {str(k): _column(other) for k, other in lengths.items()}}),
            "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
        }


def _column(evaluator: Evaluator) -> str:
    c = evaluator.column
    return f"{c.dataset}/{c.metric}/{c.split}/{c.epochs}/{c.seed}"


def _plain(searcher: str, key: str, value: Any) -> Any:
    """Return a setting as a type that JSON knows, so that it can be recorded."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(searcher, key, entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(searcher, key, entry) for name, entry in value.items()}
    if isinstance(value, int) and value.bit_length() > 63:
        raise SettingError(f"The setting {key} of {searcher} is a whole number of more than 63 bits.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SettingError(
        f"The setting {key} of {searcher} is {value!r} ({type(value).__name__}), but settings are recorded with the "
        "results: numbers, strings, booleans, None, lists of them, and mappings of names to them."
    )


def _identity(source: Task | SourceTask) -> dict[str, Any]:
    """Return name, number and hash of the labels of a source: other labels under the same name are another run's."""
    seen = source.as_source() if isinstance(source, Task) else source
    return {"name": seen.name, "labels": len(seen), "sha256": seen.sha256[:16]}


def saved_model_of(
    spec: SearcherSpec, task: Task, meta_model: MetaModelLike | None, sources: SourcesLike | None = None
) -> SavedMetaModel | None:
    """Return the meta-model that a run uses; None where it meta-trains, or learns from no source.

    Raises
    ------
    SettingError
        Where the searcher learns from no source, where sources are given as well, or the model does not fit.
    """
    if meta_model is None:
        return None
    if not spec.is_meta:
        raise SettingError(f"{spec.name} learns from no source task, so it takes no meta-model.")
    if sources is not None and not spec.guidance:
        raise SettingError("A meta-model has learnt from its own sources: pass sources or a meta-model, not both.")
    if not isinstance(meta_model, str | os.PathLike | SavedMetaModel):
        raise SettingError(
            f'A meta-model is a file, the name of a shipped one or "shipped", not a {type(meta_model).__name__}.'
        )
    return meta_model_for(spec.name, task, meta_model)


def with_settings_of(spec: SearcherSpec, saved: SavedMetaModel | None) -> SearcherSpec:
    """Return the spec with the settings of the meta-training beside its own, which win where they may differ."""
    return spec if saved is None else replace(spec, settings={**saved.card["settings"], **spec.settings})


def sources_of(spec: SearcherSpec, evaluator: Evaluator, sources: SourcesLike | None) -> list[Task | SourceTask]:
    """Return the sources of a run: by default the task's family without what the task holds out.

    Raises
    ------
    LeakageError
        Where a source has something that the task holds out: its dataset, or its device; or its labels are the task's
        values under another name.
    SettingError
        Where sources are given to a searcher that learns from none, where there are none, or one is there twice.

    Warns
    -----
    OtherMetricWarning
        Where all sources are of another metric than the target's.
    """
    task = evaluator.task
    if not spec.learns:
        if sources is not None:
            raise SettingError(
                f"{spec.name} learns from no source task. Leave out sources, or use a meta-searcher, a "
                "learned space or a warm start."
            )
        return []
    if sources is None:
        try:
            sources = default_sources(task)
        except UnknownNameError as reason:
            raise SettingError(
                f"{_who(spec)} learns from source tasks, and {task.name} has no registered family: pass sources."
            ) from reason
    elif isinstance(sources, str | Task | SourceTask):
        sources = [sources]
    elif not isinstance(sources, Iterable):
        raise SettingError(f"{_POSSIBLE_SOURCES}, not {sources!r:.80}.")
    held_out = set(map(held_out_name, task.held_out))
    found: list[Task | SourceTask] = []
    for source in sources:
        if isinstance(source, str) and source in task_families():
            found += (other for other in task_distribution(source) if held_out.isdisjoint(other.held_out))
        elif isinstance(source, str):
            found.append(get_task(source))
        elif isinstance(source, Task | SourceTask):
            found.append(source)
        else:
            raise SettingError(f"{_POSSIBLE_SOURCES}, not {source!r:.80}.")
    if not found:
        raise SettingError(f"{_who(spec)} learns from source tasks, but there is none for {task.name}.")
    names = [source.name for source in found]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise SettingError(f"The source {twice} is there twice: name each source once.")
    shared = {source.name: held_out & set(map(held_out_name, source.held_out)) for source in found}
    leaks = [name for name, common in shared.items() if common]
    if leaks:
        on = " and ".join(sorted(shared[leaks[0]]))
        raise LeakageError(
            f"{', '.join(leaks)} cannot be a source for {task.name}: both are on {on}. "
            f"Possible here: tasks on others, as task_distribution(…).leave_out({task.dataset!r})[0] has them."
        )
    refuse_copies(evaluator, found)
    helps = "Name sources of the target's metric, or search without sources."
    if spec.guidance.fraction is not None:
        helps = f"A learned space may miss the best cells, and its estimated chance does not tell. {helps}"
    kinds = [source.metric_kind for source in found]
    warn_of_other_metric(task, kinds, _who(spec), helps, stacklevel=3)  # in whoever called search or compare
    return found


def _who(spec: SearcherSpec) -> str:
    return spec.name if spec.is_meta else " and ".join(spec.guidance.identity)
