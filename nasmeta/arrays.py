"""Names of array types in signatures."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Architectures: TypeAlias = NDArray[np.int32]  # indices in a space
Array: TypeAlias = NDArray[Any]
Epochs: TypeAlias = NDArray[np.int32]
Floats: TypeAlias = NDArray[np.float64]
Floats32: TypeAlias = NDArray[np.float32]
