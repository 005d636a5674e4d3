"""Whole numbers of the user."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.checks import checked_whole
from nasmeta.errors import SettingError


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1), 10])
def test_whole_numbers(value: object) -> None:
    found = checked_whole("n", value, 1, 10)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize(
    "value",
    [0, -1, 11, -(10**5000), 10**5000, 1.0, "1", None, True, np.float32(1), [1]],
    ids=lambda value: type(value).__name__,
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(SettingError, match="n must be a whole number from 1"):
        checked_whole("n", value, 1, 10)


def test_a_number_that_is_too_large_is_shown() -> None:
    with pytest.raises(SettingError, match="n must be a whole number from 1 to 10, not 11"):
        checked_whole("n", 11, 1, 10)
    with pytest.raises(SettingError, match="to 10, not a larger one"):
        checked_whole("n", 10**5000, 1, 10)
