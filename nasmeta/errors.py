"""Errors and warnings of this package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

__all__ = [
    "ArchitectureError",
    "ColumnError",
    "DamagedFileError",
    "DownloadError",
    "EvaluationFailed",
    "FullDiskError",
    "JournalError",
    "LabelError",
    "LeakageError",
    "MissingPackageError",
    "MissingValueError",
    "NasmetaError",
    "NasmetaWarning",
    "OtherMetricWarning",
    "RunFailed",
    "SettingError",
    "SpaceExhaustedError",
    "TrainingFailed",
    "UnknownNameError",
    "UnsafePickleError",
]

_TORCH = "torch safetensors"
# The packages of each extra, for messages; nasmeta itself is not on PyPI.
EXTRAS = {
    "botorch": f"{_TORCH} botorch",
    "dask": "distributed",
    "onnx": "onnxruntime",
    "optuna": "optuna",
    "optuna,torch": f"optuna {_TORCH}",
    "report": "plotly scikit-posthocs",
    "smac": "smac",
    "syne-tune": "syne-tune huggingface-hub",
    "torch": _TORCH,
}
_LISTED = ("encoder", "predictor", "searcher", "specification")
_MOST_LISTED = 12
_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def calls_inside() -> int:
    """Return the number of consecutive stack frames inside this package, for the stacklevel of a warning."""
    frame, n = sys._getframe(1), 0
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, n = frame.f_back, n + 1  # type: ignore[assignment]
    return n


def short(text: str, limit: int = 120) -> str:
    """Shorten a long text in the middle."""
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 2 :]}"


def shown(value: object) -> str:
    """Return the ``repr`` of a value for a message, shortened in the middle; NumPy's numbers look like Python's."""
    number = getattr(value, "item", None) if getattr(value, "ndim", None) == 0 else None
    return short(repr(number() if number else value))


@contextmanager
def needing(who: str, extra: str) -> Iterator[None]:
    """Turn an ImportError inside the block into a `MissingPackageError`."""
    try:
        yield
    except ImportError as reason:
        raise MissingPackageError.of(
            who, extra, (reason.name or str(reason)).partition(".")[0]
        ) from reason


def near_name(name: object, choices: Sequence[str]) -> str:
    """Return ``" Did you mean NAME?"`` for the closest name, or an empty string.

    >>> near_name("evolutoin", ["evolution", "gp"])
    " Did you mean 'evolution'?"
    """
    near = get_close_matches(name, choices, n=1) if isinstance(name, str) else []
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

    def __init__(
        self, what: str = "", value: object = None, expected: str = "", hint: str = ""
    ) -> None:
        given = "missing" if value is None else shown(value)
        message = f"{what} is {given}; expected {expected}." if expected else what
        super().__init__(f"{message} {hint}" if hint else message)
        self.what, self.value, self.expected, self.hint = what, value, expected, hint


class NasmetaWarning(UserWarning):
    """Base of the warnings that this package raises on purpose."""


class ArchitectureError(NasmetaError, ValueError):
    """The space does not contain this architecture, or it is not an architecture at all."""


class MissingPackageError(NasmetaError):
    """An optional package is not installed; `extra` names the extra that installs it."""

    extra: str

    @classmethod
    def of(cls, who: str, extra: str, package: str) -> MissingPackageError:
        """Build the message from the object that needs the package, the extra in `EXTRAS`, and the package."""
        error = cls(
            f"{who} needs the package {package}. Install it with: pip install {EXTRAS[extra]}"
        )
        error.extra = extra
        return error


class UnknownNameError(NasmetaError, LookupError):
    """The name is not registered."""

    @classmethod
    def of(cls, kind: str, name: object, choices: Iterable[str]) -> UnknownNameError:
        """Build the message from the kind of object, the unknown name and the possible names."""
        known = sorted({*choices})
        others = f" Possible: {', '.join(known) or 'none'}."
        if len(known) > _MOST_LISTED and kind in _LISTED:
            others = f" `nasmeta list {kind}s` shows all."
        noun, of, whole = kind.partition(" of ")
        error = cls(f"Unknown {noun} {shown(name)}{of}{whole}.{near_name(name, known) or others}")
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


class FullDiskError(NasmetaError, OSError):
    """The disk, or the user's share of it, has no space for the file."""


class DownloadError(NasmetaError, OSError):
    """The download failed; the message explains the manual download."""


class UnsafePickleError(NasmetaError, ValueError):
    """The pickle needs an object outside the allow-list; nothing was executed."""


class SettingError(NasmetaError, ValueError):
    """An argument, option or setting is invalid."""


class LabelError(NasmetaError, ValueError):
    """A model cannot learn from these labels: they are too few, equal, or not finite."""


class LeakageError(NasmetaError, ValueError):
    """The target's dataset is among the sources of meta-training."""


class OtherMetricWarning(NasmetaWarning):
    """No source has the metric of the target."""


class JournalError(NasmetaError, ValueError):
    """The journal is in use, or belongs to another run."""


class RunFailed(NasmetaError, RuntimeError):
    """Custom code, such as a searcher, raised an exception.

    Attributes
    ----------
    reason : str
        Type and message of the exception.
    frames : str
        The lines of its traceback outside nasmeta and other installed packages, or all lines if
        there are none outside.
    """

    reason: str
    frames: str

    @classmethod
    def of(cls, what: str, reason: Exception, hint: str = "") -> RunFailed:
        """Build the message from the name of the failed work, the exception and a hint."""
        from sysconfig import get_path
        from traceback import extract_tb, format_list

        if isinstance(reason, RunFailed):
            why, frames = str(reason), reason.frames
        else:
            installed = (_PACKAGE, *(get_path(name) for name in ("stdlib", "purelib", "platlib")))
            trace = extract_tb(reason.__traceback__)
            own = [frame for frame in trace if not frame.filename.startswith(installed)]
            why, frames = (
                f"{type(reason).__name__}: {short(str(reason), 300)}.",
                "".join(format_list(own or trace)),
            )
        error = cls(f"{what}: {why}", hint=hint)
        error.what, error.reason, error.frames = what, why, frames
        return error


class SpaceExhaustedError(NasmetaError, RuntimeError):
    """The searcher has no architecture left to propose."""


class EvaluationFailed(NasmetaError, RuntimeError):
    """An evaluation failed; evaluators and functions raise this error.

    The search records the reason and the seconds, and continues. Any other exception ends the
    search.

    Parameters
    ----------
    reason : str
        A few words, such as ``out of memory``.
    seconds : float, default 0
        Duration of the failed evaluation.

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
        super().__init__(reason)
        self.reason, self.seconds = reason, float(seconds)

    def __str__(self) -> str:
        return (
            f"{self.reason}, after {self.seconds:.1f} seconds"
            if self.seconds >= 0.05
            else self.reason
        )

    @property
    def told(self) -> str:
        """The reason on one line, for a journal."""
        return short(" ".join(self.reason.split()), 200)


class TrainingFailed(EvaluationFailed):
    """A training failed.

    Attributes
    ----------
    reason : {"diverged", "out of memory", "killed", "error"}
    """

    seconds = 0.0

    def __init__(self, message: str, reason: str) -> None:
        RuntimeError.__init__(self, message, reason)
        self.message, self.reason = message, reason

    def __str__(self) -> str:
        return self.message

    @property
    def told(self) -> str:
        """The reason on one line, for a journal; an ``error`` with the first line of its message."""
        return (
            f"error: {short(self.message.partition(chr(10))[0], 200)}"
            if self.reason == "error"
            else self.reason
        )
