"""Meta-learners of one's own, by ``package.module:Name`` or as classes: meta-trained, kept in a file, compared."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.searchers import SEARCHERS

CODE = """
import numpy as np
from nasmeta.meta import MetaPredictor
from nasmeta.searchers import MetaSearcher

class Unkept(MetaSearcher):
    def _learn(self, sources):
        assert not hasattr(self, "must_not_learn")
        return np.concatenate([one.architectures[np.argsort(-one.utilities)[:10]] for one in sources])
    def ask(self, n=1):
        return self.rng.choice(self.meta_model_, size=n)
    def tell(self, cells, values):
        pass

class Best(Unkept):
    def _pack(self):
        return {"best": self.meta_model_}, {}
    def _unpack(self, arrays, facts):
        return arrays["best"]

class MeanOfSources(MetaPredictor):
    def _meta_learn(self, sources):
        return np.mean([source.utilities for source in sources], axis=0)
    def _expected(self, learnt):
        return (learnt - learnt.mean()) / learnt.std()
    def _adapted(self, learnt, cells, scores):
        return self._expected(learnt), np.ones(len(learnt))
    def _pack(self):
        return {"mean": self.meta_model_}, {}
    def _unpack(self, arrays, facts):
        return arrays["mean"]
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "own_learners.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("own_learners")
    sys.modules.pop("own_learners", None)
    for registry in (SEARCHERS, META_PREDICTORS):
        registry._by_place.clear()
    importlib.import_module("nasmeta.meta._meta_predictor")._OUTSIDE._by_place.clear()


def proposed(searcher: Any, **options: Any) -> list[int]:
    found = nm.search(searcher, "nb201/cifar10", evaluations=4, **options).architectures.tolist()
    return found


def test_a_searcher_is_kept_and_read(own: ModuleType, tmp_path: Path) -> None:
    saved = nm.meta_train("own_learners:Best", leave_out="cifar10", output="by_name.npz")
    assert saved.kind == "own_learners:Best"
    assert (
        nm.meta_train(own.Best, leave_out="cifar10", output="by_class.npz").sha256 == saved.sha256
    )
    fresh = proposed("own_learners:Best")
    assert proposed("own_learners:Best", sources=saved) == fresh
    assert len(proposed(own.Best, sources=saved)) == 4
    assert saved.searcher(np.random.default_rng(0)).ask(2).shape == (2,)
    done = CliRunner().invoke(
        app, ["meta-train", "own_learners:Best", "--leave-out", "cifar10", "--output", "cli.npz"]
    )
    assert done.exit_code == 0, done.output
    assert SavedMetaModel.load("cli.npz").sha256 == saved.sha256


def test_a_predictor_is_meta_trained_and_read(own: ModuleType) -> None:
    saved = nm.meta_train("own_learners:MeanOfSources", leave_out="cifar10", output="mean.npz")
    few = {"sizes": [10], "target": "valid", "draws": 1}
    found = nm.predict(["own_learners:MeanOfSources", "mean.npz"], "nb201/cifar10", **few).summary
    taus = found[found["scope"] == "all"].set_index("predictor")["kendall_tau"]
    assert taus["own_learners:MeanOfSources"] == taus["mean.npz"] > 0.5
    assert saved.predicts
    run = proposed(
        "meta-predictor", settings={"predictor": "own_learners:MeanOfSources"}, sources=saved
    )
    assert run == proposed("meta-predictor", settings={"predictor": "own_learners:MeanOfSources"})
    assert len(proposed("own_learners:MeanOfSources-ucb")) == 4


def test_another_code_is_another_training(own: ModuleType, tmp_path: Path) -> None:
    first = nm.meta_train("own_learners:Best", leave_out="cifar10", output="best.npz")
    own.Best.version = "2"
    with pytest.raises(SettingError):
        nm.meta_train("own_learners:Best", leave_out="cifar10", output=first.path, resume=True)


@pytest.mark.parametrize(
    ("learner", "error"),
    [
        ("own_learners:Unkept", NotImplementedError),
        ("own_learners:Nobody", UnknownNameError),
        ("own_learner", UnknownNameError),
    ],
)
def test_refusals(
    own: ModuleType, monkeypatch: pytest.MonkeyPatch, learner: Any, error: type[Exception]
) -> None:
    monkeypatch.setattr(own.Unkept, "must_not_learn", True, raising=False)
    with pytest.raises(error):
        nm.meta_train(learner, leave_out="cifar10", output="x.npz")


def test_equal_labels_have_equal_scores(own: ModuleType) -> None:
    (source,) = nm.task_distribution("nb201")[1:2]
    predictor = own.MeanOfSources().meta_fit([source]).fit([5, 60, 700, 8000], [2.0, 1.0, 1.0, 2.0])
    scores = (source.values - source.values.mean()) / source.values.std()
    low, high = np.sort(scores[[5, 60, 700, 8000]]).reshape(2, 2).mean(axis=1)
    np.testing.assert_allclose(
        predictor.predict(range(99)), 1 + (scores[:99] - low) / (high - low), rtol=1e-5
    )
