"""What is compared: predictors after an encoder, meta-predictors, and orders that need no label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import is_listed
from nasmeta.code import code_of, estimator_digest
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError, shown
from nasmeta.meta import META_PREDICTORS, Monitor, SavedMetaModel, meta_model_for, seen_of, training_digest
from nasmeta.meta._meta_predictor import is_meta_predictor
from nasmeta.meta._meta_train import build_learner
from nasmeta.predictors import PREDICTORS, make_predictor
from nasmeta.registry import is_place, split_name
from nasmeta.runs import on_evaluator
from nasmeta.runs._sources import sources_of
from nasmeta.runs._spec import SearcherSpec
from nasmeta.spaces import SearchSpace, get_cell_space, get_space, namesakes
from nasmeta.tasks import SourceTask, Task


def is_meta_model(name: str) -> bool:
    """Tell whether a name is that of a meta-predictor, of a shipped meta-model, or of a file that holds one."""
    if is_place(name) and split_name(name, {*PREDICTORS, *META_PREDICTORS, *label_free_names()})[0] == name:
        PREDICTORS[name]  # says what it cannot be
        return is_meta_predictor(name)
    return name in META_PREDICTORS or name in SavedMetaModel.shipped() or Path(name).suffix == ".npz"


class LearntPredictor:
    """A meta-predictor that knows sources: `fit` adapts it to labels of the task, whichever direction is better.

    `learn` is called once at most, with a function that is told of progress, or None; `sign` is 1 where a higher label
    is better, else -1; `identity` is what its predictions depend on beside the labels; `seen` says what it has learnt
    from the task's own data, empty where nothing.
    """

    def __init__(self, learn: Callable[[Any], Any], sign: float, identity: Mapping[str, Any], seen: str = "") -> None:
        self._learn, self._sign, self.identity, self.seen = learn, sign, identity, seen
        self._learnt: Any = None

    def learn(self, progress: Callable[[int, int, float], None] | None = None) -> Any:
        """Meta-train it, or read its file, where that was not done yet."""
        if self._learnt is None:
            self._learnt = self._learn(progress)
        return self._learnt

    def fit(self, cells: NDArray[np.int32], y: NDArray[np.float64]) -> LearntPredictor:
        """Adapt to labels."""
        self.learn().fit(cells, self._sign * y)
        return self

    def predict(self, cells: NDArray[np.int32], return_std: bool = False) -> Any:
        """Predict labels."""
        found = self.learn().predict(cells, return_std)
        return (self._sign * found[0], found[1]) if return_std else self._sign * found


def learnt_predictor(name: str, task: Task, sources: Any, settings: Mapping[str, Any]) -> LearntPredictor:
    """Return a meta-predictor for a task by a name as in `is_meta_model`: checked, but nothing is learnt or read yet.

    One that is meta-trained here learns from the sources, where left out the task's family without what it holds out;
    of a file, settings are those that are no part of its meta-training.
    """
    if is_meta_predictor(name):
        said = {"seed": 0, **settings}
        seed = said.pop("seed")
        made = build_learner(name, task.space, seed, said)
        asked = sources_of(SearcherSpec.of("meta-predictor"), on_evaluator(task, "table"), sources)
        seen = [source if isinstance(source, SourceTask) else source.as_source() for source in asked]

        def train(progress: Any) -> Any:
            made.monitor, made.avoid = Monitor(progress=progress), task.held_out
            return made.meta_fit(seen)

        return LearntPredictor(train, task.sign, {"training": training_digest(made, seen, seed)})
    saved = SavedMetaModel.load(name)
    if not saved.predicts:
        raise SettingError(
            f"{saved.path} holds a model of {saved.kind}, which searches and predicts nothing. Possible are models of "
            f"{', '.join(META_PREDICTORS)}."
        )
    if sources is not None:
        raise SettingError(f"{saved.path} has learnt from its own sources: leave out sources, or name {saved.kind}.")
    saved = meta_model_for(saved.kind, task, saved)
    ready = saved.predictor(**settings)
    code = code_of(type(ready))
    identity = {"meta_model": saved.sha256} | ({} if code is None else {"code": code})
    return LearntPredictor(lambda progress: ready, task.sign, identity, seen_of(task, saved))


PredictorsLike: TypeAlias = "str | Sequence[str] | Mapping[str, Any]"

_COSTS = ("parameters", "flops")
_DEFAULT, MEASURED, PUBLISHED = "default", "proxies", "published-proxies"
_OF_ENSEMBLE = ("gp", "xgboost")


class _Column:
    """An order of the cells that needs no label, such as that by parameters."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def fit(self, cells: NDArray[np.int32], y: NDArray[np.float64]) -> _Column:
        return self

    def predict(self, cells: NDArray[np.int32]) -> NDArray[np.float64]:
        return self.values[cells]


