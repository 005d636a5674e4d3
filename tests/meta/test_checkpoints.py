"""The checkpoint of one meta-training serves no other: else a model would hide what it was trained on."""

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

# Learner: its settings, and after how many reports of progress a checkpoint is there.
LEARNERS: dict[str, tuple[dict[str, Any], int]] = {
    "maml": ({"steps": 4}, 2),
    "anil": ({"steps": 4}, 2),
    "reptile": ({"steps": 4}, 2),
    "meta-dkl": ({"steps": 4}, 2),
    "meta-np": ({"steps": 4, "width": 16}, 2),
    "meta-nas": ({"steps": 14, "tasks": 2, "width": 8}, 2),
    "meta-rl": ({"iterations": 3, "walks": 4, "steps": 3, "hidden": 4, "epochs": 1}, 2),
}


def source(name: str, shift: float = 0.1, labels: int = 150) -> SourceTask:
    return SourceTask(name, name, SPACE, CELLS[:labels], made_up_values(SPACE, shift)[CELLS[:labels]])


SOURCES = [source("first", 0.1), source("second", 0.3)]


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasmeta.meta._meta_train.Monitor", partial(Monitor, every=1))
    monkeypatch.setattr("nasmeta.meta.meta_nas._training._SAVE_EVERY", 1)


def interrupted(learner: str, out: Path) -> None:
    settings, reports = LEARNERS[learner]
    calls = iter(range(1, 100))

    def stop(*told: float) -> None:
        if next(calls) == reports:
            raise Stop

    with pytest.raises(Stop):
        meta_train(learner, SOURCES, out=out, settings=settings, progress=stop)
    assert out.with_suffix(".checkpoint").exists()


_QUICK = ("meta-np", "meta-nas", "meta-rl")  # one of each loop; ANIL has parameters without a gradient
_EACH = [pytest.param(name, marks=() if name in _QUICK else pytest.mark.slow) for name in LEARNERS]


@pytest.mark.parametrize("learner", _EACH)
def test_another_training_is_refused(learner: str, tmp_path: Path) -> None:
    out = tmp_path / "model.npz"
    interrupted(learner, out)
    settings, _ = LEARNERS[learner]
    first, _ = SOURCES
    same_labels = source("third", 0.3)  # what a model would be said to have learnt from is another source
    for others in ([first], [first, source("second", 0.3, 149)], [first, same_labels]):
        with pytest.raises(SettingError, match="another meta-training"):
            meta_train(learner, others, out=out, settings=settings, resume=True)
    with pytest.raises(SettingError, match="another meta-training"):
        meta_train(learner, SOURCES, out=out, settings={**settings, "noise": 0.5}, resume=True)
    assert not out.exists()
    saved = meta_train(learner, SOURCES, out=out, settings=settings, resume=True)
    assert saved.sources == ("first", "second")
    assert not out.with_suffix(".checkpoint").exists(), "a finished training needs none"


def test_another_learner_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "model.npz"
    interrupted("maml", out)
    with pytest.raises(SettingError, match="another meta-training"):
        meta_train("anil", SOURCES, out=out, settings={"steps": 4}, resume=True)


@pytest.mark.parametrize("learner", ["meta-np", "meta-nas", "meta-rl"])
def test_the_checkpoint_stays_until_the_model_is_written(
    learner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise SettingError("No space left on device.")

    monkeypatch.setattr("nasmeta.meta._meta_train.SavedMetaModel.write", full)
    out = tmp_path / "model.npz"
    with pytest.raises(SettingError, match="No space left"):
        meta_train(learner, SOURCES, out=out, settings=LEARNERS[learner][0])
    assert out.with_suffix(".checkpoint").exists()


@pytest.mark.parametrize("learner", ["meta-np", "meta-nas", "meta-rl"])
def test_a_damaged_checkpoint_is_named(learner: str, tmp_path: Path) -> None:
    out = tmp_path / "model.npz"
    interrupted(learner, out)
    path, settings = out.with_suffix(".checkpoint"), LEARNERS[learner][0]
    content = path.read_bytes()
    with np.load(path) as whole:
        arrays = dict(whole)
    weights = next(name for name in arrays if name.startswith(("parameter_0", "weight/", "n.")))
    damaged = {
        "without weights": {name: array for name, array in arrays.items() if name != weights},
        "of another shape": {**arrays, weights: np.zeros((7, 7), np.float32)},
        "without its card": {name: array for name, array in arrays.items() if name != "card"},
    }
    for parts in damaged.values():
        with path.open("wb") as file:
            np.savez(file, **parts)
        with pytest.raises(DamagedFileError, match=r"model.checkpoint is no checkpoint, or it is damaged.*delete it"):
            meta_train(learner, SOURCES, out=out, settings=settings, resume=True)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError, match=r"model.checkpoint is no checkpoint"):
        meta_train(learner, SOURCES, out=out, settings=settings, resume=True)
