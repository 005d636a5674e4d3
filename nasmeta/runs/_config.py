"""The config of a run: searcher, evaluator, budget, clock and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.checks import check_int
from nasmeta.errors import MissingValueError, NasmetaError, RunFailed, SettingError
from nasmeta.evaluators import Evaluator, MultiObjectiveEvaluator
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, check_recorded, read_journal
from nasmeta.runs._loop import run_loop
from nasmeta.runs._sources import SourcesLike, check_learnable, is_model, named_sources, saved_model_of, sources_of
from nasmeta.runs._spec import SearcherSpec, check_objectives, why_no_seconds
from nasmeta.runs._transfer import Transfer
from nasmeta.searchers import MetaSearcher, MultiFidelitySearcher, Searcher
from nasmeta.tasks import SourceTask, Task

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
    >>> config = nm.search("random", "nb201/cifar10", evaluations=20, seed=3).config
    >>> config.searcher.name, config.seed, config.budget.evaluations
    ('random', 3, 20)
    >>> config.run().best == nm.search("random", "nb201/cifar10", evaluations=20, seed=3).best
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
            drawn = {epochs: one.for_seed(self.seed) for epochs, one in self.lengths.items()}
            object.__setattr__(self, "lengths", drawn)

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
            assert issubclass(self.searcher.kind, MetaSearcher)
            settings = self.searcher.kind.with_learnt(saved.card["settings"], self.searcher.settings)
            config = replace(self, searcher=replace(self.searcher, settings=settings), saved=saved)
            if not self.searcher.transfer:
                return config
        found = sources_of(config.searcher, self.evaluator, sources)
        if found:
            check_learnable(config.searcher, self.task, found, config.saved)
        return replace(config, sources=tuple(found))

    def with_clock(self, clock: Clock | Mapping[str, Any] | None) -> RunConfig:
        """Return the config with a clock, and with the training lengths of a multi-fidelity searcher."""
        spec, evaluator, budget, task, lengths = self.searcher, self.evaluator, self.budget, self.task, None
        clock = None if clock is None else Clock.of(clock)
        if spec.is_multi_fidelity:
            lengths = evaluator.after(spec.epochs)
            if len(lengths) == 1 and spec.epochs is None and not spec.settings.get("rungs"):
                raise SettingError(
                    f"training lengths of {task.name}", [*lengths], "at least two",
                    f"With settings={{'epochs': {[*lengths]}}} {spec.name} uses full trainings only.",
                )  # fmt: skip
            resumes = any(one.resumes for one in lengths.values())
            clock = clock or Clock(promotion="continued" if resumes else "scratch")
        if budget.seconds is not None:
            clock = clock or Clock()
            free = next((other for other in (lengths or {0: evaluator}).values() if not other.has_costs()), None)
            if free is not None:
                raise why_no_seconds(free)
        if budget.stop_at_optimum and (task.is_sampled or evaluator.values is None):
            raise SettingError(f"The optimum of {task.name} is unknown, so stop_at_optimum is not possible.")
        if evaluator.values is None and clock is not None and clock.workers > 1:
            raise SettingError("workers of the clock", clock.workers, "1 for real trainings and functions")
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
    def is_timed(self) -> bool:
        """Whether time passes on a simulated clock."""
        return self.clock is not None

    @property
    def source_names(self) -> tuple[str, ...]:
        """The names of the source tasks, including the meta-model's."""
        learned = self.saved.sources if self.saved else ()
        return tuple(dict.fromkeys([*learned, *(source.name for source in self.sources)]))

    @property
    def prune_space(self) -> float | None:
        """The fraction of the space to search; None for the whole space."""
        return self.searcher.transfer.prune_space

    @cached_property
    def measured(self) -> NDArray[np.int32] | None:
        """The architectures with values for all training lengths, int32; None if the table is complete."""
        parts = [one.measured for one in self.evaluators.values() if one.measured is not None]
        if not parts:
            return None
        common = parts[0]
        for part in parts[1:]:
            common = np.intersect1d(common, part)
        if not len(common):
            raise MissingValueError(f"{self.task.name}: no architecture has values for all training lengths.")
        return common

    @property
    def searched_space(self) -> str:
        """The name of the searched part: ``all``, ``learned:0.1``, or ``measured:0.128``."""
        learned = self.searcher.transfer.space_name
        share = 1.0 if self.measured is None else len(self.measured) / self.task.space.size
        parts = [f"measured:{share:.3g}"] * (share < 1) + [learned] * (learned != "all")
        return " ".join(parts) or "all"

    @property
    def most_evaluations(self) -> int | None:
        """The largest number of evaluations within budget and space; None if only seconds end the run."""
        most = self.budget.most_evaluations
        if self.clock is None or self.clock.repeats == "free":
            n_measured = self.task.space.size if self.measured is None else len(self.measured)
            most = min(most, n_measured * len(self.evaluators))
        return None if self.budget.evaluations is None else int(most)

    @property
    def target(self) -> float | None:
        """The utility at which the run ends."""
        return self.evaluator.sign * self.evaluator.optimum if self.budget.stop_at_optimum else None

    @property
    def identity(self) -> dict[str, Any]:
        """All facts that identify the run, without its budget, as in the first line of its journal."""
        spec, column, saved = self.searcher, self.evaluator.column, self.saved
        lengths = {str(epochs): _column(one) for epochs, one in (self.lengths or {}).items()}
        return {
            "task": self.task.name,
            "searcher": spec.name,
            **spec.code_identity,
            "settings": spec.settings | spec.transfer.settings,
            "seed": self.seed,
            "sources": [_labels(source) for source in self.sources],
            **({"meta_model": {"sha256": saved.sha256, "sources": list(saved.sources)}} if saved else {}),
            "column": _column(self.evaluator),
            **_objectives(self.evaluator),
            "unit": column.unit,
            "release": column.release,
            "source": column.source,
            "source_sha256": column.source_sha256,
            **({"evaluator": self.evaluator.identity} if self.evaluator.identity else {}),
            **({} if self.clock is None else {"clock": self.clock.settings}),
            **({"epochs": lengths} if lengths else {}),
            "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}",
        }

    def read(self, path: Path) -> History | None:
        """Return the history in the journal of a finished run; None if the run has to continue.

        Raises
        ------
        JournalError
            If the journal is damaged, belongs to another run, or contradicts the table.
        """
        found = read_journal(path, self.identity)
        if found is None:
            return None
        history = found[1]
        self._check(path, history)
        return history.of(self) if self._finish(history) else None

    def _finish(self, history: History) -> bool:
        """Remove evaluations after the end of the run; return False if the run is not finished."""
        clock, most, until = self.clock or Clock(), self.budget.most_evaluations, self.budget.most_seconds
        n, ends = len(history), history.end_seconds
        within = (np.arange(n) < most) & (history.start_seconds < until)
        free_again = dict(zip(history.workers[within].tolist(), ends[within].tolist(), strict=True))
        all_busy_until = min(free_again.values()) if len(free_again) == clock.workers else -np.inf
        history.end(self.budget, clock, self.evaluator.sign, self.target, self.evaluator.full_epochs)
        if within.sum() >= most or within.sum() < n or all_busy_until >= until:
            return True
        if history.stopped == "optimum":  # unless another evaluation could have started before
            return clock.workers == 1 or all_busy_until >= float(history.end_seconds[-1])
        if not self.is_timed and n >= (self.task.space.size if self.measured is None else len(self.measured)):
            history.stopped = "exhausted"
            return True
        return False

    def learn(self) -> Transfer:
        """Learn from the sources; the result does not depend on the seed."""
        spec, model = self.searcher, None
        with _naming_crashes(f"meta-training of {self.label or spec.name} for {self.task.name}"):
            if spec.is_meta:
                model = spec.meta_fit(self.task, list(self.sources), self.saved)
            return spec.transfer.learn(self.task, self.sources, model, self.evaluator.measured)

    def start(self, transfer: Transfer) -> Searcher:
        """Build the searcher with the learned knowledge, restricted to the measured architectures."""
        task = self.task
        searcher = self.searcher.build(task.space, self.searcher.generator(task, self.seed))
        if isinstance(searcher, MetaSearcher):
            searcher.meta_model_ = transfer.meta_model
        if self.measured is not None:
            transfer = transfer.within(self.measured, task)
        return transfer.around(searcher)

    def run(
        self,
        path: Path | None = None,
        *,
        learnt: Transfer | None = None,
        watch: Callable[[int], object] | None = None,
    ) -> History:
        """Run the searcher.

        Parameters
        ----------
        path : Path, optional
            Journal to resume and to append to.
        learnt : Transfer, optional
            The result of `learn`, which many runs share.
        watch : callable, optional
            Called with the number of evaluations.
        """
        learnt = self.learn() if learnt is None else learnt
        searcher = self.start(learnt)
        if isinstance(searcher, MultiFidelitySearcher) and self.lengths is not None:
            searcher.begin(tuple(self.evaluators))
        with ExitStack() as stack:
            for one in self.evaluators.values():
                stack.callback(one.close)
            journal = None if path is None else stack.enter_context(Journal(path, self.identity))
            past = History() if journal is None else journal.past
            if path is not None:
                self._check(path, past)
            rows = [past.row(i) for i in range(len(past))]
            for epochs, one in self.evaluators.items():
                of_length = [row for row in rows if row[3].get("epochs", epochs) == epochs]
                one.resume(
                    [(architecture, value, details.get("failure")) for architecture, value, _, details in of_length]
                )
            hint = f"The same command resumes from {path}; after a change of the code, use another file."
            what = f"{self.label or self.searcher.name} on {self.task.name}, seed {self.seed}"
            stack.enter_context(_naming_crashes(what, "" if path is None or self.label else hint))
            history = run_loop(
                searcher,
                self.evaluators,
                evaluations=self.budget.evaluations,
                seconds=self.budget.seconds,
                clock=self.clock,
                sign=self.evaluator.signs,
                target=self.target,
                journal=journal,
                watch=watch,
            )
        history.chance_of_best = learnt.chance_of_best
        return history.of(self)

    def _check(self, path: Path, past: History) -> None:
        """Raise a JournalError if recorded values contradict the tables."""
        continued = self.clock is not None and self.clock.promotion == "continued"  # costs then depend on the past
        check_recorded(path, past, self.evaluators, costs=not continued)


@contextmanager
def _naming_crashes(what: str, hint: str = "") -> Iterator[None]:
    """Raise an exception of custom code as an error that names the run."""
    try:
        yield
    except RunFailed as failure:
        raise RunFailed.of(what, failure, hint) from failure.__cause__
    except (NasmetaError, OSError):
        raise
    except Exception as reason:
        raise RunFailed.of(what, reason, hint) from reason


def _objectives(evaluator: Evaluator) -> dict[str, list[str]]:
    if not isinstance(evaluator, MultiObjectiveEvaluator):
        return {}
    return {"objectives": [f"{_column(part)}, {part.column.direction}, {part.column.unit}" for part in evaluator.parts]}


def _column(evaluator: Evaluator) -> str:
    c = evaluator.column
    return f"{c.dataset}/{c.metric}/{c.split}/{c.epochs}/{c.seed}"


def _labels(source: Task | SourceTask) -> dict[str, Any]:
    """Return name, number and checksum of the labels of a source."""
    seen = source.as_source() if isinstance(source, Task) else source
    return {"name": seen.name, "labels": len(seen), "sha256": seen.sha256[:16]}
