"""Meta-training into a file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.checks import recorded_settings, taking
from nasmeta.errors import DamagedFileError, SettingError, UnknownNameError
from nasmeta.files import require_writable
from nasmeta.meta._meta_predictor import (
    META_PREDICTORS,
    MetaPredictor,
    is_meta_predictor,
    is_meta_searcher,
)
from nasmeta.meta._saved_model import SUFFIX, SavedMetaModel, kind_of, training_digest
from nasmeta.progress import progress_bar
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, TaskDistribution, as_tasks
from nasmeta.threads import one_thread


def meta_train(
    learner: str | type[MetaSearcher] | type[MetaPredictor],
    sources: str | Task | Iterable[str | Task | SourceTask] = "nb201",
    *,
    output: str | os.PathLike[str],
    leave_out: str | None = None,
    n_labels: int | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    replace: bool = False,
    progress: bool | Callable[[int, int, float], None] | None = None,
) -> SavedMetaModel:
    """Meta-train a searcher or predictor on source tasks and write the meta-model to a file.

    Parameters
    ----------
    learner : str or type
        Registered name of a meta-searcher or meta-predictor, such as meta-gp or maml;
        ``package.module:Name``; or a class. Your own class needs ``_pack`` and ``_unpack``, see
        `SavedMetaModel.write`.
    sources : names of tasks or families, Tasks or SourceTasks, default "nb201"
        Tasks or families to learn from.
    output : path
        File of the meta-model (.npz).
    leave_out : str, optional
        Dataset or device to leave out, so that the model can be tested on it without leakage.
    n_labels : int, optional
        Number of random labels per source, at least 2; by default all.
    settings : mapping, optional
        Keyword arguments of the learner.
    seed : int, default 0
        Seed of the meta-training and of the choice of labels.
    resume : bool, default False
        If the file holds the model of the same training, return it.
    replace : bool, default False
        Replace an existing model at the end.
    progress : bool or callable, optional
        True shows a progress bar on stderr. A function is called with (steps done, total steps,
        loss). Only gradient-based training has steps.

    Returns
    -------
    SavedMetaModel

    Raises
    ------
    UnknownNameError
    SettingError
        If a file exists and may not be replaced, or if a class has no `_pack`.
    DamagedFileError
        If `resume` finds a file that is not a meta-model.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.meta import meta_train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = meta_train("source-order", leave_out="cifar100", n_labels=50, output=f"{folder}/order.npz")
    >>> saved.sources, saved.card["sources"][0]["labels"]
    (('nb201/cifar10', 'nb201/imagenet16-120'), 50)
    """
    path = Path(output)
    if path.suffix != SUFFIX or path.is_dir() or not path.parent.is_dir():
        raise SettingError(
            "output", str(path), f"a file that ends in {SUFFIX}, in a folder that exists"
        )
    labelled = _sources(sources, leave_out, n_labels, seed)
    built = build_learner(learner, labelled[0].space, seed, settings or {})
    if getattr(type(built), "_pack", None) is MetaSearcher._pack:
        built._pack()  # raises an error before the training
    training = training_digest(built, labelled, seed)
    if resume and path.exists():
        try:
            saved = SavedMetaModel.load(path)
            if saved.card.get("training") == training:
                return saved
        except DamagedFileError:
            if not replace:
                raise
    if path.exists() and not replace:
        raise SettingError(
            "output",
            str(path),
            "a new file",
            "Use replace (--replace), or resume (--resume) to keep a model of the same training.",
        )
    require_writable(path)
    with one_thread(), progress_bar(f"{kind_of(built)}: steps", shown=progress is True) as bar:
        built.progress = lambda step, steps, loss: bar.update(step, steps, f"loss {loss:.4f}")
        if callable(progress):
            built.progress = progress
        built.meta_fit(labelled)
    return SavedMetaModel.load(SavedMetaModel.write(path, built, training))


def _sources(
    sources: Any, leave_out: str | None, n_labels: int | None, seed: int
) -> list[SourceTask]:
    """Return the labels of the sources: all, or `n_labels` random ones of each task."""
    given = as_tasks(sources)
    labelled = [source for source in given if isinstance(source, SourceTask)]
    tasks = TaskDistribution([source for source in given if isinstance(source, Task)])
    if leave_out is not None:
        if labelled:
            raise SettingError("leave_out", leave_out, "None for sources of type SourceTask")
        tasks = tasks.leave_out(leave_out)[0]
    labelled += tasks.as_sources(n_labels, np.random.default_rng(seed))
    if not labelled:
        raise SettingError(
            "sources",
            [],
            "at least one source",
            "Name other sources, or leave out another dataset.",
        )
    return labelled


def build_learner(learner: Any, space: SearchSpace, seed: int, settings: Mapping[str, Any]) -> Any:
    """Build a meta-learner from its class or name.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import build_learner
    >>> build_learner("maml", nm.get_space("nb201"), 0, {"steps": 50}).steps
    50
    """
    name, kind = _named(learner)
    ours: dict[str, Any] = {"space": space}
    if issubclass(kind, MetaSearcher):
        ours["rng"] = np.random.default_rng(seed)
    else:
        ours["seed"] = seed
    parameters = inspect.signature(kind).parameters.values()
    possible = [parameter for parameter in parameters if parameter.name not in ours]
    recorded = recorded_settings(name, settings, possible)
    with taking(name, recorded):
        return kind(**ours, **recorded)


def _named(learner: Any) -> tuple[str, Any]:
    """Return the name and the class of a meta-learner."""
    if not isinstance(learner, str):
        return kind_of(learner), learner
    if is_meta_searcher(learner):
        return learner, SEARCHERS[learner]
    if is_meta_predictor(learner):
        return learner, META_PREDICTORS[learner]
    names = [*META_PREDICTORS, *filter(is_meta_searcher, SEARCHERS)]
    raise UnknownNameError.of("meta-learner", learner, list(dict.fromkeys(names)))
