"""Meta-predictors in the benchmark: meta-trained on the spot, or read from a file of `nasmeta.meta.meta_train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.meta import (
    META_PREDICTORS,
    Monitor,
    load_meta_model,
    meta_model_for,
    seen_of,
    shipped_meta_models,
    training_digest,
)
from nasmeta.meta._meta_train import build_learner
from nasmeta.runs import on_evaluator
from nasmeta.runs._sources import sources_of
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tasks import SourceTask, Task


def is_meta_model(name: str) -> bool:
    """Tell whether a name is that of a meta-predictor, of a shipped meta-model, or of a file that holds one."""
    return name in META_PREDICTORS or name in shipped_meta_models() or Path(name).suffix == ".npz"


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
    if name in META_PREDICTORS:
        said = {"seed": 0, **settings}
        seed = said.pop("seed")
        made = build_learner(name, task.space, seed, said)
        asked = sources_of(SearcherSpec.of("meta-predictor"), on_evaluator(task, "table"), sources)
        seen = [source if isinstance(source, SourceTask) else source.as_source() for source in asked]

        def train(progress: Any) -> Any:
            made.monitor = Monitor(progress=progress)
            return made.meta_fit(seen)

        return LearntPredictor(train, task.sign, {"training": training_digest(made, seen, seed)})
    saved = load_meta_model(name)
    if saved.kind not in META_PREDICTORS:
        raise SettingError(
            f"{saved.path} holds a model of {saved.kind}, which searches and predicts nothing. Possible are models of "
            f"{', '.join(META_PREDICTORS)}."
        )
    if sources is not None:
        raise SettingError(f"{saved.path} has learnt from its own sources: leave out sources, or name {saved.kind}.")
    saved = meta_model_for(saved.kind, task, saved)
    ready = saved.predictor(**settings)
    return LearntPredictor(lambda progress: ready, task.sign, {"meta_model": saved.sha256}, seen_of(task, saved))
