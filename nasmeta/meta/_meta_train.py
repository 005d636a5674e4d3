"""Meta-training into a file, and the files beside it, none of which is replaced unasked."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.checks import check_bool, check_int, recorded_settings, taking
from nasmeta.errors import DamagedFileError, SettingError, UnknownNameError, shown
from nasmeta.files import require_writable
from nasmeta.meta._meta_predictor import META_PREDICTORS, MetaPredictor, is_meta_predictor, is_meta_searcher
from nasmeta.meta._model_file import SavedMetaModel, kind_of, training_digest
from nasmeta.meta._monitor import Monitor
from nasmeta.progress import progress_bar
from nasmeta.registry import is_place
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, TaskDistribution, as_tasks
from nasmeta.threads import one_thread


@dataclass(frozen=True)
class TrainingFiles:
    """Where a meta-training writes: ``x.npz``, ``x.losses.csv`` and ``x.checkpoint``."""

    model: Path
    losses: Path
    checkpoint: Path

    @classmethod
    def of(cls, out: Any) -> TrainingFiles:
        """Return the files beside a model's, which must be one that can be written."""
        path = Path(out)
        if path.suffix != ".npz" or path.is_dir() or not path.parent.is_dir():
            raise SettingError(f"{path} cannot be written: name a file that ends in .npz, in a folder that exists.")
        return cls(path, path.with_suffix(".losses.csv"), path.with_suffix(".checkpoint"))

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Which file the model's is: it changes when another takes its place; None where there is none."""
        if not self.model.exists():
            return None
        found = self.model.stat()
        return found.st_ino, found.st_mtime_ns

    def prepare(self, training: str, *, resume: bool, overwrite: bool) -> SavedMetaModel | None:
        """Make way for a training, as far as that is asked for; return its model where it is finished already.

        A file of another `training` (`training_digest`), or one that nobody said to go on from, is a SettingError.
        """
        if self.model.exists() and (resume or not overwrite):
            with suppress(*[DamagedFileError] * overwrite):
                if resume and (saved := SavedMetaModel.load(self.model)).card.get("training") == training:
                    return saved
            if not overwrite:
                other = "holds the model of another training" if resume else "is there already"
                beside = " beside resume" if resume else ""
                raise SettingError(
                    f"{self.model} {other}: name another file, or replace it with overwrite (--overwrite){beside}."
                )
        if resume and self.checkpoint.exists():
            return None
        if not (resume or overwrite):
            if self.checkpoint.exists():
                raise SettingError(
                    f"{self.checkpoint} is there, of a training that was stopped: go on with resume (--resume), "
                    "or begin anew with overwrite (--overwrite)."
                )
            if self.losses.exists():
                raise SettingError(
                    f"{self.losses} is there, and the losses would go to it: replace it with overwrite (--overwrite), "
                    "or name another file."
                )
        self.checkpoint.unlink(missing_ok=True)
        self.losses.unlink(missing_ok=True)
        return None


