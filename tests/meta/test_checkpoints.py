"""Checkpoints of meta-trainings: each resumes its own training only, and stays until the model is written."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.meta import meta_train
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

pytest.importorskip("torch")
from nasmeta.meta import Monitor

SPACE = get_space("tnb101")
CELLS = SPACE.sample(150, np.random.default_rng(0))
SMALL: dict[str, Any] = {"steps": 4, "width": 8}
EACH = [
    ("maml", SMALL),
    ("maml", SMALL | {"order": 0}),  # with parameters without a gradient
    pytest.param("meta-dkl", SMALL, marks=pytest.mark.slow),
]


def source(name: str, shift: float = 0.1, labels: int = 150) -> SourceTask:
    return SourceTask(name, name, SPACE, CELLS[:labels], made_up_values(SPACE, shift)[CELLS[:labels]])


SOURCES = [source("first", 0.1), source("second", 0.3)]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.meta._meta_train.Monitor", partial(Monitor, every=1))


def interrupted(learner: str, out: Path, settings: dict[str, Any] = SMALL) -> Path:
    """Interrupt a meta-training at its second report of progress; return its checkpoint."""
    calls = iter(range(100))

    def stop(*progress: float) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        meta_train(learner, SOURCES, output=out, settings=settings, progress=stop)
    return out.with_suffix(".checkpoint")


@pytest.mark.parametrize(("learner", "settings"), EACH)
def test_a_resumed_training_gives_the_same_model_and_another_one_is_refused(
    learner: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "model.npz"
    checkpoint = interrupted(learner, out, settings)
    first, _ = SOURCES
    for others in ([first], [first, source("second", 0.3, 149)], [first, source("third", 0.3)]):
        with pytest.raises(SettingError):
            meta_train(learner, others, output=out, settings=settings, resume=True)
    with pytest.raises(SettingError):
        meta_train(learner, SOURCES, output=out, settings={**settings, "noise": 0.5}, resume=True)
    assert checkpoint.exists()
    assert not out.exists()
    resumed = meta_train(learner, SOURCES, output=out, settings=settings, resume=True)
    assert not checkpoint.exists()
    whole = meta_train(learner, SOURCES, output=tmp_path / "whole.npz", settings=settings)
    assert resumed.sha256 == whole.sha256


def test_another_learner_is_refused(tmp_path: Path) -> None:
    interrupted("maml", tmp_path / "model.npz")
    with pytest.raises(SettingError):
        meta_train("meta-dkl", SOURCES, output=tmp_path / "model.npz", settings={"steps": 4}, resume=True)


def test_a_checkpoint_stays_until_the_model_is_written_and_a_damaged_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, learner, settings = tmp_path / "model.npz", "maml", SMALL

    def full(*arguments: Any) -> None:
        raise SettingError("No space left on device.")

    with monkeypatch.context() as patched:
        patched.setattr("nasmeta.meta._meta_train.SavedMetaModel.write", full)
        with pytest.raises(SettingError):
            meta_train(learner, SOURCES, output=out, settings=settings)
    path = out.with_suffix(".checkpoint")
    with np.load(path) as whole:
        arrays = dict(whole)
    weights = next(name for name in arrays if name.endswith("/weights"))
    content = path.read_bytes()
    for missing in (weights, "card"):
        with path.open("wb") as file:
            np.savez(file, **{name: array for name, array in arrays.items() if name != missing})
        with pytest.raises(DamagedFileError):
            meta_train(learner, SOURCES, output=out, settings=settings, resume=True)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError):
        meta_train(learner, SOURCES, output=out, settings=settings, resume=True)
