"""Meta-predictors in the benchmark: on the spot or from a file, with honest sources, in either direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import LeakageError, SettingError
from nasmeta.meta import META_PREDICTORS, meta_train
from nasmeta.prediction._models import SourcePredictor, source_predictor

FEW = {"target": "valid", "sizes": [10], "draws": 2}
SCORES = ["scope", "n_train", "draw", "kendall_tau", "spearman", "rmse", "crps"]


def scores(*arguments: Any, **options: Any) -> Any:
    return nm.predict(*arguments, **options).frame


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "model.npz"
    meta_train("experts", "nb201", leave_out="cifar10", output=out)
    return out


@pytest.mark.slow
def test_a_file_predicts_as_the_same_training_does(file: Path) -> None:
    frame = scores(["ridge", "experts", str(file)], "nb201/cifar10", **FEW)
    of = {name: rows[SCORES].reset_index(drop=True) for name, rows in frame.groupby("predictor")}
    assert_frame_equal(of["experts"], of[str(file)])
    assert of["experts"]["kendall_tau"].min() > of["ridge"]["kendall_tau"].max()
    assert of["experts"]["rmse"].max() < 12  # percent: on the scale of the labels
    # The same as by hand.
    learnt = META_PREDICTORS["experts"]().meta_fit(
        nm.task_distribution("nb201").leave_out("cifar10")[0]
    )
    task = nm.get_task("nb201/cifar10")
    few = np.arange(0, 15625, 1000)
    by_hand = learnt.fit(few, task.values[few]).predict(np.arange(15625))
    predicted = (
        source_predictor("experts", task, None, {})
        .fit(few, task.values[few])
        .predict(np.arange(15625))
    )
    np.testing.assert_allclose(predicted, by_hand)


class HigherIsBetter:
    """What a meta-predictor takes its labels for."""

    def fit(self, architectures: Any, y: Any) -> None:
        self.best = architectures[np.argmax(y)]
        self.labels = y

    def predict(self, architectures: Any, return_std: bool = False) -> Any:
        return (self.labels, np.ones(len(architectures))) if return_std else self.labels


def test_lower_labels_may_be_better() -> None:
    inner = HigherIsBetter()
    architectures, seconds = np.array([4, 7, 9]), np.array([3.0, 1.0, 2.0])
    predicted = SourcePredictor(lambda progress: inner, -1.0, {}).fit(architectures, seconds)
    assert inner.best == 7
    np.testing.assert_array_equal(predicted.predict(architectures), seconds)
    np.testing.assert_array_equal(
        predicted.predict(architectures, return_std=True), [seconds, np.ones(3)]
    )
    task = nm.get_task("nb201/train-seconds/cifar10")
    with pytest.raises(SettingError):  # seconds of another dataset are the same but a factor
        scores("experts", task, sources="nb201/train-seconds", **FEW)


@pytest.mark.slow
def test_a_meta_model_goes_on_with_its_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = scores({"mine": str(file), "here": "experts"}, folder=tmp_path, **FEW)
    monkeypatch.setattr(META_PREDICTORS["experts"], "fit", None)  # nothing is fitted again
    assert_frame_equal(
        scores({"mine": str(file), "here": "experts"}, folder=tmp_path, **FEW), first
    )
    with pytest.raises(TypeError):
        scores("experts", sources="nb201/cifar100", folder=tmp_path, **FEW)  # another training


@pytest.mark.slow
def test_models_and_sources_that_have_seen_the_target_are_refused(file: Path) -> None:
    with pytest.raises(LeakageError):
        nm.predict([str(file), "ridge"], "nb201/cifar100", **FEW)
    with pytest.raises(LeakageError):
        scores("experts", "nb201/cifar10", sources=["nb201/cifar10@12ep"], **FEW)
