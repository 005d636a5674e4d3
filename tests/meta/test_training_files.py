"""No file that is there is replaced by a meta-training, unless that is asked for."""

from pathlib import Path

import pytest

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.meta import SavedMetaModel, meta_train

SOURCES = {"leave_out": "cifar100", "n_labels": 50}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    out = tmp_path / "order.npz"
    meta_train("source-order", output=out, **SOURCES)
    return out


def test_a_model_is_not_replaced_unasked(model: Path) -> None:
    before = files(model.parent)
    with pytest.raises(SettingError):
        meta_train("source-order", output=model, leave_out="cifar10")
    assert files(model.parent) == before
    meta_train("source-order", output=model, leave_out="cifar10", replace=True)
    assert SavedMetaModel.load(model).held_out == ("cifar100", "imagenet16-120")


@pytest.mark.parametrize(
    "other",
    [
        {"leave_out": "cifar10"},
        {"n_labels": 49},
        {"seed": 1},
        {"sources": ["nb201/cifar10", "nb201/cifar100"]},
    ],
)
def test_what_is_resumed_is_not_another_training(model: Path, other: dict) -> None:
    before = files(model.parent)
    with pytest.raises(SettingError):
        meta_train("source-order", output=model, resume=True, **{**SOURCES, **other})
    assert files(model.parent) == before


def test_the_same_training_is_done(model: Path) -> None:
    before = files(model.parent), model.stat().st_mtime_ns
    for replace in (False, True):
        saved = meta_train("source-order", output=model, resume=True, replace=replace, **SOURCES)
        assert saved.sha256 == SavedMetaModel.load(model).sha256
        assert (files(model.parent), model.stat().st_mtime_ns) == before


def test_a_file_of_another_kind_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "mine.npz"
    out.write_bytes(b"precious")
    with pytest.raises(DamagedFileError):
        meta_train("source-order", output=out, resume=True, **SOURCES)
    with pytest.raises(SettingError):
        meta_train("source-order", output=out, **SOURCES)
    assert out.read_bytes() == b"precious"
    meta_train("source-order", output=out, resume=True, replace=True, **SOURCES)
    assert SavedMetaModel.load(out).kind == "source-order"
