"""One run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.checks import checked_whole
from nasmeta.errors import SettingError
from nasmeta.evaluators import (
    EVALUATORS,
    Evaluator,
    FunctionEvaluator,
    Measure,
    SurrogateEvaluator,
    TableEvaluator,
    TrainingEvaluator,
)
from nasmeta.meta import SavedMetaModel
from nasmeta.places import checked_path
from nasmeta.registry import is_place
from nasmeta.runs._clock import Clock, checked_budget
from nasmeta.runs._guidance import Guide
from nasmeta.runs._journal import read_journal
from nasmeta.runs._loop import Trace
from nasmeta.runs._rules import Rules, read_trace, rules_of, trace_of
from nasmeta.runs._run import Run
from nasmeta.runs._spec import (
    MetaModelLike,
    SearcherSpec,
    SourcesLike,
    saved_model_of,
    sources_of,
    with_settings_of,
)
from nasmeta.searchers import Searcher
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.surrogates import load_surrogate
from nasmeta.tasks import SourceTask, Task, TaskDistribution, as_task
from nasmeta.threads import one_thread

if TYPE_CHECKING:
    from nasmeta.training import ImageDataset, Recipe

__all__ = ["make_run", "on_evaluator", "search"]


def search(
    searcher: str | type[Searcher],
    task: str | Task | TaskDistribution | SearchSpace | Evaluator,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    sources: SourcesLike | None = None,
    meta_model: MetaModelLike | None = None,
    space: str | None = None,
    warm_start: int | str = 0,
    journal: str | os.PathLike[str] | None = None,
    batch: int = 1,
    stop_at_optimum: bool = False,
    progress: bool = False,
    evaluator: str | os.PathLike[str] | Evaluator | Measure = "table",
    data: str | ImageDataset | None = None,
    recipe: str | Path | Recipe = "fast",
    clock: Clock | Mapping[str, Any] | None = None,
    epochs: Sequence[int | str] | None = None,
) -> Run:
    """Run one searcher on one task.

    Parameters
    ----------
    searcher : str or type of Searcher
        A registered name, or a class.
    task : str, Task, TaskDistribution of one task, SearchSpace or Evaluator
        A space where a function answers; an evaluator answers for its own task.
    evaluations : int, optional
        Budget: how many distinct cells are evaluated; 100 where neither this nor `seconds` is given. A cell that is
        proposed again is free of charge, unless the clock says otherwise.
    seconds : float, optional
        Budget on the simulated clock, where every evaluation takes its training seconds.
    seed : int, default 0
        The same seed gives the same run, in any process. The generator is spawned from seed, task and searcher.
    settings : mapping, optional
        Keyword arguments for the searcher.
    sources : TaskDistribution, or tasks or names of tasks or families, optional
        What a meta-searcher learns from; by default the task's family. Of a family given by its name, all that the
        task holds out, such as its dataset, is left out.
    meta_model : path, str or SavedMetaModel, optional
        Instead of sources: what the searcher learnt before, in a file of `nasmeta.meta.save_meta_model` or of
        ``nasmeta meta-train``; the name of a shipped model, or ``"shipped"``, the one that has seen nothing of the
        task. The settings of its training are those of the run.
    space : str, optional
        ``"learned:0.1"``: search within the tenth of the cells that sources say is worth it, see
        `nasmeta.meta.LearnedSpace`. Any searcher can; its sources are those of `sources`.
    warm_start : int or str, default 0
        How many cells that sources choose are evaluated first, see `nasmeta.meta.warm_start_cells`; with
        ``"5/second"`` they are chosen by their gain per second of training.
    journal : path, optional
        File in which each evaluation is recorded. Where it exists the run goes on from it, with the identical trace
        as if it had never stopped; a larger budget continues a finished run.
    batch : int, default 1
        How many cells the searcher proposes at once, before it learns their values.
    stop_at_optimum : bool, default False
        End the run when the best value of the task has been evaluated.
    progress : bool, default False
        Show a spinner on stderr.
    evaluator : {"table", "surrogate", "training"}, path, Evaluator or callable, default "table"
        What answers: the table; the task's shipped surrogate, or the file of another one, whose optimum is then that of
        the surrogate; or real training, of which no optimum is known. With a journal ``run.jsonl`` trainings keep their
        checkpoints in ``run.jsonl.trainings``, so that an interrupted search loses at most the epoch that was under
        way. A `TrainingEvaluator` says more about the training.
        A function, also as ``package.module:Name``, is called with the choices of an architecture, see
        `nasmeta.evaluators.FunctionEvaluator`. Sources of a meta-searcher are always tables.
    data : str or ImageDataset, optional
        For training: images, as `nasmeta.training.load_dataset` takes them.
    recipe : str, Path or Recipe, default "fast"
        For training.
    clock : Clock or mapping, optional
        Simulated workers, and what happens with repeated cells, with the evaluation that crosses the budget and with
        promoted cells; see `nasmeta.runs.Clock`.
    epochs : sequence of int or str, optional
        The lengths of training that a multi-fidelity searcher may use; by default all that the task is known for, see
        `nasmeta.tasks.fidelities`. ``"50of200"`` is a point of a learning curve.

    Returns
    -------
    Run

    Raises
    ------
    UnknownNameError
        Where the searcher, the task or a source is not registered.
    SettingError
        For a setting, seed or number that is not possible.
    LeakageError
        Where a source has the task's dataset.
    DamagedFileError
        Where the file of the surrogate is.
    JournalError
        Where the journal is damaged, in use, or that of another run.

    Warns
    -----
    LeakageWarning
        Where the meta-model has learnt from the task's dataset.
    OtherMetricWarning
        Where all sources, or those of the meta-model, are of another metric than the task's.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("evolution", "nb201/cifar10", evaluations=1000, seed=0, stop_at_optimum=True)
    >>> run.best.cell, run.stopped
    (6111, 'optimum')
    """
    if not isinstance(task, str | Task | TaskDistribution | SearchSpace | Evaluator):
        raise SettingError(f"A task is a name such as nb201/cifar10, or a Task, not {task!r:.80}.")
    spec = SearcherSpec.of(searcher, settings).guided(space, warm_start)
    path = None if journal is None else checked_path("journal", journal)
    answers = _answers(task, evaluator, data, recipe, path)
    task = answers.task
    budget, batch = checked_budget(evaluations, seconds, stop_at_optimum, default=100), checked_whole("batch", batch)
    seed = checked_whole("seed", seed, least=0)
    saved = saved_model_of(spec, task, meta_model, sources)
    spec = with_settings_of(spec, saved)
    source_tasks = [] if saved and not spec.guidance else sources_of(spec, answers, sources)
    rules = rules_of(spec, answers, budget, None if clock is None else Clock.of(clock), epochs)
    if rules.clock is not None and batch > 1:
        raise SettingError("On a simulated clock each worker asks for one cell: use workers of the clock, not a batch.")
    header = spec.header(answers, seed, batch, source_tasks, saved, rules.clock, rules.lengths)
    trace = None if path is None else read_trace(path, header, rules)
    learnt = None
    if trace is None:
        with _spinner(progress, answers, f"{spec.name} on {task.name}"), one_thread():
            learnt = spec.learn(answers, source_tasks, saved) if spec.learns else None
            header |= spec.picked(learnt)
            trace = trace_of(spec.start(task, seed, learnt, rules.measured), path, header, rules)
    elif path is not None:
        header = read_journal(path)[0]
    run = make_run(trace, spec, spec.name, rules, seed, source_tasks, saved)
    run = replace(run, picked=str(header.get("picked", "")))
    return replace(run, chance_of_best=learnt.chance_of_best) if isinstance(learnt, Guide) else run


def _answers(
    task: str | Task | TaskDistribution | SearchSpace | Evaluator,
    evaluator: str | os.PathLike[str] | Evaluator | Measure,
    data: str | ImageDataset | None,
    recipe: str | Path | Recipe,
    journal: Path | None,
) -> Evaluator:
    """Return what answers the task."""
    if isinstance(evaluator, str) and (is_place(evaluator) or evaluator in EVALUATORS):
        evaluator = EVALUATORS[evaluator]
        if isinstance(task, str) and (task in SPACES or is_place(task)):
            task = get_space(task)
    if isinstance(task, Evaluator):
        if evaluator != "table":
            raise SettingError(f"{task!r:.80} answers already: leave out evaluator.")
        answers: Evaluator = task
    elif isinstance(task, SearchSpace) and (isinstance(evaluator, str | os.PathLike) or not callable(evaluator)):
        raise SettingError(f"A space alone has no answers: pass a function as evaluator, not {evaluator!r:.80}.")
    elif callable(evaluator) and not isinstance(evaluator, Evaluator):
        answers = FunctionEvaluator(evaluator, task if isinstance(task, SearchSpace) else as_task(task))
    elif evaluator == "training":
        if data is None:
            raise SettingError("Training needs images: name them with data, such as digits, cifar10:PATH, folder:PATH.")
        answers, data = TrainingEvaluator(as_task(task), data, recipe), None  # type: ignore[arg-type]
    elif data is not None and not isinstance(evaluator, TrainingEvaluator):
        raise SettingError(f"Data are for training, but the evaluator is {evaluator!r:.80}: pass evaluator='training'.")
    elif evaluator == "table":
        answers = TableEvaluator(as_task(task))  # type: ignore[arg-type]  # read once its sources are allowed
    else:
        answers = on_evaluator(as_task(task), evaluator)  # type: ignore[arg-type]
    if isinstance(answers, TrainingEvaluator):
        if data is not None:
            raise SettingError("The evaluator has its data already: leave out data.")
        if journal is not None and answers.folder is None:
            answers.folder = journal.with_name(f"{journal.name}.trainings")
    return answers


def on_evaluator(task: Task, evaluator: str | os.PathLike[str] | Evaluator) -> Evaluator:
    """Return the evaluator of this name, or the surrogate in this file, for a task.

    Raises
    ------
    SettingError
        Where there is no such evaluator, or it is that of another task.
    DamagedFileError
    """
    if isinstance(evaluator, Evaluator):
        if (evaluator.task.name, evaluator.task.table_name) != (task.name, task.table_name):
            raise SettingError(f"The evaluator answers for {evaluator.task.name}, but the task is {task.name}.")
        return evaluator
    if evaluator == "table":
        found = TableEvaluator(task)
        _ = found.measured  # a table that is not here is told before any run
        return found
    if not isinstance(evaluator, str | os.PathLike) or (
        evaluator != "surrogate" and Path(evaluator).suffix != ".npz" and not Path(evaluator).is_file()
    ):
        raise SettingError(
            f'An evaluator is "table", "surrogate" or the file (.npz) of a surrogate, not {evaluator!r:.80}. Single '
            'runs (search) can also have "training" or a function.'
        )
    surrogate = load_surrogate(task if evaluator == "surrogate" else evaluator)
    if (surrogate.card["task"], surrogate.card["table"]) != (task.name, task.table_name):
        raise SettingError(
            f"{os.fspath(evaluator)} is a surrogate of {surrogate.card['task']}, but the task is {task.name}."
        )
    return SurrogateEvaluator(surrogate, asked=task)


def make_run(
    trace: Trace,
    spec: SearcherSpec,
    label: str,
    rules: Rules,
    seed: int,
    sources: Sequence[Task | SourceTask],
    saved: SavedMetaModel | None = None,
) -> Run:
    """Put what was recorded and whose run it is together."""
    return Run(
        evaluator=rules.evaluator,
        searcher=label,
        settings=spec.settings,
        seed=seed,
        sources=tuple(dict.fromkeys([*(saved.sources if saved else ()), *(source.name for source in sources)])),
        space=_searched(spec.guidance.space_name, rules.measured_share),
        warm_start=spec.guidance.warm_start_name,
        cells=trace.cells,
        values=trace.values,
        cost_seconds=trace.cost_seconds,
        stopped=trace.stopped,
        searcher_seconds=trace.searcher_seconds,
        failures=trace.failures,
        end_seconds=trace.end_seconds,  # type: ignore[arg-type]  # None: filled in
        workers=trace.workers,  # type: ignore[arg-type]
        epochs=trace.epochs,  # type: ignore[arg-type]
        clock=rules.clock or Clock(),
    )


def _searched(guided: str, measured: float) -> str:
    """Return in words which part of the space was searched.

    Examples
    --------
    >>> _searched("all", 0.128), _searched("learned:0.1", 1.0)
    ('measured:0.128', 'learned:0.1')
    """
    parts = [f"measured:{measured:.3g}"] * (measured < 1) + [guided] * (guided != "all")
    return " ".join(parts) or "all"


@contextmanager
def _spinner(show: bool, evaluator: Evaluator, what: str) -> Iterator[None]:
    if not show:
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(what)) as status:  # in a name of a user [/x] is no markup
        if isinstance(evaluator, TrainingEvaluator):
            evaluator.announce = lambda doing: status.update(Text(f"{what}: {doing}"))
        yield
