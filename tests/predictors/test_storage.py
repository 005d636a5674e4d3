"""Fitted predictors in a file: what comes back, and what is refused."""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from nasmeta.archives import digest_of
from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.predictors import (
    ColumnEncoder,
    load_predictor,
    make_encoder,
    make_predictor,
    save_predictor,
)

CELLS = np.arange(60)
Y = np.cos(CELLS) + CELLS / 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save_predictor(make_predictor("gp").fit(CELLS, Y), tmp_path / "gp.zip")


def card_of(content: dict[str, np.ndarray]) -> dict[str, Any]:
    return json.loads(content["card"].tobytes())


def rewritten(file: Path, parts: dict[str, np.ndarray] | None = None, **changes: Any) -> Path:
    """Return a copy with another card and other arrays, under a checksum that is right."""
    other = file.with_name("other.zip")
    with np.load(file) as content:
        arrays = {**content, **(parts or {})}
    card = card_of(arrays) | changes
    del arrays["card"]
    card["sha256"] = digest_of({"predictor": card["predictor"]}, arrays)
    with other.open("wb") as stream:
        np.savez(stream, card=np.frombuffer(json.dumps(card).encode(), dtype=np.uint8), **arrays)
    return other


@pytest.mark.parametrize("name", ["ridge", "gp", "random-forest", "xgboost"])
def test_mean_and_deviation_come_back(name: str, tmp_path: Path) -> None:
    settings = {"xgboost": {"n_members": 2, "n_estimators": 20}, "random-forest": {"n_estimators": 20}}.get(name, {})
    columns = ColumnEncoder(np.arange(15625.0), names=["x"])
    encoder = make_encoder(["graph", make_encoder("cost", dataset="cifar100"), columns])
    predictor = make_predictor(name, encoder=encoder, **settings).fit(CELLS, Y)
    again = load_predictor(save_predictor(predictor, str(tmp_path / "p.zip")))
    at = np.arange(0, 15625, 101)
    for old, new in zip(*(p.predict(at, return_std=True) for p in (predictor, again)), strict=True):
        np.testing.assert_allclose(new, old, rtol={"gp": 1e-4, "xgboost": 0}.get(name, 1e-9))
    assert again.named_steps["regressor"].get_params() == predictor.named_steps["regressor"].get_params()
    again.fit(CELLS, Y)


def test_no_pickle_inside(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            assert name.endswith(".npy")
            np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
    assert b"sklearn" not in file.read_bytes()


def test_truncated_and_altered_files_are_refused(file: Path) -> None:
    content = file.read_bytes()
    damaged = file.with_name("damaged.zip")
    for cut in (0, 10, len(content) // 2, len(content) - 3):
        damaged.write_bytes(content[:cut])
        with pytest.raises(DamagedFileError):
            load_predictor(damaged)
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(file) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.compress_size)
    for place in rng.integers(largest.header_offset + 60, largest.header_offset + largest.compress_size, 5):
        altered = bytearray(content)
        altered[place] ^= 0xFF
        damaged.write_bytes(altered)
        with pytest.raises(DamagedFileError):
            load_predictor(damaged)
    damaged.write_bytes(pickle.dumps(3))
    with pytest.raises(DamagedFileError):
        load_predictor(damaged)


def tampered(file: Path) -> Path:
    other = file.with_name("tampered.zip")
    with np.load(file) as content:
        arrays = dict(content)
    name = next(name for name, array in arrays.items() if array.dtype.kind == "f" and array.size)
    with other.open("wb") as stream:
        np.savez(stream, **{**arrays, name: arrays[name] + 1})
    return other


def test_other_versions_kinds_and_classes_are_refused(file: Path) -> None:
    with pytest.raises(DamagedFileError):
        load_predictor(rewritten(file, version=3))
    with pytest.raises(DamagedFileError):
        load_predictor(tampered(file))
    with pytest.raises(DamagedFileError):
        load_predictor(rewritten(file, format="journal"))
    with pytest.raises(DamagedFileError):
        load_predictor(rewritten(file, predictor={"class": "system", "settings": {}, "state": None}))
    with pytest.raises(DamagedFileError):
        load_predictor(rewritten(file, predictor={"nothing": 1}))
    with pytest.raises(DamagedFileError):
        load_predictor(file.with_name("absent.zip"))


def test_what_cannot_be_saved_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError):
        save_predictor(make_predictor("ridge"), tmp_path / "p.zip")
    with pytest.raises(SettingError):
        save_predictor(make_pipeline(make_encoder("one-hot"), LinearRegression()).fit(CELLS, Y), tmp_path / "p.zip")
    assert not list(tmp_path.iterdir())


