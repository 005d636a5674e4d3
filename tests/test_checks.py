"""Numbers, words and other values of the user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nasmeta.checks import check_array, check_bool, check_choice, check_int, check_number
from nasmeta.errors import SettingError, UnknownNameError, shown

DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


def kind_of(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1), 10])
def test_whole_numbers(value: object) -> None:
    found = check_int("n", value, 1, 10)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize(
    "value",
    [0, -1, 11, -(10**5000), 10**5000, 1.0, "1", None, True, np.float32(1), [1]],
    ids=lambda value: type(value).__name__,
)
def test_what_is_none(value: object) -> None:
    with pytest.raises(SettingError, match="n must be a whole number"):
        check_int("n", value, 1, 10)


def test_a_number_that_is_too_large_is_shown() -> None:
    with pytest.raises(SettingError, match="n must be a whole number from 1 to 10, not 11"):
        check_int("n", 11, 1, 10)
    with pytest.raises(SettingError, match="to 10, not a larger one"):
        check_int("n", 10**5000, 1, 10)


@pytest.mark.parametrize("value", [0.5, 1, np.float32(0.5), np.int64(1), np.float64(0.25)])
def test_numbers(value: Any) -> None:
    assert check_number("x", value, 0, 1) == value


@pytest.mark.parametrize(
    "value", [-1, 2, 10**5000, float("nan"), np.float32("inf"), True, "1", None, DEEP, 1j], ids=kind_of
)
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(SettingError, match="x must be a number from 0 to 1, not "):
        check_number("x", value, 0, 1)
    if value is DEEP or value != 2:
        with pytest.raises(SettingError, match="x must be a number of at least 0, not "):
            check_number("x", value)


@pytest.mark.parametrize("value", [None, 3, ["a"], {}, DEEP, np.zeros((2, 2)), 10**5000, "c"], ids=kind_of)
def test_words_truth_values_and_arrays(value: Any) -> None:
    with pytest.raises(SettingError, match="word must be one of a, b, not "):
        check_choice("word", value, ("a", "b"))
    with pytest.raises(SettingError, match="flag must be true or false, not "):
        check_bool("flag", value)
    if isinstance(value, str | dict) or value is DEEP:
        with pytest.raises(SettingError, match="rows must be an array of numbers, not "):
            check_array("rows", value)
    assert check_bool("flag", np.True_) is True


def test_what_has_no_repr_is_shown() -> None:
    assert shown(-(10**5000)) == "an int too large to show"
    assert shown(DEEP) == "a list nested too deep to show"
    assert shown("x" * 1000) == f"'{'x' * 59}...{'x' * 59}'"
    assert str(UnknownNameError.of("optimizer", DEEP, ["adam"])).endswith("too deep to show. Possible: adam.")
