"""The config of a run: searcher, evaluator, budget, clock and sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

import nasmeta
from nasmeta.arrays import Architectures, Facts
from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, RunFailed, SettingError
from nasmeta.evaluators import Evaluator, MultiObjectiveEvaluator
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._searcher_spec import SearcherSpec, check_costs, check_objectives
from nasmeta.runs._sources import SourcesLike, is_model, named_sources, saved_model_of, sources_of
from nasmeta.runs._transfer import Transfer
from nasmeta.searchers import Searcher
from nasmeta.spaces import canonical_dataset
from nasmeta.tasks import SourceTask, Task, at_scale

if TYPE_CHECKING:
    from nasmeta.meta import SavedMetaModel


@dataclass(frozen=True, eq=False)
class RunConfig:
    """The config of a run; the same config gives the same history in any process.

    `nasmeta.search` and `nasmeta.compare` build it from their arguments, see `RunConfig.of`.

    Attributes
    ----------
    searcher : SearcherSpec
        Class and settings of the searcher.
    evaluator : Evaluator
        Evaluates full trainings of the architectures for its ``task``.
    budget : Budget
    seed : int
    clock : Clock or None
        None if only evaluations count.
    lengths : mapping of int to Evaluator, or None
        For a multi-fidelity searcher, the evaluators by epochs.
    sources : tuple of Task or SourceTask
        The source tasks.
    saved : SavedMetaModel or None
        The meta-model from a file.
    label : str
        The name of the searcher in a comparison; by default its own.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import run_config
    >>> run = nm.search("random", "nb201/cifar10", evaluations=20, seed=3)
    >>> config = run.config
    >>> config.searcher.name, config.seed, config.budget.evaluations
    ('random', 3, 20)
    >>> run_config(config).architectures.tolist() == run.architectures.tolist()
    True
    """

    searcher: SearcherSpec
    evaluator: Evaluator
    budget: Budget
    seed: int = 0
    clock: Clock | None = None
    lengths: Mapping[int, Evaluator] | None = None
    sources: tuple[Task | SourceTask, ...] = ()
    saved: SavedMetaModel | None = None
    label: str = ""

    def __post_init__(self) -> None:
        """Draw the values of this run, if the task samples them."""
        object.__setattr__(self, "evaluator", self.evaluator.for_seed(self.seed))
        if self.lengths is not None:
            lengths = {epochs: each.for_seed(self.seed) for epochs, each in self.lengths.items()}
            object.__setattr__(self, "lengths", lengths)

    @classmethod
    def of(
        cls,
        searcher: SearcherSpec,
        evaluator: Evaluator,
        budget: Budget,
        *,
        seed: int = 0,
        sources: SourcesLike | None = None,
        clock: Clock | Mapping[str, Any] | None = None,
        label: str = "",
    ) -> RunConfig:
        """Return the checked config of a run; for the parameters see `nasmeta.search`.

        Raises
        ------
        SettingError, UnknownNameError, LeakageError, MissingValueError
        """
        check_objectives(searcher, evaluator, budget)
        seed = check_int("seed", seed, least=0)
        config = cls(searcher.budgeted(budget), evaluator, budget, seed, label=label)
        return config.with_sources(sources).with_clock(clock)

    def with_sources(self, sources: SourcesLike | None = None) -> RunConfig:
        """Return the config with the sources of the searcher, by default the task's family, or with a meta-model.

        The settings of the model's meta-training are defaults of the searcher's settings.
        """
        config, sources = self, named_sources(sources)
        if is_model(sources):
            saved, sources = saved_model_of(self.searcher, self.task, sources), None
            kind: Any = self.searcher.kind
            settings = kind.with_learnt(saved.card["settings"], self.searcher.settings)
            config = replace(self, searcher=replace(self.searcher, settings=settings), saved=saved)
            if not self.searcher.transfer:
                return config
        spec, tasks = config.searcher, sources_of(config.searcher, self.evaluator, sources)
        if tasks and spec.is_meta and config.saved is None:
            kind = spec.kind
            kind.check_sources(self.task.space, tasks)
        spec.transfer.check(self.task, tasks)
        return replace(config, sources=tuple(tasks))

    def with_clock(self, clock: Clock | Mapping[str, Any] | None) -> RunConfig:
        """Return the config with a clock, and with the training lengths of a multi-fidelity searcher."""
        spec, evaluator, budget, task = self.searcher, self.evaluator, self.budget, self.task
        if clock is not None:
            clock = Clock.of(clock)
        lengths = None
        if spec.is_multi_fidelity:
            lengths = evaluator.after(spec.epochs)
            if len(lengths) == 1 and spec.epochs is None and not spec.settings.get("rungs"):
                what = f"training lengths of {task.name}"
                settings = f"settings={{'epochs': {[*lengths]}}}"
                hint = f"With {settings} {spec.name} uses full trainings only."
                raise SettingError(what, [*lengths], "at least two", hint)
            resumes = any(evaluator.resumes for evaluator in lengths.values())
            promotion = "continued" if resumes else "scratch"
            clock = clock or Clock(promotion=promotion)
        if budget.seconds is not None:
            clock = clock or Clock()
            check_costs((lengths or {0: evaluator}).values())
        is_known = evaluator.values is not None
        if budget.stop_at_optimum and (task.is_sampled or not is_known):
            raise SettingError(
                f"The optimum of {task.name} is unknown, so stop_at_optimum is not possible."
            )
        takes_time = not is_known and not evaluator.simulates
        if takes_time and clock is not None and clock.workers > 1:
            expected = "1 for real trainings and functions"
            raise SettingError("workers of the clock", clock.workers, expected)
        return replace(self, clock=clock, lengths=lengths)

    @property
    def task(self) -> Task:
        """The task of the run."""
        return self.evaluator.task

    @property
    def evaluators(self) -> Mapping[int, Evaluator]:
        """The evaluators by epochs."""
        return self.lengths or {self.evaluator.full_epochs: self.evaluator}

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of the source tasks, including the meta-model's."""
        learned = self.saved.sources if self.saved else ()
        return tuple(dict.fromkeys([*learned, *(source.name for source in self.sources)]))

    @cached_property
    def measured(self) -> Architectures | None:
        """The architectures with values for all training lengths, int32; None if the table is complete."""
        measured = [evaluator.measured for evaluator in self.evaluators.values()]
        incomplete = [architectures for architectures in measured if architectures is not None]
        if not incomplete:
            return None
        return reduce(np.intersect1d, incomplete)

    @property
    def n_measured(self) -> int:
        """The number of architectures that can be evaluated."""
        if self.measured is None:
            return self.task.space.size
        return len(self.measured)

    @property
    def searched_space(self) -> str:
        """The name of the searched part: ``all``, ``learned:0.1``, or ``measured:0.128``."""
        learned = self.searcher.transfer.space_name
        share = self.n_measured / self.task.space.size
        if share == 1:
            return learned
        measured = f"measured:{share:.3g}"
        if learned == "all":
            return measured
        return f"{measured} {learned}"

    @property
    def most_evaluations(self) -> int | None:
        """The largest number of evaluations within budget and space; None if only seconds end the run."""
        most = self.budget.evaluations
        if most is None or (self.clock is not None and self.clock.repeats == "charged"):
            return most
        return min(most, self.n_measured * len(self.evaluators))

    @property
    def target(self) -> float | None:
        """The utility at which the run ends."""
        if not self.budget.stop_at_optimum:
            return None
        return self.evaluator.sign * self.evaluator.optimum

    @property
    def identity(self) -> Facts:
        """All facts that identify the run, without its budget, as in the first line of its journal."""
        spec, column, saved = self.searcher, self.evaluator.column, self.saved
        lengths = {str(epochs): _column(each) for epochs, each in (self.lengths or {}).items()}
        facts = {
            "task": self.task.name,
            "scale": self.task.scale or None,
            "searcher": spec.name,
            "code": spec.code,
            "settings": spec.settings | spec.transfer.settings,
            "seed": self.seed,
            "sources": [_labels(source) for source in self.sources],
            "meta_model": saved and {"sha256": saved.sha256, "sources": list(saved.sources)},
            "column": _column(self.evaluator),
            "objectives": _objectives(self.evaluator),
            "unit": column.unit,
            "predicted": self.evaluator.prediction or None,
            "release": column.release or None,
            "source": column.source,
            "source_sha256": column.source_sha256,
            "evaluator": self.evaluator.identity or None,
            "clock": self.clock and self.clock.settings,
            "epochs": lengths or None,
            "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    def learn(self, searcher: Searcher | None = None) -> Transfer:
        """Learn from the sources, moved to the scale of the task; the result does not depend on the seed.

        By default, a new meta-searcher learns.
        """
        spec, model = self.searcher, None
        sources = at_scale(self.task, self.sources)
        name = self.label or spec.name
        with naming_crashes(f"meta-training of {name} for {self.task.name}"):
            if spec.is_meta:
                model = spec.meta_fit(self.task, sources, self.saved, searcher)
            return spec.transfer.learn(self.task, sources, model, self.evaluator.measured)

    def build(self) -> Any:
        """Build the searcher, with the generator of this run."""
        task = self.task
        return self.searcher.build(task.space, self.searcher.generator(task, self.seed))

    def learn_and_start(self) -> Searcher:
        """Return the searcher after it has learned from the sources, if any."""
        searcher = None
        if getattr(self.searcher.kind, "learns_in_place", False):
            searcher = self.build()
        return self.start(self.learn(searcher), searcher)

    def start(self, transfer: Transfer, searcher: Any = None) -> Searcher:
        """Return a searcher, by default a new one, with the learned knowledge.

        It is restricted to the measured architectures.
        """
        task = self.task
        searcher = searcher or self.build()
        if self.searcher.is_meta:
            searcher.meta_model_ = transfer.meta_model
        if self.measured is not None:
            transfer = transfer.within(self.measured, task)
        return transfer.around(searcher)


@contextmanager
def naming_crashes(what: str, hint: str = "") -> Iterator[None]:
    """Raise an exception of custom code as an error that names the run."""
    try:
        yield
    except RunFailed as failure:
        raise RunFailed.of(what, failure, hint) from failure.__cause__
    except (NasmetaError, OSError):
        raise
    except Exception as reason:
        raise RunFailed.of(what, reason, hint) from reason


def _objectives(evaluator: Evaluator) -> list[str] | None:
    if not isinstance(evaluator, MultiObjectiveEvaluator):
        return None
    objectives = []
    for part in evaluator.parts:
        objectives.append(f"{_column(part)}, {part.column.direction}, {part.column.unit}")
    return objectives


def _column(evaluator: Evaluator) -> str:
    column = evaluator.column
    dataset = canonical_dataset(column.dataset)
    return f"{dataset}/{column.metric}/{column.split}/{column.epochs}/{column.seed}"


def _labels(source: Task | SourceTask) -> Facts:
    """Return name, number and checksum of the labels of a source."""
    if isinstance(source, Task):
        source = source.as_source()
    return {"name": source.name, "labels": len(source), "sha256": source.sha256[:16]}
