"""Names of array types in signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Architectures: TypeAlias = NDArray[np.int32]  # indices of architectures
Integers: TypeAlias = NDArray[np.integer]
Booleans: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
AnyFloats: TypeAlias = NDArray[np.floating]  # of either precision
Prediction: TypeAlias = tuple[Floats, Floats]  # mean and standard deviation, of one shape
Arrays: TypeAlias = Mapping[str, NDArray[Any]]  # of a file, by name
Facts: TypeAlias = Mapping[str, Any]  # of a file, of JSON's types
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
