"""What is compared: predictors after an encoder, meta-predictors, and orders that need no label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_names
from nasmeta.code import code_of, estimator_digest
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.meta import META_PREDICTORS, Monitor, SavedMetaModel, meta_model_for, seen_of, training_digest
from nasmeta.meta._meta_predictor import is_meta_predictor
from nasmeta.meta._meta_train import build_learner
from nasmeta.predictors import PREDICTORS, PredictorEntry, label_of, make_predictor
from nasmeta.registry import is_place, split_name
from nasmeta.runs import on_evaluator
from nasmeta.runs._sources import sources_of
from nasmeta.runs._spec import SearcherSpec
from nasmeta.spaces import SearchSpace, get_cell_space
from nasmeta.tasks import SourceTask, Task

PredictorsLike: TypeAlias = "Any | Iterable[Any] | Mapping[str, Any]"
MEASURED, PUBLISHED = "proxies", "published-proxies"
SOURCE_ORDER = "source-order"
_COSTS = ("parameters", "flops")


def label_free_names() -> tuple[str, ...]:
    """Return the orders that need no label: by parameters, by FLOPs, and by each proxy that was measured."""
    return (*_COSTS, *_measured("nb201"))


def learns_on_sources(name: str) -> bool:
    """Tell whether a name is that of a meta-predictor, a shipped meta-model, a file with one, or ``source-order``."""
    if name == SOURCE_ORDER or name in META_PREDICTORS or name in SavedMetaModel.shipped():
        return True
    if Path(name).suffix == ".npz":
        return True
    return (
        is_place(name) and split_name(name, {*PREDICTORS, *label_free_names()})[0] == name and is_meta_predictor(name)
    )


class LearntPredictor:
    """A predictor that knows sources: `fit` adapts it to labels of the task, whichever direction is better.

    `learn` is called at most once, with a function that reports progress, or None; `sign` is 1 if higher labels are
    better, else -1; `identity` is what its predictions depend on besides the labels; `seen` says what it has learnt
    from the task's own data, empty if nothing.
    """

    def __init__(self, learn: Callable[[Any], Any], sign: float, identity: Mapping[str, Any], seen: str = "") -> None:
        self._learn, self._sign, self.identity, self.seen = learn, sign, identity, seen
        self._learnt: Any = None

    def learn(self, progress: Callable[[int, int, float], None] | None = None) -> Any:
        """Meta-train it, or read its file, unless that was done already."""
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


class _Column:
    """An order of the architectures that needs no label, such as that by parameters."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values

    def fit(self, cells: NDArray[np.int32], y: NDArray[np.float64]) -> _Column:
        return self

    def predict(self, cells: NDArray[np.int32], *_: object) -> NDArray[np.float64]:
        return self.values[cells]


def learnt_predictor(name: str, task: Task, sources: Any, settings: Mapping[str, Any]) -> LearntPredictor:
    """Return a predictor that knows sources, by a name as in `learns_on_sources`; nothing is learnt or read yet.

    One that is meta-trained here learns from the sources, by default the task's family without what it holds out. For
    a file, settings are those that are no part of its meta-training.
    """
    if name == SOURCE_ORDER or is_meta_predictor(name):
        said = {"seed": 0, **settings}
        seed = said.pop("seed")
        made = build_learner(name, task.space, seed, said)
        spec = SearcherSpec.of(SOURCE_ORDER if name == SOURCE_ORDER else "meta-predictor")
        asked = sources_of(spec, on_evaluator(task, "table"), sources)
        seen = [source if isinstance(source, SourceTask) else source.as_source() for source in asked]

        def train(progress: Any) -> Any:
            made.monitor, made.avoid = Monitor(progress=progress), task.held_out
            made.meta_fit(seen)
            if name != SOURCE_ORDER:
                return made
            scores = made.meta_model_  # NaN without a label; such architectures come last
            return _Column(np.nan_to_num(scores, nan=np.nanmin(scores)))

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


