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


def source(name: str, shift: float = 0.1, labels: int = 150) -> SourceTask:
    return SourceTask(name, name, SPACE, CELLS[:labels], made_up_values(SPACE, shift)[CELLS[:labels]])


SOURCES = [source("first", 0.1), source("second", 0.3)]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.meta._meta_train.Monitor", partial(Monitor, every=1))


def interrupted(learner: str, out: Path) -> Path:
    """Interrupt a meta-training at its second report of progress; return its checkpoint."""
    calls = iter(range(100))

    def stop(*progress: float) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        meta_train(learner, SOURCES, output=out, settings=SMALL, progress=stop)
    return out.with_suffix(".checkpoint")


@pytest.mark.parametrize("learner", ["maml", pytest.param("meta-dkl", marks=pytest.mark.slow)])
def test_a_resumed_training_gives_the_same_model_and_another_one_is_refused(learner: str, tmp_path: Path) -> None:
    out = tmp_path / "model.npz"
    checkpoint = interrupted(learner, out)
    first, _ = SOURCES
    for others in ([first], [first, source("second", 0.3, 149)], [first, source("third", 0.3)]):
        with pytest.raises(SettingError):
            meta_train(learner, others, output=out, settings=SMALL, resume=True)
    with pytest.raises(SettingError):
        meta_train(learner, SOURCES, output=out, settings=SMALL | {"width": 9}, resume=True)
    assert checkpoint.exists()
    assert not out.exists()
    resumed = meta_train(learner, SOURCES, output=out, settings=SMALL, resume=True)
    assert not checkpoint.exists()
    whole = meta_train(learner, SOURCES, output=tmp_path / "whole.npz", settings=SMALL)
    assert resumed.sha256 == whole.sha256


def test_a_checkpoint_stays_until_the_model_is_written_and_a_damaged_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model.npz"

    def full(*arguments: Any) -> None:
        raise SettingError("No space left on device.")

    with monkeypatch.context() as patched:
        patched.setattr("nasmeta.meta._meta_train.SavedMetaModel.write", full)
        with pytest.raises(SettingError):
            meta_train("maml", SOURCES, output=out, settings=SMALL)
    path = out.with_suffix(".checkpoint")
    with np.load(path) as whole:
        arrays = dict(whole)
    weights = next(name for name in arrays if name.startswith("weights/"))
    content = path.read_bytes()
    for missing in (weights, "card"):
        with path.open("wb") as file:
            np.savez(file, **{name: array for name, array in arrays.items() if name != missing})
        with pytest.raises(DamagedFileError):
            meta_train("maml", SOURCES, output=out, settings=SMALL, resume=True)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError):
        meta_train("maml", SOURCES, output=out, settings=SMALL, resume=True)
