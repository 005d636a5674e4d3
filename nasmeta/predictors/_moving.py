"""A fitted predictor on the cells of another space."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from nasmeta.errors import SettingError
from nasmeta.spaces import get_space

__all__ = ["move_to_space"]

P = TypeVar("P")


def move_to_space(predictor: P, space: str) -> P:
    """Return a copy of a predictor that reads the cells of another space.

    Encodings are the same on all spaces, so what was learnt on one predicts on another.

    Parameters
    ----------
    predictor : Pipeline or regressor
        As `make_predictor` builds it, fitted or not.
    space : str

    Returns
    -------
    of the same type as `predictor`

    Raises
    ------
    SettingError
        Where it has columns that were handed over for the cells of its own space.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor, move_to_space
    >>> predictor = make_predictor("ridge", space="tnb101").fit(np.arange(50), np.arange(50.0))
    >>> move_to_space(predictor, "nb201").predict([15000]).shape
    (1,)
    """
    get_space(space)
    moved = deepcopy(predictor)
    parts: list[Any] = [moved]
    while parts:
        part = parts.pop()
        for steps in ("steps", "transformer_list", "members", "members_"):
            parts += [step for _, step in getattr(part, steps, None) or ()]
        holds_columns = hasattr(part, "values") or getattr(part, "extra", None) is not None
        if holds_columns and hasattr(part, "space") and part.space != space:
            raise SettingError(
                f"{type(part).__name__} holds columns for the cells of {part.space}, which {space} does not have: "
                "build it anew with columns of that space."
            )
        if hasattr(part, "space"):
            part.set_params(space=space)
    return moved
