"""How evaluations end that do not succeed: as failures of their own, or as an error that names the architecture."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import EvaluationFailed, NasmetaError, short
from nasmeta.evaluators._base import Evaluation, SupportsEvaluate
from nasmeta.spaces import SearchSpace


def evaluate_or_fail(evaluator: SupportsEvaluate, cells: NDArray[np.int32]) -> Evaluation:
    """Evaluate architectures, int32, shape (n,); where the evaluator says that it failed, the value is NaN.

    Of several architectures at once each is then evaluated alone, as nobody knows which one it was.

    Raises
    ------
    NasmetaError
        Where a user's evaluator raises anything else; it names the architecture.
    """
    try:
        return evaluator.evaluate(cells)
    except EvaluationFailed as failure:
        if len(cells) == 1:
            shape = (1, *np.shape(getattr(evaluator, "signs", 1.0)))
            return Evaluation(np.full(shape, np.nan), np.array([failure.seconds]), (failure.told,))
    except Exception as reason:
        raise_named(reason, evaluator, getattr(evaluator, "space", None), cells)
    parts = [evaluate_or_fail(evaluator, cells[i : i + 1]) for i in range(len(cells))]
    return Evaluation(
        np.concatenate([one.values for one in parts]),
        np.concatenate([one.cost_seconds for one in parts]),
        tuple(why for one in parts for why in one.failures or (None,)),
        tuple(note for one in parts for note in one.notes or ({},)) if any(one.notes for one in parts) else (),
    )


def raise_named(reason: Exception, who: Any, space: SearchSpace | None, cells: Any) -> NoReturn:
    """Raise an error of a user's code as one that names who raised it, and at which architecture."""
    # An error in the package is shown where it is.
    if isinstance(reason, NasmetaError) or type(who).__module__.partition(".")[0] == "nasmeta":
        raise reason
    name = getattr(who, "__qualname__", type(who).__name__)
    named = [str(cell) if space is None else f"{cell} ({space.to_string(int(cell))})" for cell in cells[:3]]
    which = f"architecture {named[0]}" if len(cells) == 1 else f"one of {len(cells)}: {', '.join(named)}"
    raise NasmetaError(
        f"{name} raised {type(reason).__name__} at {which}: {short(str(reason), 300) or 'no message'}. What was "
        "evaluated before is in the run's journal, if it has one, from which the same call goes on. For a search "
        "that goes on at once raise nasmeta.errors.EvaluationFailed(reason, seconds) instead: after such an edit the "
        "journal is refused as one of other code, and the refusal says how to keep it."
    ) from reason
