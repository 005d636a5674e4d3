"""Batches of digits and of a folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasmeta.errors import SettingError
from nasmeta.training import load_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(5):
            shape = (9, 7) if number == 0 else (12, 10, 3)  # one of them grey, none of them square
            Image.fromarray(rng.integers(0, 255, shape, dtype=np.uint8)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_digits() -> None:
    batch = load_images("digits", n=32, size=16)
    assert (batch.images.dtype, batch.images.shape, batch.labels.dtype) == (np.float32, (32, 3, 16, 16), np.int64)
    counts = np.bincount(batch.labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_allclose(batch.images.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.images.std((0, 2, 3)), 1, atol=1e-4)
    assert batch.sha256() == load_images("digits", n=32, size=16).sha256()
    assert batch.sha256() != load_images("digits", n=32, size=16, seed=1).sha256()


def test_a_folder(folder: Path) -> None:
    batch = load_images(f"folder:{folder}", n=10, size=8)
    assert (batch.images.shape, batch.n_classes, batch.source) == ((10, 3, 8, 8), 2, folder.name)
    assert np.bincount(batch.labels).tolist() == [5, 5]
    assert np.bincount(load_images(f"folder:{folder}", n=4, size=8).labels).tolist() == [2, 2]


@pytest.mark.parametrize("options", [{"n": 1798}, {"n": 0}, {"size": 10}, {"size": 4}])
def test_impossible_batches(options: dict[str, int]) -> None:
    with pytest.raises(SettingError):
        load_images("digits", **options)
