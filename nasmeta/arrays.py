"""Names of types in signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# int32 indices in an enumerated space, int64 ranks in a large one
Architectures: TypeAlias = NDArray[Any]
Array: TypeAlias = NDArray[Any]
Booleans: TypeAlias = NDArray[np.bool_]
Epochs: TypeAlias = NDArray[np.int32]
Facts: TypeAlias = Mapping[str, Any]  # of JSON types
Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
AnyFloats: TypeAlias = NDArray[np.floating[Any]]  # of either precision
Integers: TypeAlias = NDArray[np.integer[Any]]
