"""A fitted predictor on the architectures of another space."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, TypeVar

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace, get_space, reference_space

P = TypeVar("P")


def move_to_space(predictor: P, space: str | SearchSpace) -> P:
    """Return a copy of a predictor that reads the architectures of another space.

    Cells of spaces with NAS-Bench-201's graph and operations of its five are encoded alike, so what was learnt on one
    of these predicts on another.

    Parameters
    ----------
    predictor : Pipeline or regressor
        As `make_predictor` builds it, fitted or not.
    space : str or SearchSpace

    Returns
    -------
    of the same type as `predictor`

    Raises
    ------
    SettingError
        Where the two spaces are encoded in different ways, or it has columns that were handed over for the cells of
        its own space.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor, move_to_space
    >>> predictor = make_predictor("ridge", space="tnb101").fit(np.arange(50), np.arange(50.0))
    >>> move_to_space(predictor, "nb201").predict([15000]).shape
    (1,)
    """
    target = get_space(space)
    moved = deepcopy(predictor)
    parts: list[Any] = [moved]
    while parts:
        part = parts.pop()
        for steps in ("steps", "transformer_list", "members", "members_"):
            parts += [step for _, step in getattr(part, steps, None) or ()]
        own = getattr(part, "space", None)
        if own is None or get_space(own) == target:
            continue
        own = get_space(own)
        if reference_space(own) != reference_space(target):
            raise SettingError(
                f"What was learnt on {own.name} says nothing about {target.name}: its architectures are encoded in "
                "another way. Fit a predictor on that space."
            )
        if hasattr(part, "values") or getattr(part, "extra", None) is not None:
            raise SettingError(
                f"{type(part).__name__} holds columns for the {own.noun}s of {own.name}, which {target.name} does not "
                "have: build it anew with columns of that space."
            )
        part.set_params(space=space)
    return moved
