"""The models of a benchmark: predictors after an encoder, meta-predictors, and orders that need no label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from nasmeta.arrays import Architectures, Facts, Floats
from nasmeta.checks import check_names
from nasmeta.code_identity import code_of, estimator_digest
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.meta import (
    META_PREDICTORS,
    SavedMetaModel,
    build_learner,
    is_meta_predictor,
    meta_model_for,
    training_digest,
)
from nasmeta.predictors import PREDICTORS, label_of, make_predictor
from nasmeta.registry import STYLES, is_place, split_name
from nasmeta.runs import SearcherSpec, on_evaluator, sources_of
from nasmeta.spaces import SearchSpace, get_cell_space
from nasmeta.tasks import Signal, Task

PredictorsLike: TypeAlias = "Any | Iterable[Any] | Mapping[str, Any]"
MEASURED, PUBLISHED = "proxies", "published-proxies"
SOURCE_ORDER = "source-order"
_COSTS = ("parameters", "flops")
STYLES.update(nwot="turquoise x", parameters="brown triangle-down")


def label_free_names() -> tuple[str, ...]:
    """Return the orders that need no label: by parameters, by FLOPs, and by each proxy that was measured."""
    return (*_COSTS, *_measured("nb201"))


def learns_on_sources(name: str) -> bool:
    """Return whether a name denotes a meta-predictor, a file with one, or ``source-order``."""
    if name == SOURCE_ORDER or name in META_PREDICTORS or name.endswith(".npz"):
        return True
    return is_place(name) and split_name(name, PREDICTORS)[0] == name and is_meta_predictor(name)


class SourcePredictor:
    """A predictor that has learned from sources: `fit` adapts it to labels of the task.

    `learn` is called at most once, with a function that reports progress, or None; `sign` is 1 if
    higher labels are better, else -1; `identity` determines its predictions together with the
    labels.
    """

    def __init__(self, learn: Callable[[Any], Any], sign: float, identity: Facts) -> None:
        self._learn, self._sign, self.identity = learn, sign, identity
        self._learned: Any = None

    def learn(self, progress: Callable[[int, int, float], None] | None = None) -> Any:
        """Meta-train it, or read its file, at the first call."""
        if self._learned is None:
            self._learned = self._learn(progress)
        return self._learned

    def fit(self, architectures: Architectures, y: Floats) -> SourcePredictor:
        """Adapt to labels."""
        self.learn().fit(architectures, self._sign * y)
        return self

    def predict(self, architectures: Architectures, return_std: bool = False) -> Any:
        """Predict labels."""
        if not return_std:
            return self._sign * self.learn().predict(architectures, False)
        mean, deviation = self.learn().predict(architectures, True)
        return self._sign * mean, deviation


class _Column:
    """An order of the architectures that needs no label, such as their parameters."""

    def __init__(self, values: Floats) -> None:
        self.values = values

    def fit(self, architectures: Architectures, y: Floats) -> _Column:
        return self

    def predict(self, architectures: Architectures, *_: object) -> Floats:
        return self.values[architectures]


def source_predictor(name: str, task: Task, sources: Any, settings: Facts) -> SourcePredictor:
    """Return a predictor that learns from sources, by a name as in `learns_on_sources`, before its meta-training.

    By default, the sources are the task's family without held-out tasks. The sources of a file are
    fixed.
    """
    if name == SOURCE_ORDER or is_meta_predictor(name):
        return _trained_predictor(name, task, sources, dict(settings))
    saved = SavedMetaModel.load(name)
    if not saved.predicts:
        raise SettingError(
            f"model in {saved.path}", saved.kind, f"one of {', '.join(META_PREDICTORS)}"
        )
    if sources is not None:
        raise SettingError(
            f"{saved.path} has its own sources: leave out sources, or name {saved.kind}."
        )
    saved = meta_model_for(saved.kind, task, saved)
    ready = saved.predictor(**settings)
    code = code_of(type(ready))
    identity = {"meta_model": saved.sha256} | ({} if code is None else {"code": code})
    return SourcePredictor(lambda progress: ready, task.sign, identity)


def _trained_predictor(
    name: str, task: Task, sources: Any, settings: dict[str, Any]
) -> SourcePredictor:
    """Return ``source-order`` or a meta-predictor, which is trained on its first use."""
    seed = settings.pop("seed", 0)
    learner = build_learner(name, task.space, seed, settings)
    spec = SearcherSpec.of(SOURCE_ORDER if name == SOURCE_ORDER else "meta-predictor")
    labelled = []
    for source in sources_of(spec, on_evaluator(task, "table"), sources):
        labelled.append(source.as_source() if isinstance(source, Task) else source)

    def train(progress: Any) -> Any:
        learner.progress = progress
        learner.meta_fit(labelled)
        if name != SOURCE_ORDER:
            return learner
        scores = learner.meta_model_  # (size,); NaN without a label, such architectures come last
        return _Column(np.nan_to_num(scores, nan=np.nanmin(scores)))

    digest = training_digest(learner, labelled, seed)
    return SourcePredictor(train, task.sign, {"training": digest})


@dataclass(frozen=True)
class Model:
    """A predictor of the benchmark."""

    label: str  # its name in the results
    predictor: Any  # a name, or an argument of `make_predictor`
    encoder: str | None = (
        None  # names joined by +: of ENCODERS, default, proxies, published-proxies
    )
    settings: Facts = field(default_factory=dict)
    members: tuple[Model, ...] = ()  # of an ensemble of named members
    sources: Any = None  # of a predictor that learns on sources; None for the task's family
    _learned: dict[str, SourcePredictor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def name(self) -> str:
        """The name of the predictor; "own" for an estimator object."""
        return self.predictor if isinstance(self.predictor, str) else "own"

    @property
    def predicts_labels(self) -> bool:
        """Whether predictions are on the scale of the labels."""
        return self.name not in (*label_free_names(), SOURCE_ORDER)

    def identity(self, task: Task) -> dict[str, Any]:
        """Return the facts that determine its results, of JSON's types."""
        identity: dict[str, Any] = {
            "predictor": self.name, "encoder": self.encoder, "settings": dict(self.settings)
        }  # fmt: skip
        if self.members:
            identity["members"] = [member.identity(task) for member in self.members]
        elif learns_on_sources(self.name):
            identity |= self.build(task).identity
        elif self.predicts_labels and self.name not in PREDICTORS.declared:
            identity["estimator"] = estimator_digest(self.build(task, 0))
        return identity

    def build(self, task: Task, seed: int = 0) -> Any:
        """Return a new estimator over architectures."""
        space = task.space
        if self.name in _COSTS:
            architectures = get_cell_space(space)
            cost = architectures.params if self.name == "parameters" else architectures.flops
            return _Column(np.asarray(cost(np.arange(space.size), "cifar10"), dtype=np.float64))
        if self.name in label_free_names():
            return _Column(_measured(space)[self.name])
        if learns_on_sources(self.name):  # it learns once for all draws
            if task.name not in self._learned:
                self._learned[task.name] = source_predictor(
                    self.name, task, self.sources, self.settings
                )
            return self._learned[task.name]
        settings = dict(self.settings)
        if self.members:
            settings["members"] = [
                (member.label, member.build(task, seed)) for member in self.members
            ]
        parts = None if self.encoder is None else self.encoder.split("+")
        encoder = None if parts is None else [_encoder_of(part.strip(), task) for part in parts]
        return make_predictor(self.predictor, encoder, space, seed, **settings)


