"""Names of array types in signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from nasmeta.arrays import (
    AnyFloats as AnyFloats,
    Architectures as Architectures,
    Booleans as Booleans,
    Facts as Facts,
    Floats as Floats,
    Floats32 as Floats32,
    Integers as Integers,
)

Prediction: TypeAlias = tuple[Floats, Floats]  # mean and standard deviation, of one shape
Arrays: TypeAlias = Mapping[str, NDArray[Any]]  # of a file, by name
# arrays and facts of a meta-model
Packed: TypeAlias = tuple[dict[str, NDArray[Any]], dict[str, Any]]


def with_prefix(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return the arrays of a part of a meta-model under longer names."""
    return {prefix + name: array for name, array in arrays.items()}


def of_prefix(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return the arrays that `with_prefix` renamed, under their own names."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
