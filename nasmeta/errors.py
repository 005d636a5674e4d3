"""Errors and warnings of this package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from math import inf
from numbers import Real

__all__ = [
    "ArchitectureError",
    "ColumnError",
    "DamagedFileError",
    "DownloadError",
    "EvaluationFailed",
    "JournalError",
    "LabelError",
    "LeakageError",
    "LeakageWarning",
    "MissingPackageError",
    "MissingValueError",
    "NasmetaError",
    "NasmetaWarning",
    "OtherMetricWarning",
    "SettingError",
    "SpaceExhaustedError",
    "TrainingFailed",
    "UnknownNameError",
    "UnsafePickleError",
]

_TORCH = "torch gpytorch safetensors"
# The packages of each extra that a message may name. The package index does not list nasmeta itself.
EXTRAS = {
    "ax": "ax-platform",
    "botorch": f"{_TORCH} botorch",
    "dask": "distributed",
    "objectives": "pymoo",
    "optuna": "optuna",
    "optuna,torch": f"optuna {_TORCH}",
    "ray": f"{_TORCH} ray",
    "report": "plotly scikit-posthocs",
    "rl": f"{_TORCH} gymnasium",
    "smac": "smac",
    "syne-tune": "syne-tune huggingface-hub",
    "torch": _TORCH,
    "train": f"{_TORCH} tensorboard",
}
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def calls_inside() -> int:
    """Return how many calls, from the caller's on, are this package's: a warning's stacklevel, less one."""
    frame, n = sys._getframe(1), 0
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, n = frame.f_back, n + 1  # type: ignore[assignment]
    return n


def short(text: str, limit: int = 120) -> str:
    """Leave out the middle of a text that is too long for a message."""
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 2 :]}"


def shown(value: object) -> str:
    """Return the ``repr`` of a value for a message, shortened in the middle.

    >>> shown("adam"), shown(10**5000)
    ("'adam'", 'an int too large to show')
    """
    try:
        return short(repr(value))
    except ValueError:  # Python writes no number of more than 4,300 digits
        return f"an {type(value).__name__} too large to show"
    except RecursionError:
        return f"a {type(value).__name__} nested too deep to show"


@contextmanager
def needing(who: str, extra: str) -> Iterator[None]:
    """Turn a failed import inside the block into a `MissingPackageError` that names who needs the package."""
    try:
        yield
    except ImportError as reason:
        raise MissingPackageError.of(who, extra, (reason.name or str(reason)).partition(".")[0]) from reason


def near_name(name: object, choices: Sequence[str]) -> str:
    """Return the question whether the closest of some names is meant; empty where none is close, nor begins another.

    >>> near_name("evolutoin", ["evolution", "gp"]), near_name("val", ["train", "validation"])
    (" Did you mean 'evolution'?", " Did you mean 'validation'?")
    """
    near = get_close_matches(name, choices, n=1) if isinstance(name, str) else []
    if not near and isinstance(name, str):
        near = [
            one for one in choices if min(len(one), len(name)) > 2 and (one.startswith(name) or name.startswith(one))
        ]
    return f" Did you mean {near[0]!r}?" if near else ""


class NasmetaError(Exception):
    """Base of all errors that this package raises on purpose.

    Parameters
    ----------
    what : str
        Name of the invalid thing, such as an argument; a complete message if nothing else is given.
    value : object, optional
        The invalid value.
    expected : str, optional
        The allowed values.
    hint : str, optional
        A sentence or a command that helps.

    Examples
    --------
    >>> import nasmeta as nm
    >>> error = nm.errors.SettingError("repeats", 0, "an integer of at least 1")
    >>> error.what, error.value, str(error)
    ('repeats', 0, 'repeats is 0; expected an integer of at least 1.')
    """

    def __init__(self, what: str = "", value: object = None, expected: str = "", hint: str = "") -> None:
        message = f"{what} is {shown(value)}; expected {expected}." if expected else what
        super().__init__(f"{message} {hint}" if hint else message)
        self.what, self.value, self.expected, self.hint = what, value, expected, hint


class NasmetaWarning(UserWarning):
    """Base of the warnings that this package raises on purpose."""


class ArchitectureError(NasmetaError, ValueError):
    """The space does not contain this architecture, or it is not an architecture at all."""


