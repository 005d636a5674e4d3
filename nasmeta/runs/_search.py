"""One run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasmeta.checks import check_bool
from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.files import require_writable
from nasmeta.places import checked_path, located
from nasmeta.progress import progress_bar
from nasmeta.runs._answers import EvaluatorLike, answers_for
from nasmeta.runs._clock import Clock, checked_budget
from nasmeta.runs._config import RunConfig
from nasmeta.runs._history import History
from nasmeta.runs._sources import MetaModelLike, SourcesLike
from nasmeta.runs._spec import SearcherSpec, check_lengths_used
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Task, TaskDistribution
from nasmeta.threads import one_thread
from nasmeta.training import ImageDataset, Recipe


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
    prune_space: float | None = None,
    warm_start: int | str = 0,
    journal: str | os.PathLike[str] | None = None,
    batch: int = 1,
    stop_at_optimum: bool = False,
    progress: bool = False,
    evaluator: EvaluatorLike = "table",
    data: str | ImageDataset | None = None,
    recipe: str | Path | Recipe | None = None,
    clock: Clock | Mapping[str, Any] | None = None,
    epochs: Sequence[int | str] | None = None,
) -> History:
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
        Instead of sources: what the searcher learnt before, in a file of `nasmeta.meta.SavedMetaModel.write` or of
        ``nasmeta meta-train``; the name of a shipped model, or ``"shipped"``, the one that has seen nothing of the
        task. The settings of its training are those of the run.
    prune_space : float, optional
        Fraction of the cells to search in, above 0 and at most 1: 0.1 keeps the tenth that is the most promising by
        the sources. Any searcher can; its sources are those of `sources`.
    warm_start : int or str, default 0
        How many cells that sources choose are evaluated first, each for what it adds on the sources (greedy coverage,
        after Wistuba et al., DSAA 2015); with ``"5/second"`` by what it adds per second of training.
    journal : path, optional
        File in which each evaluation is recorded. Where it exists the run goes on from it, with the identical trace
        as if it had never stopped; a larger budget continues a finished run.
    batch : int, default 1
        How many cells the searcher proposes at once, before it learns their values.
    stop_at_optimum : bool, default False
        End the run when the best value of the task has been evaluated.
    progress : bool, default False
        Show on stderr how many evaluations are done, out of how many.
    evaluator : str, path, Evaluator or callable, or a list of these, default "table"
        What answers: ``table``; ``unknown-feasibility``, the table with searchers that do not know what was measured,
        so that the evaluation of anything else fails; ``surrogate``, the task's shipped one, or the file of another,
        whose optimum is then that of the surrogate; ``training`` or ``supernet``, of which no optimum is known. With a
        journal ``run.jsonl`` trainings keep their checkpoints in ``run.jsonl.trainings``, so that an interrupted search
        loses at most the epoch that was under way. A `TrainingEvaluator` says more about the training.
        A function, also as ``package.module:Name``, is called with the choices of an architecture, see
        `nasmeta.evaluators.FunctionEvaluator`. A list has one for each objective of a task of several; what an
        evaluation costs is then the highest of their costs. Sources of a meta-searcher are always tables.
    data : str or ImageDataset, optional
        For training: images, as `nasmeta.training.ImageDataset.load` takes them.
    recipe : str, Path or Recipe, optional
        For training; as in `nasmeta.train`.
    clock : Clock or mapping, optional
        Simulated workers, and what happens with repeated cells, with the evaluation that crosses the budget and with
        promoted cells; see `nasmeta.runs.Clock`.
    epochs : sequence of int or str, optional
        The lengths of training that a multi-fidelity searcher may use; by default all that the task is known for: 12
        and 200 on NAS-Bench-201. ``"50of200"`` is a point of a learning curve. Searchers of one length take the full
        one; short ones beside it are then refused.

    Returns
    -------
    History

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
    spec = SearcherSpec.of(searcher, settings).guided(prune_space, warm_start)
    path = None if journal is None else checked_path("journal", journal)
    check_bool("progress", progress)
    answers = answers_for(task, evaluator, data, recipe)
    if isinstance(answers, TrainingEvaluator) and path is not None and answers.folder is None:
        answers.folder = path.with_name(f"{path.name}.trainings")
    config = RunConfig.of(
        spec,
        answers,
        checked_budget(evaluations, seconds, stop_at_optimum, default=100),
        seed=seed,
        batch=batch,
        meta_model=meta_model,
        sources=sources,
        clock=clock,
        epochs=epochs,
    )
    if epochs is not None:
        check_lengths_used([spec], epochs)
    history = None if path is None else config.read(path)
    if history is not None:
        return history
    if path is not None:
        require_writable(located("journal", path), JournalError, said=f"Cannot write the journal {path}")
    what = f"{spec.name} on {answers.task.name}"
    with progress_bar(what, config.most_evaluations, shown=progress) as bar, one_thread():
        if progress and isinstance(answers, TrainingEvaluator):
            answers.trainer.announce = bar.note
        return config.run(path, watch=bar.update if progress else None)
