"""``--json``: the result of a command as one JSON object on stdout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any


def plain(value: Any) -> Any:
    """Return a value as JSON types: data frames as lists of records, numbers unrounded, missing and infinite ones None.

    >>> import numpy as np, pandas as pd
    >>> plain({"rows": pd.DataFrame({"cell": [7], "value": [np.nan]}), "best": np.float64(91.606)})
    {'rows': [{'cell': 7, 'value': None}], 'best': 91.606}
    """
    if is_dataclass(value):
        return plain(vars(value))
    if hasattr(value, "to_dict"):
        return plain(value.to_dict("records"))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)