class MissingPackageError(NasmetaError):
    """An optional package is not installed; the message names the packages to install, and `extra` is their name."""

    extra: str

    @classmethod
    def of(cls, who: str, extra: str, package: str) -> MissingPackageError:
        """Build the message from what needs the package, its extra in `EXTRAS` and the package's name."""
        error = cls(f"{who} needs {package}, which is not installed: pip install {EXTRAS[extra]}")
        error.extra = extra
        return error


class UnknownNameError(NasmetaError, LookupError):
    """The name is not registered."""

    @classmethod
    def of(cls, kind: str, name: object, choices: Iterable[str]) -> UnknownNameError:
        """Build the message from the kind of thing, the name asked for and the possible names."""
        known = sorted(choices)
        error = cls(f"Unknown {kind} {shown(name)}.{near_name(name, known)} Possible: {', '.join(known) or 'none'}.")
        error.what, error.value, error.expected = kind, name, ", ".join(known)
        return error


class ColumnError(NasmetaError, LookupError):
    """An address (dataset, metric, split, epochs, seed, release) matches no column of a table, or several."""


class NoColumnError(ColumnError):
    """Raised if a table has no column at this address."""


class MissingValueError(NasmetaError, LookupError):
    """The value was not measured; missing values are never imputed."""


class DamagedFileError(NasmetaError, OSError):
    """The file is truncated, altered or of another kind."""


class DownloadError(NasmetaError, OSError):
    """The file could not be fetched; the message says how to put it in place by hand."""


class UnsafePickleError(NasmetaError, ValueError):
    """The pickle asks for something outside the allow-list; none of it was run."""


class SettingError(NasmetaError, ValueError):
    """The setting is not possible."""


class LabelError(NasmetaError, ValueError):
    """Nothing can be learnt from these labels: they are not finite, too few, or all the same."""


class LeakageError(NasmetaError, ValueError):
    """The target's dataset is among the sources of meta-training."""


class LeakageWarning(NasmetaWarning):
    """The meta-model has learnt from the target's dataset, so its result is not an honest test."""


class OtherMetricWarning(NasmetaWarning):
    """All sources have another metric than the target, so what they teach may not hold."""


class JournalError(NasmetaError, ValueError):
    """The journal is damaged, in use, or does not belong to the run that would resume from it."""


class SpaceExhaustedError(NasmetaError, RuntimeError):
    """The searcher has no architecture left to propose."""


class EvaluationFailed(NasmetaError, RuntimeError):
    """An evaluation ended without a value: what an evaluator, or a function that is one, raises to say so.

    A search counts it, records reason and seconds, and goes on. Any other exception ends the search.

    Parameters
    ----------
    reason : str
        In a few words, such as ``out of memory``.
    seconds : float, default 0
        What the evaluation took until then.

    Examples
    --------
    >>> import nasmeta as nm
    >>> space = nm.SearchSpace("mlp", {"width": [16, 32, 64]})
    >>> def score(choices):
    ...     if choices["width"] > 32:
    ...         raise nm.errors.EvaluationFailed("out of memory", seconds=12.0)
    ...     return choices["width"], 60.0
    >>> run = nm.search("random", space, evaluator=score, evaluations=3)
    >>> len(run), run.best.value, run.failures, float(run.cost_seconds.sum())
    (3, 32.0, {2: 'out of memory'}, 132.0)
    """

    reason: str
    seconds: float

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason, seconds)
        if not isinstance(reason, str) or not reason.strip():
            raise SettingError(f"The reason of a failure is a text, not {shown(reason)}.")
        number: object = seconds
        if not isinstance(number, Real) or not 0 <= float(number) < inf:
            raise SettingError(f"The seconds of a failure are a number of at least 0, not {shown(seconds)}.")
        self.reason, self.seconds = reason, float(seconds)

    def __str__(self) -> str:
        return f"{self.reason}, after {self.seconds:g} seconds" if self.seconds else self.reason

    @property
    def told(self) -> str:
        """The reason, for a journal."""
        return short(" ".join(self.reason.split()), 200)


class TrainingFailed(EvaluationFailed):
    """A training ended without a result.

    Attributes
    ----------
    reason : str
        In a word or two: ``diverged``, ``out of memory``, ``killed``, ``error``.
    """

    seconds = 0.0

    def __init__(self, message: str, reason: str) -> None:
        RuntimeError.__init__(self, message, reason)
        self.message, self.reason = message, reason

    def __str__(self) -> str:
        return self.message

    @property
    def told(self) -> str:
        """The reason; of an ``error``, which may be anything, with the first line of what it says."""
        return f"error: {short(self.message.partition(chr(10))[0], 200)}" if self.reason == "error" else self.reason