class Mean(RegressorMixin, BaseEstimator):
    """A class of somebody else."""

    def __init__(self, shift: float = 0.0) -> None:
        self.shift = shift

    def fit(self, X: Any, y: Any) -> Mean:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full(len(X), self.mean_ + self.shift)

    def state(self) -> dict[str, Any]:
        return {"mean": self.mean_, "nested": {"parts": [1, (2, None)], "raw": b"xyz"}}

    def set_state(self, state: dict[str, Any]) -> None:
        assert state["nested"] == {"parts": [1, (2, None)], "raw": b"xyz"}
        self.mean_ = state["mean"]


def test_a_class_of_ones_own(tmp_path: Path) -> None:
    file = save_predictor(make_pipeline(make_encoder("one-hot"), Mean(2.0)).fit(CELLS, Y), tmp_path / "p.zip")
    assert load_predictor(file, classes=[Mean]).predict([1])[0] == pytest.approx(Y.mean() + 2)
    with pytest.raises(DamagedFileError):
        load_predictor(file)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("children_", lambda children: np.zeros_like(children)),  # would go round for ever
        ("children_", lambda children: children + 10**6),
        ("children_", lambda children: children[:-1]),
        ("feature_", lambda feature: np.where(feature >= 0, 10**6, feature)),
        ("value_", lambda value: value[:3]),
        ("threshold_", lambda threshold: threshold[:0]),
        ("roots_", lambda roots: roots + 10**6),
        ("roots_", lambda roots: roots[:0]),
    ],
)
def test_forests_that_no_fit_has_grown_are_refused(name: str, change: Any, tmp_path: Path) -> None:
    predictor = make_predictor("random-forest", n_estimators=5).fit(CELLS, Y)
    regressor = predictor.steps[-1][1]
    setattr(regressor, name, change(getattr(regressor, name)))
    file = save_predictor(predictor, tmp_path / "forest.zip")
    with pytest.raises(DamagedFileError):
        load_predictor(file)


TRY_ALL = """
import sys
import numpy as np
from nasmeta.errors import DamagedFileError
from nasmeta.predictors import load_predictor
from tests.predictors.test_storage import CELLS, rewritten
from pathlib import Path
file = Path(sys.argv[1])
with np.load(file) as content:
    name, whole = next((name, array) for name, array in content.items() if array[:2].tobytes() == b'{"')
rng, refused, answered = np.random.default_rng(0), 0, 0
for place in range(0, len(whole), int(sys.argv[2])):
    altered = whole.copy()
    altered[place] ^= rng.integers(1, 256)
    print(place, flush=True)
    try:
        predictor = load_predictor(rewritten(file, {name: altered}))
        assert predictor.predict(CELLS).shape == CELLS.shape
        answered += 1
    except DamagedFileError:
        refused += 1
print(refused, answered)
"""


@pytest.mark.parametrize("step", [31, pytest.param(9, marks=pytest.mark.slow)])  # one byte of so many
def test_bytes_flipped_in_an_xgboost_model_never_end_the_process(step: int, tmp_path: Path) -> None:
    """Under a checksum that is right: what is inside is checked before XGBoost reads it."""
    file = save_predictor(
        make_predictor("xgboost", n_estimators=3, max_depth=3).fit(CELLS, Y), tmp_path / "xgboost.zip"
    )
    arguments = [sys.executable, "-c", TRY_ALL, str(file), str(step)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, f"{done.stdout[-20:]} {done.stderr[-2000:]}"
    refused, answered = map(int, done.stdout.splitlines()[-1].split())
    assert refused > answered > 0  # most bytes are of names, lengths and indices; the others are numbers