@dataclass(frozen=True)
class Model:
    """A predictor as the benchmark runs it."""

    label: str  # its name in the results
    predictor: str  # of `PREDICTORS`, `label_free_names` or meta-models; "own" for an estimator that was handed over
    encoder: str | None  # names with + between: of ENCODERS, default, proxies (measured here), published-proxies
    settings: Mapping[str, Any] = field(default_factory=dict)
    estimator: Any = None  # that was handed over; it is cloned
    members: tuple[Model, ...] = ()  # of an ensemble whose members are named one by one
    sources: Any = None  # of a meta-predictor; None for the task's family
    _learnt: dict[str, LearntPredictor] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def predicts_labels(self) -> bool:
        """Whether predictions are on the scale of the labels."""
        return self.predictor not in label_free_names()

    def identity(self, task: Task) -> dict[str, Any]:
        """Return what makes its results its own, of JSON's types."""
        found: dict[str, Any] = {"predictor": self.predictor, "encoder": self.encoder, "settings": dict(self.settings)}
        if is_meta_model(self.predictor):
            found |= self.build(task, 0).identity
        if self.members:
            found["members"] = [member.identity(task) for member in self.members]
        if self.estimator is not None:
            found["estimator"] = estimator_digest(self.estimator)
        parts = (self.encoder or "").split("+")
        if MEASURED in parts or not (self.predicts_labels or self.predictor in _COSTS):
            found["proxies"] = _digest(_measured(task.space))
        if PUBLISHED in parts:
            found["published_proxies"] = _digest(_published(task))
        return found

    def _require_space(self, task: Task) -> None:
        """Refuse an estimator whose encoder reads the indices of another space."""
        settings = self.estimator.get_params() if hasattr(self.estimator, "get_params") else {}
        for name, space in settings.items():
            if name.rpartition("__")[2] == "space" and _is_other(space, task.space):
                raise SettingError(
                    f"{self.label} reads architectures of {getattr(space, 'name', space)}, but those of {task.name} "
                    f"are of {task.space.name}: make its parts with space={task.space.name!r}."
                    f"{namesakes(get_space(space), task.space)}"
                )

    def build(self, task: Task, seed: int) -> Any:
        """Return a new estimator over cells."""
        space = task.space
        if self.estimator is not None:
            from sklearn.base import clone

            self._require_space(task)
            return clone(self.estimator)
        if is_meta_model(self.predictor):  # it learns once for all draws
            if task.name not in self._learnt:
                self._learnt[task.name] = learnt_predictor(self.predictor, task, self.sources, self.settings)
            return self._learnt[task.name]
        if self.predictor in _COSTS:
            cells = get_cell_space(space)
            cost = cells.params if self.predictor == "parameters" else cells.flops
            return _Column(np.asarray(cost(np.arange(space.size), "cifar10"), dtype=np.float64))
        if not self.predicts_labels:
            return _Column(_measured(space)[self.predictor])
        if self.members:
            pipelines = [(member.label, member.build(task, seed)) for member in self.members]
            return make_predictor("ensemble", None, space, seed, members=pipelines, **self.settings)
        if self.encoder is None:
            return make_predictor(self.predictor, None, space, seed, **self.settings)
        if self.predictor == "ensemble":
            names = self.settings.get("members") or _OF_ENSEMBLE
            names = names.split("+") if isinstance(names, str) else names
            members = [(name, Model(name, name, self.encoder).build(task, seed)) for name in names]
            rest = {key: value for key, value in self.settings.items() if key != "members"}
            return make_predictor("ensemble", None, space, seed, members=members, **rest)
        encoder = [_encoder_of(part, task) for part in self._parts()]
        return make_predictor(self.predictor, encoder, space, seed, **self.settings)

    def _parts(self) -> list[str]:
        own = PREDICTORS[self.predictor].encoder
        if own is None:
            raise SettingError(f"The predictor {self.predictor} reads cells itself and takes no encoder.")
        named = [part.strip() for part in (self.encoder or "").split("+")]
        return [found for part in named for found in (own.split("+") if part == _DEFAULT else [part])]


