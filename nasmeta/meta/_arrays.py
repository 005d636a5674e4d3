"""Names of array types in signatures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.int32]  # indices of architectures
Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
Prediction: TypeAlias = tuple[Floats, Floats]  # mean and standard deviation, of one shape
Arrays: TypeAlias = Mapping[str, NDArray[Any]]  # of a file, by name
Facts: TypeAlias = Mapping[str, Any]  # of a file, of JSON's types
Packed: TypeAlias = tuple[dict[str, NDArray[Any]], dict[str, Any]]  # arrays and facts of a meta-model