def meta_train(
    learner: str | type[MetaSearcher] | type[MetaPredictor],
    sources: str | Task | Iterable[str | Task | SourceTask] = "nb201",
    *,
    out: str | os.PathLike[str],
    leave_out: str | None = None,
    n_labels: int | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | Callable[[int, int, float], None] | None = None,
) -> SavedMetaModel:
    """Meta-train a searcher or predictor on source tasks and keep what it has learnt in a file.

    Beside the file ``model.npz`` there are ``model.losses.csv`` with the losses of a training by gradients, and until
    its end ``model.checkpoint``. None of the three is replaced unasked.

    Parameters
    ----------
    learner : str or type
        Registered name of a meta-searcher or meta-predictor, ``package.module:Name``, or the class itself. A class of
        your own needs ``_pack`` and ``_unpack``, see `SavedMetaModel.write`.
    sources : names of tasks or families, Tasks or SourceTasks, default "nb201"
    out : path
    leave_out : str, optional
        Dataset or device of which nothing is used: what the model may honestly be tested on.
    n_labels : int, optional
        Random labels of each source, two or more; all where left out.
    settings : mapping, optional
        Keyword arguments of the learner.
    seed : int, default 0
        Of the meta-training and of the labels.
    resume : bool, default False
        Go on from the checkpoint, where there is one, and begin where there is none. Where the file holds the model of
        this very training, it is returned as it is.
    overwrite : bool, default False
        Replace a model that is there, once the new one is learnt; without `resume` a checkpoint, too, at once.
    progress : bool or callable, optional
        True shows a progress bar on stderr; a function is called with (steps done, steps in all, loss). Only a training
        by gradients has steps.

    Returns
    -------
    SavedMetaModel

    Raises
    ------
    UnknownNameError
    SettingError
        Also where a file would be replaced, see `overwrite`, and where a class of your own cannot be kept in one.
    DamagedFileError
        Where `resume` meets a file that is no meta-model.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.meta import meta_train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = meta_train("source-order", leave_out="cifar100", n_labels=50, out=f"{folder}/order.npz")
    >>> saved.sources, saved.card["sources"][0]["labels"]
    (('nb201/cifar10', 'nb201/imagenet16-120'), 50)
    """
    files = TrainingFiles.of(out)
    resume, overwrite = check_bool("resume", resume), check_bool("overwrite", overwrite)
    if not (callable(progress) or isinstance(progress, bool | None)):
        raise SettingError(
            f"progress is True, False, or a function of steps done, steps in all and the loss, not {shown(progress)}."
        )
    if not isinstance(settings, Mapping | None):
        raise SettingError(f"Settings are a mapping of names to values, not {shown(settings)}.")
    if n_labels is not None:
        n_labels = check_int("n_labels", n_labels, least=2)
    seed = check_int("seed", seed, least=0)
    seen = _sources(sources, leave_out, n_labels, seed)
    made = build_learner(learner, seen[0].space, seed, dict(settings or {}))
    if getattr(type(made), "_pack", None) is MetaSearcher._pack:
        made._pack()  # says that there is none, before anything is learnt
    training = training_digest(made, seen, seed)
    done = files.prepare(training, resume=resume, overwrite=overwrite)
    if done is not None:
        return done
    require_writable(files.model)
    with one_thread(), progress_bar(f"{kind_of(made)}: steps", shown=progress is True) as bar:
        tell = progress if callable(progress) else lambda step, steps, loss: bar.update(step, steps, f"loss {loss:.4f}")
        made.monitor = Monitor(checkpoint=files.checkpoint, log=files.losses, progress=tell)
        made.meta_fit(seen)
    saved = SavedMetaModel.load(SavedMetaModel.write(files.model, made, training))
    files.checkpoint.unlink(missing_ok=True)  # not before: a full disk or a kill would lose the training
    return saved


def _sources(sources: Any, leave_out: str | None, n_labels: int | None, seed: int) -> list[SourceTask]:
    asked = as_tasks(sources, sources=True)
    ready = [source for source in asked if isinstance(source, SourceTask)]
    tasks = [source for source in asked if isinstance(source, Task)]
    if leave_out is not None:
        if ready:
            raise SettingError("leave_out is for tasks; of SourceTasks pass those that are wanted.")
        tasks = list(TaskDistribution(tasks).leave_out(leave_out)[0])
    rng = np.random.default_rng(seed) if n_labels is not None else None
    seen = [*ready, *(task.as_source(n_labels, rng) for task in tasks)]
    if not seen:
        raise SettingError("There is no source to learn from: name other sources, or leave out another dataset.")
    return seen


def build_learner(learner: Any, space: SearchSpace, seed: int, settings: Mapping[str, Any]) -> Any:
    """Build a meta-searcher or meta-predictor; of the two of one name the predictor, whose file both can use."""
    name, kind = _named(learner)
    is_predictor = not (isinstance(kind, type) and issubclass(kind, MetaSearcher))
    if inspect.isabstract(kind):
        raise SettingError(f"{name} is no whole meta-learner: it lacks {', '.join(sorted(kind.__abstractmethods__))}.")
    parameters = list(inspect.signature(kind).parameters.values())
    if is_predictor:
        parameters = [parameter for parameter in parameters if parameter.name not in ("space", "seed")]
    else:
        parameters = parameters[2:]  # after space and generator
    plain = recorded_settings(name, kind, settings, parameters)
    with taking(name, plain):
        if is_predictor:
            return kind(space=space, seed=seed, **plain)
        if any(parameter.name == "training_seed" for parameter in parameters):  # beside the generator of the search
            plain = {"training_seed": seed, **plain}
        return kind(space, np.random.default_rng(seed), **plain)


def _named(learner: Any) -> tuple[str, Any]:
    """Return name and class of a meta-learner that is given by either."""
    if isinstance(learner, type):
        if issubclass(learner, MetaSearcher | MetaPredictor):
            return learner.__name__, learner
    elif isinstance(learner, str):
        if is_meta_predictor(learner):
            return learner, META_PREDICTORS[learner]
        if is_meta_searcher(learner):
            return learner, SEARCHERS[learner]
        if not is_place(learner):
            names = [*META_PREDICTORS, *filter(is_meta_searcher, SEARCHERS)]
            unknown = UnknownNameError.of("meta-learner", learner, list(dict.fromkeys(names)))
            raise UnknownNameError(f"{str(unknown)[:-1]}; or one of your own, as package.module:Name.")
    raise SettingError(
        f"A meta-learner is a name, or a class derived from nasmeta.searchers.MetaSearcher or "
        f"nasmeta.meta.MetaPredictor, not {shown(learner)}."
    )