@dataclass(frozen=True)
class Model:
    """A predictor as the benchmark runs it."""

    label: str  # its name in the results
    predictor: Any  # a name, or what `make_predictor` takes
    encoder: str | None = None  # names joined by +: of ENCODERS, default, proxies, published-proxies
    settings: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[Model, ...] = ()  # of an ensemble whose members are named one by one
    sources: Any = None  # of a predictor that learns on sources; None for the task's family
    _learnt: dict[str, LearntPredictor] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the predictor; "own" for an estimator that was handed over."""
        return self.predictor if isinstance(self.predictor, str) else "own"

    @property
    def predicts_labels(self) -> bool:
        """Whether predictions are on the scale of the labels."""
        return self.name not in (*label_free_names(), SOURCE_ORDER)

    def identity(self, task: Task) -> dict[str, Any]:
        """Return what makes its results its own, of JSON's types."""
        found: dict[str, Any] = {"predictor": self.name, "encoder": self.encoder, "settings": dict(self.settings)}
        parts = (self.encoder or "").split("+")
        if self.members:
            found["members"] = [member.identity(task) for member in self.members]
        elif self.name in label_free_names():
            if self.name not in _COSTS:
                found["proxies"] = _digest(_measured(task.space))
        elif learns_on_sources(self.name):
            found |= self.build(task, 0).identity
        elif self.name == "own" or not isinstance(PREDICTORS[self.name], PredictorEntry):
            found["estimator"] = estimator_digest(self.build(task, 0))
        if MEASURED in parts:
            found["proxies"] = _digest(_measured(task.space))
        if PUBLISHED in parts:
            found["published_proxies"] = _digest(_published(task))
        return found

    def build(self, task: Task, seed: int) -> Any:
        """Return a new estimator over architectures."""
        space = task.space
        if self.name in _COSTS:
            cells = get_cell_space(space)
            cost = cells.params if self.name == "parameters" else cells.flops
            return _Column(np.asarray(cost(np.arange(space.size), "cifar10"), dtype=np.float64))
        if self.name in label_free_names():
            return _Column(_measured(space)[self.name])
        if learns_on_sources(self.name):  # it learns once for all draws
            if task.name not in self._learnt:
                self._learnt[task.name] = learnt_predictor(self.name, task, self.sources, self.settings)
            return self._learnt[task.name]
        own = dict(self.settings)
        if self.members:
            own["members"] = [(member.label, member.build(task, seed)) for member in self.members]
        parts = None if self.encoder is None else [part.strip() for part in self.encoder.split("+")]
        encoder = None if parts is None else [_encoder_of(part, task) for part in parts]
        return make_predictor(self.predictor, encoder, space, seed, **own)


def models_of(
    predictors: PredictorsLike,
    encoder: str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Any = None,
) -> list[Model]:
    """Read what shall be compared: one predictor, several, or a mapping of labels to predictors."""
    if isinstance(predictors, Mapping):
        named = dict(predictors)
    else:
        alone = isinstance(predictors, str) or hasattr(predictors, "fit") or not isinstance(predictors, Iterable)
        several = [predictors] if alone else list(predictors)
        named = {label_of(one): one for one in several}
        if len(named) < len({id(one) if not isinstance(one, str) else one for one in several}):
            raise SettingError("Two predictors have the same name: pass a mapping of labels to predictors.")
    if not named:
        raise SettingError("There is no predictor to compare: name at least one.")
    check_names("This comparison", "predictor", settings or {}, named)
    models = []
    for label, what in named.items():
        own = (settings or {}).get(label, {})
        if not isinstance(what, str):
            models.append(Model(label, what, encoder, own))
        elif learns_on_sources(what):  # a file may have slashes in its name
            models.append(Model(label, what, None, own, sources=sources))
        elif "/" in what:
            members = tuple(_model_of(part.strip(), part.strip(), encoder, {}, alone=False) for part in what.split("/"))
            models.append(Model(label, "ensemble", None, own, members))
        else:
            models.append(_model_of(label, what, encoder, own))
    if sources is not None and not any(learns_on_sources(model.name) for model in models):
        raise SettingError(
            f"Only predictors that learn on sources take sources, and there is none. Possible: {SOURCE_ORDER}, "
            f"{', '.join(META_PREDICTORS)}."
        )
    return models


def _model_of(label: str, what: str, encoder: str | None, settings: Mapping[str, Any], alone: bool = True) -> Model:
    """Read ``NAME`` or ``NAME:ENCODER``."""
    free = label_free_names()
    known = [*PREDICTORS, *META_PREDICTORS, *free, SOURCE_ORDER]
    name, own_encoder = split_name(what, known)
    if name in free or learns_on_sources(name):
        if own_encoder is not None or not alone:
            raise SettingError(f"{name} takes no encoder and cannot be part of an ensemble.")
        return Model(label, name, None, settings)
    if name not in PREDICTORS and not is_place(name):
        raise UnknownNameError.of("predictor", name, known)
    return Model(label, name, encoder if own_encoder is None else own_encoder, settings)


def _encoder_of(part: str, task: Task) -> Any:
    """Return an encoder, or its name."""
    if part not in (MEASURED, PUBLISHED):
        return part
    from nasmeta.predictors import ColumnEncoder  # brings scikit-learn

    columns = _measured(task.space) if part == MEASURED else _published(task)
    values = np.stack(list(columns.values()), axis=1)
    # An unknown value becomes the column's median, and one more column marks it.
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