def models_of(
    predictors: PredictorsLike,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    sources: Any = None,
) -> list[Model]:
    """Read the models of a comparison: one predictor, several, or a mapping of labels to predictors."""
    settings = settings or {}
    if isinstance(predictors, Mapping):
        named = dict(predictors)
    else:
        single = isinstance(predictors, str) or hasattr(predictors, "fit")
        several = [predictors] if single else list(predictors)
        named = {label_of(predictor): predictor for predictor in several}
        # by identity, because an estimator need not be hashable
        different = {one if isinstance(one, str) else id(one) for one in several}
        if len(named) < len(different):
            raise SettingError(
                "Two predictors have the same name: pass a mapping of labels to predictors."
            )
    check_names("this comparison", "predictor", settings, named)
    models = [
        _model_of(label, what, settings.get(label, {}), sources) for label, what in named.items()
    ]
    if sources is not None and not any(learns_on_sources(model.name) for model in models):
        possible = f"with one of {SOURCE_ORDER}, {', '.join(META_PREDICTORS)}"
        raise SettingError(
            "predictors", list(named), possible, "The others do not learn on sources."
        )
    return models


def _model_of(label: str, what: Any, settings: Facts, sources: Any = None) -> Model:
    """Read an estimator, ``NAME``, ``NAME:ENCODER``, or several of them joined by ``/``."""
    if not isinstance(what, str) or what in label_free_names():
        return Model(label, what, None, settings)
    if learns_on_sources(what):  # a file may have slashes in its name
        return Model(label, what, None, settings, sources=sources)
    known = [*PREDICTORS, *META_PREDICTORS, *label_free_names(), SOURCE_ORDER]
    if "/" in what:
        members = tuple(_model_of(part.strip(), part.strip(), {}) for part in what.split("/"))
        if any(learns_on_sources(member.name) or not member.predicts_labels for member in members):
            raise SettingError("members of an ensemble", what, f"names in {', '.join(PREDICTORS)}")
        return Model(label, "ensemble", None, settings, members)
    name, encoder = split_name(what, known)
    if name not in PREDICTORS and not is_place(name):
        raise UnknownNameError.of("predictor", what, known)
    return Model(label, name, encoder, settings)


def _encoder_of(part: str, task: Task) -> Any:
    """Return an encoder, or its name."""
    if part not in (MEASURED, PUBLISHED):
        return part
    from nasmeta.predictors import ColumnEncoder

    columns = _measured(task.space) if part == MEASURED else published_proxies(task)
    values = np.stack(list(columns.values()), axis=1)
    # An unknown value becomes the column's median, and one more column marks it.
    return ColumnEncoder(values, list(columns), task.space)


@cache
def _measured(space: str | SearchSpace) -> dict[str, Floats]:
    from nasmeta.training import measured_proxies

    return measured_proxies(space)


@cache
def published_proxies(task: Task) -> dict[str, Floats]:
    """Return the published proxies of a dataset; a cell without one has the mean of its isomorphism class."""
    table = task.table
    dataset = task.signal.dataset
    infos = [
        info
        for info in table.columns
        if info.dataset == dataset and info.metric.startswith("proxy_")
    ]
    if not infos:
        table.column(dataset, "proxy_synflow")  # the error states how to fetch them
    classes = np.asarray(task.space.canonical(np.arange(task.space.size)))
    proxies = {}  # of all architectures, (size,)
    for info in infos:
        values = pd.Series(table.column(*Signal.of(info).address).astype(np.float64))
        values = values.fillna(values.groupby(classes).transform("mean"))
        proxies[info.metric.removeprefix("proxy_")] = np.asarray(values, dtype=np.float64)
    return proxies
