"""Checks of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nasmeta.checks import check_choice, check_int, check_number
from nasmeta.errors import SettingError, shown


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1), 10])
def test_integers(value: object) -> None:
    found = check_int("n", value, 1, 10)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), np.int64(1), np.float64(0.25)])
def test_numbers(value: Any) -> None:
    assert check_number("x", value, 0, 1) == value


@pytest.mark.parametrize(
    ("check", "arguments", "values"),
    [
        (check_int, (1, 10), [0, -1, 11, 1.0, "1", None, True, np.float32(1), [1]]),
        (check_number, (0, 1), [-1, 2, float("nan"), np.float32("inf"), True, "1", None, 1j]),
        (check_choice, (("a", "b"),), [None, 3, ["a"], "c"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_invalid_values(check: Any, arguments: tuple[Any, ...], values: list[Any]) -> None:
    for value in values:
        with pytest.raises(SettingError) as error:
            check("it", value, *arguments)
        assert error.value.what == "it"
        assert error.value.expected in str(error.value)


def test_values_in_messages() -> None:
    assert shown("x" * 1000) == f"'{'x' * 59}...{'x' * 59}'"
