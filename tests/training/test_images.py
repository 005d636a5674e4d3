"""Batches of digits and of a folder."""

import numpy as np
import pytest

from nasmeta.errors import SettingError
from nasmeta.training import load_images


def test_digits() -> None:
    batch = load_images("digits", n=32, size=16)
    assert (batch.images.dtype, batch.images.shape, batch.labels.dtype) == (
        np.float32,
        (32, 3, 16, 16),
        np.int64,
    )
    counts = np.bincount(batch.labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_allclose(batch.images.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.images.std((0, 2, 3)), 1, atol=1e-4)
    assert batch.sha256() == load_images("digits", n=32, size=16).sha256()
    assert batch.sha256() != load_images("digits", n=32, size=16, seed=1).sha256()


@pytest.mark.parametrize("options", [{"n": 0}, {"size": 10}, {"size": 4}])
def test_impossible_batches(options: dict[str, int]) -> None:
    with pytest.raises(SettingError):
        load_images("digits", **options)