def models_of(
    predictors: PredictorsLike,
    encoder: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Any = None,
) -> list[Model]:
    """Read what shall be compared."""
    if not is_listed(predictors):
        raise SettingError(f"Predictors are names, or a mapping of labels to them, not {shown(predictors)}.")
    if not isinstance(settings, Mapping | None):
        raise SettingError(f"Settings are a mapping of labels to mappings, not {shown(settings)}.")
    if not isinstance(encoder, str | Mapping | None):
        raise SettingError(f"An encoder is a name such as paths, not {shown(encoder)}.")
    for one in predictors:
        if not isinstance(one, Hashable):
            raise SettingError(f"A predictor is a name or an estimator of scikit-learn's kind, not {shown(one)}.")
    named: dict[str, Any] = (
        dict(predictors)
        if isinstance(predictors, Mapping)
        else {name: name for name in ([predictors] if isinstance(predictors, str) else list(predictors))}
    )
    if not named:
        raise SettingError("There is no predictor to compare: name at least one.")
    given = {} if settings is None else dict(settings)
    for label in given:
        if label not in named:
            raise SettingError(f"There are settings for {label!r}, which is not among {', '.join(named)}.")
    models = []
    for label, what in named.items():
        if not isinstance(what, str):
            if not (hasattr(what, "fit") and hasattr(what, "predict") and hasattr(what, "get_params")):
                raise SettingError(f"{label} must be a name or an estimator of scikit-learn's kind, not {shown(what)}.")
            models.append(Model(label, "own", None, estimator=what))
            continue
        if is_meta_model(what):  # a file may have slashes in its name
            models.append(Model(label, what, None, given.get(label, {}), sources=sources))
            continue
        parts = [part.strip() for part in what.split("/")]
        if len(parts) == 1:
            models.append(_model_of(label, what, encoder, given.get(label, {})))
            continue
        members = tuple(_model_of(part, part, encoder, {}) for part in parts)
        free = [member.label for member in members if not member.predicts_labels]
        if free:
            raise SettingError(f"{free[0]} predicts no label, so it cannot be in the ensemble {what}.")
        models.append(Model(label, "ensemble", None, given.get(label, {}), members=members))
    if sources is not None and not any(is_meta_model(model.predictor) for model in models):
        raise SettingError(
            f"Sources are for meta-predictors, and there is none. Possible: {', '.join(META_PREDICTORS)}."
        )
    return models


def _model_of(label: str, what: str, encoder: str | None, settings: Mapping[str, Any]) -> Model:
    """Read ``NAME`` or ``NAME:ENCODER``."""
    free = label_free_names()
    name, own_encoder = split_name(what, {*PREDICTORS, *META_PREDICTORS, *free})
    chosen = encoder if own_encoder is None else own_encoder
    if is_meta_model(name):
        raise SettingError(
            f"{name} learns on sources and reads cells itself: it takes no encoder and joins no ensemble."
        )
    if name in free:
        if own_encoder is not None:
            raise SettingError(f"{name} orders cells by a number of theirs and takes no encoder.")
        chosen = None
    elif is_place(name):
        PREDICTORS[name]
    elif name not in PREDICTORS:
        raise UnknownNameError.of("predictor", name, [*PREDICTORS, *META_PREDICTORS, *free])
    if chosen is not None:
        from nasmeta.predictors import ENCODERS  # brings scikit-learn

        known = [name for name in (*ENCODERS, _DEFAULT, MEASURED, PUBLISHED) if name != "columns"]
        for part in chosen.split("+"):
            if part.strip() not in known and not is_place(part.strip()):
                raise UnknownNameError.of("encoder", part.strip(), known)
    return Model(label, name, chosen, settings)


def _is_other(space: object, own: SearchSpace) -> bool:
    """Say whether a setting is a space of ours, and another one."""
    try:
        return isinstance(space, str | SearchSpace) and get_space(space) != own
    except NasmetaError:
        return False


def label_free_names() -> tuple[str, ...]:
    """Return the orders that need no label: by parameters, by FLOPs, and by each proxy that was measured."""
    return (*_COSTS, *_measured("nb201"))


def _encoder_of(part: str, task: Task) -> Any:
    """Return an encoder, or its name."""
    if part not in (MEASURED, PUBLISHED):
        return part
    from nasmeta.predictors import ColumnEncoder  # brings scikit-learn

    columns = _measured(task.space) if part == MEASURED else _published(task)
    values = np.stack(list(columns.values()), axis=1)
    # Where an isomorph was not measured either, the median and a column that says so.
    return ColumnEncoder(values, list(columns), task.space, missing="indicator", scale="rank")


@cache
def _measured(space: str | SearchSpace) -> dict[str, NDArray[np.float64]]:
    from nasmeta.training import measured_proxies

    return measured_proxies(space)


@cache
def _published(task: Task) -> dict[str, NDArray[np.float64]]:
    """Return the published proxies of a dataset, in a cell's place those of its class where it has none itself."""
    table = task.table
    dataset = task.signal.dataset
    infos = [info for info in table.columns if info.dataset == dataset and info.metric.startswith("proxy_")]
    if not infos:
        table.column(dataset, "proxy_synflow")  # says how they can be had
    space = task.space
    classes = np.asarray(space.canonical(np.arange(space.size)))
    found = {}
    for info in infos:
        column = table.column(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release)
        found[info.metric.removeprefix("proxy_")] = _filled(column.astype(np.float64), classes, space)
    return found


def _filled(column: NDArray[np.float64], classes: NDArray[np.int32], space: SearchSpace) -> NDArray[np.float64]:
    known = np.isfinite(column)
    total = np.bincount(classes[known], column[known], minlength=space.size)
    count = np.bincount(classes[known], minlength=space.size)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.where(known, column, means[classes])


def _digest(columns: Mapping[str, NDArray[np.float64]]) -> str:
    content = b"".join(name.encode() + columns[name].tobytes() for name in sorted(columns))
    return sha256(content).hexdigest()[:16]
