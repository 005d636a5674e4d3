"""One run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasmeta.errors import SettingError
from nasmeta.evaluators import UNKNOWN_FEASIBILITY, Evaluator, TrainingEvaluator
from nasmeta.files import require_writable
from nasmeta.progress import progress_bar
from nasmeta.registry import names_from_file
from nasmeta.runs._clock import Budget, Clock, checked_budget
from nasmeta.runs._config import RunConfig
from nasmeta.runs._evaluator_argument import EvaluatorLike, evaluator_for, on_evaluator
from nasmeta.runs._history import History
from nasmeta.runs._journal import require_journal
from nasmeta.runs._run import finished_run, history_of, run_config
from nasmeta.runs._searcher_spec import SearcherSpec
from nasmeta.runs._sources import SourcesLike
from nasmeta.runs._transfer import TransferSettings
from nasmeta.searchers import SEARCHERS, Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Task, TaskDistribution, as_task
from nasmeta.threads import one_thread


@names_from_file()
def read_run(path: str | os.PathLike[str]) -> History:
    """Return the run in a journal, with values of its task's table; never import custom code that the journal names.

    Raises
    ------
    SettingError
        As in `recorded_config`.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> from nasmeta.runs import read_run
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=5, journal=f"{folder}/run.jsonl")
    ...     read = read_run(f"{folder}/run.jsonl")
    >>> read.best == run.best
    True
    """
    header, trace = require_journal(Path(path))
    config = recorded_config(header, Budget(len(trace)))
    history = history_of(config, trace)
    history.end(config.budget, history.clock, config.evaluator.sign, None)
    return history


def recorded_config(header: Mapping[str, Any], budget: Budget) -> RunConfig:
    """Return the config of a run from the header of its journal, without sources; import no custom searcher.

    Raises
    ------
    SettingError
        If the values are from a function, a training, or another surrogate than the shipped one.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import Budget, recorded_config
    >>> run = nm.search("random", "nb201/cifar10", evaluations=5)
    >>> recorded_config(run.config.identity, Budget(5)).searcher == run.config.searcher
    True
    """
    identity = header.get("evaluator", {})
    kind = identity.get("kind", "table")
    shipped = kind in ("table", UNKNOWN_FEASIBILITY, "surrogate")
    evaluator = None
    if shipped:
        evaluator = on_evaluator(as_task(header["task"]), kind)
    if evaluator is None or evaluator.identity != identity:
        expected = "the table of the task, or its shipped surrogate"
        raise SettingError(f"evaluator of {header['task']}", kind, expected)
    name, settings = header["searcher"], dict(header["settings"])
    transfer = TransferSettings.of(settings.pop("prune_space", None), settings.pop("warm_start", 0))
    searcher = SEARCHERS[name] if name in SEARCHERS else Searcher  # noqa: SIM401 - `get` raises an error for custom code
    epochs, lengths, clock = None, None, None
    if "epochs" in header:
        epochs = tuple(map(int, header["epochs"]))
        lengths = evaluator.after(epochs)
    if "clock" in header:
        clock = Clock.of(header["clock"])
    spec = SearcherSpec(name, searcher, settings, transfer, epochs)
    return RunConfig(spec, evaluator, budget, header.get("seed", 0), clock, lengths)


def search(
    searcher: str | type[Searcher],
    task: str | Task | TaskDistribution | SearchSpace | Evaluator,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    sources: SourcesLike | None = None,
    journal: str | os.PathLike[str] | None = None,
    evaluator: EvaluatorLike = "table",
    clock: Clock | Mapping[str, Any] | None = None,
    stop_at_optimum: bool = False,
    progress: bool = False,
) -> History:
    """Run one searcher on one task.

    Parameters
    ----------
    searcher : str or type of Searcher
        A registered name, or a class.
    task : str, Task, TaskDistribution of one task, SearchSpace or Evaluator
        A space needs a function as `evaluator`. An evaluator implies its own task.
    evaluations : int, optional
        Budget: number of distinct architectures to evaluate; 100 unless `seconds` is given.
        Repeated proposals are free, unless the clock charges them.
    seconds : float, optional
        Budget on the simulated clock, on which every evaluation takes its training seconds.
    seed : int, default 0
        Seed of the run; the same seed gives the same run in any process. Generators are spawned
        from seed, task and searcher.
    settings : mapping, optional
        Keyword arguments of the searcher. Every searcher also takes two settings that use the
        sources. ``prune_space`` is a fraction: 0.1 searches the most promising tenth of the space,
        according to the sources. ``warm_start`` is the number of architectures to evaluate first,
        chosen greedily by their gain on the sources (after Wistuba et al., DSAA 2015);
        ``"5/second"`` ranks them by gain per second of training. Multi-fidelity searchers also take
        ``epochs``, their training lengths: by default all lengths of the task, such as 12 and 200
        on NAS-Bench-201. In real training, ``"50of200"`` is a point of the learning curve.
    sources : TaskDistribution, tasks, names of tasks or families, SavedMetaModel or its file
    (.npz), optional
        Sources of a meta-searcher; by default the task's family. Tasks that share the target's
        dataset are excluded from a family. A `nasmeta.meta.SavedMetaModel` replaces the
        meta-training, and provides defaults for the settings.
    journal : path, optional
        File that records every evaluation; if it exists, the run resumes, with the same trace as an
        uninterrupted run. A larger budget continues a finished run.
    evaluator : str, path, Evaluator or callable, default "table"
        Source of the values. ``"unknown-feasibility"``: the table, but evaluations of missing
        values fail. ``"surrogate"``: the shipped surrogate of the task. The file of another
        surrogate and a `Surrogate` are also accepted; for several objectives, a list with one
        evaluator per objective. A `TrainingEvaluator` trains networks; with a journal ``run.jsonl``
        it keeps its checkpoints in ``run.jsonl.trainings``. A function, also as
        ``package.module:Name``, is called with the choices of an architecture, see
        `nasmeta.evaluators.FunctionEvaluator`.
    clock : Clock or mapping, optional
        Simulated workers, and the treatment of repeated proposals, of the evaluation that crosses
        the budget and of promoted architectures; see `nasmeta.runs.Clock`.
    stop_at_optimum : bool, default False
        End the run when the best value of the task has been evaluated.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    History

    Raises
    ------
    UnknownNameError
        If the searcher, the task or a source is not registered.
    SettingError
        If a setting is impossible.
    LeakageError
        If a source, or the meta-model, has seen the task's dataset.
    RunFailed
        If custom code raises an exception.
    DamagedFileError
        If the file of the surrogate is damaged.
    JournalError
        If the journal is damaged, in use, or belongs to another run.

    Warns
    -----
    OtherMetricWarning
        If all sources measure another metric than the task.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("evolution", "nb201/cifar10", evaluations=1000, seed=0, stop_at_optimum=True)
    >>> run.best.architecture, run.stopped
    (6111, 'optimum')
    """
    spec = SearcherSpec.of(searcher, settings)
    path = None if journal is None else Path(journal)
    evaluator = evaluator_for(task, evaluator)
    if path is not None:
        evaluator = evaluator.in_folder(path.with_name(f"{path.name}.trainings"))
    budget = checked_budget(evaluations, seconds, stop_at_optimum, default=100)
    config = RunConfig.of(spec, evaluator, budget, seed=seed, sources=sources, clock=clock)
    if path is not None:
        history = finished_run(config, path)
        if history is not None:
            return history
        require_writable(path)  # before the meta-training
    title = f"{spec.name} on {evaluator.column.labelled(evaluator.task.name)}"
    with progress_bar(title, config.most_evaluations, shown=progress) as bar, one_thread():
        if progress and isinstance(evaluator, TrainingEvaluator):
            evaluator.trainer.announce = bar.note
        watch = bar.update if progress else None
        return history_of(config, run_config(config, path, watch=watch))
