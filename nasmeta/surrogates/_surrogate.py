"""A surrogate of a table: predictions for all architectures, from a small file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind
from nasmeta.checks import check_choice
from nasmeta.errors import MissingValueError, SettingError, UnknownNameError
from nasmeta.files import shipped, write_atomically
from nasmeta.registry import names_from_file
from nasmeta.spaces import ArchitectureLike, CellSpace, SearchSpace, choice_one_hot, from_content
from nasmeta.surrogates._features import class_features, feature_sets
from nasmeta.surrogates._noise import SeedNoise
from nasmeta.surrogates._process import Process
from nasmeta.surrogates._scores import Scores, score_predictions
from nasmeta.tasks import Signal, Task, get_task

_KIND = ArchiveKind(
    "nasmeta-surrogate",
    1,
    "surrogate",
    "`nasmeta surrogate fit TASK --output FILE` makes one.",
    largest=2**26,
    version_key="format_version",
)
_SUFFIX = ".npz"
_NUMBERS = ("noise", "best", "margin", "centre")  # of a process
_BEST = 0.1  # fraction of the architectures that is also scored separately
_DIGITS = 6  # of the largest value; further digits differ between processors


def choice_costs(space: SearchSpace, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a constant plus one coefficient per choice, for all architectures, shape (size,)."""
    costs: NDArray[np.float64] = (
        coefficients[0] + choice_one_hot(space.positions, space.codes).counts @ coefficients[1:]
    )
    return costs


@dataclass(eq=False, repr=False)
class Surrogate:
    """A surrogate of one task, by `fit_surrogate` or `Surrogate.load`.

    It predicts the values of all architectures of the space, without the table.

    Parameters
    ----------
    card : dict
        The data card: task, space, column, release, source, licence, number of architectures, split, scores, versions.
    process : Process
    trained : ndarray of bool, shape (n_architectures,)
        The architectures in the training set.
    noise : SeedNoise, optional
    cost_coefficients : ndarray of float64, shape (1 + n_choices of all positions together,), optional
        Of the training seconds: a constant, and one coefficient per choice of each position.

    Examples
    --------
    >>> from nasmeta.surrogates import Surrogate
    >>> surrogate = Surrogate.load("nb201/cifar10")
    >>> bool(abs(surrogate.predict(6111) - 91.6) < 0.5)
    True
    >>> surrogate.predict(6111, answer="training", seed=3) == surrogate.predict(6111, answer="training", seed=3)
    True
    """

    card: dict[str, Any]
    process: Process
    trained: NDArray[np.bool_]
    noise: SeedNoise | None = None
    cost_coefficients: NDArray[np.float64] | None = None

    @cached_property
    def space(self) -> SearchSpace:
        """The search space."""
        return from_content(self.card["space"])

    @property
    def unit(self) -> str:
        """The unit of the predictions."""
        return str(self.card["column"]["unit"])

    @cached_property
    def _by_class(self) -> NDArray[np.float64]:
        """The prediction of each class of `SearchSpace.function_classes`, shape (n_classes,), in the task's unit."""
        sign = 1.0 if self.card["column"]["direction"] == "max" else -1.0
        return sign * self.process.predict(class_features(self.space))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The predicted means of all architectures, float64, shape (size,), in the unit of the task.

        They are rounded to six digits of the largest value, so they are equal on all processors.
        """
        values: NDArray[np.float64] = self._rounded(self._possible(self._by_class))[self.space.function_classes]
        values.flags.writeable = False
        return values

    def _possible(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(values, 0.0, 100.0) if self.unit == "percent" else values

    @cached_property
    def _decimals(self) -> int:
        largest = float(np.abs(self._possible(self._by_class)).max())
        return _DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0 else _DIGITS

    def _rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(values, self._decimals) + 0.0  # no -0.0

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:
        """The predicted training seconds of all architectures, float64, shape (size,); NaN if unknown."""
        if self.cost_coefficients is None:
            return np.full(self.space.size, np.nan)
        costs = np.maximum(np.round(choice_costs(self.space, self.cost_coefficients), 3), 0.0)
        costs.flags.writeable = False
        return costs

    def training_values(self, seed: int, architectures: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
        """Return draws of single trainings of architectures, by default of all, float64, shape (n,).

        A draw is the predicted mean plus seed noise, which depends on the architecture and the seed only. Isomorphic
        architectures have different draws. A cell without a live path has no noise. The prediction error of the
        surrogate is not included.

        Raises
        ------
        MissingValueError
            If the noise is unknown, because the table has no single seeds.
        """
        if self.noise is None:
            raise MissingValueError(f"The surrogate of {self.card['task']} lacks seed noise. Use answer='mean'.")
        architectures = np.arange(self.space.size, dtype=np.int32) if architectures is None else architectures
        means = self.values[architectures]
        deviations = self.noise.draw(means, architectures, seed)
        if isinstance(self.space, CellSpace):
            deviations *= self.space.live_edges[architectures].any(axis=1)
        return self._rounded(self._possible(means + deviations))

    def predict(
        self, architectures: ArchitectureLike, answer: str = "mean", seed: int = 0
    ) -> float | NDArray[np.float64]:
        """Predict the values of architectures.

        Parameters
        ----------
        architectures : architecture or architectures
            Indices or strings, as in `SearchSpace.index_of`.
        answer : {"mean", "training"}
            Predict the mean over trainings, or draw the result of one training.
        seed : int, default 0
            Of the draw.

        Returns
        -------
        float or ndarray of float64, shape (n,)
            In the unit of the task.

        Raises
        ------
        ArchitectureError, SettingError, MissingValueError
        """
        index = self.space.index_of(architectures)
        some = np.atleast_1d(np.asarray(index, dtype=np.int32))
        check_choice("answer", answer, ("mean", "training"))
        values = self.values[some] if answer == "mean" else self.training_values(seed, some)
        return float(values[0]) if isinstance(index, int) else values

    def score(self, task: str | Task | None = None) -> dict[str, Scores]:
        """Score the predictions of measured architectures outside the training set.

        Parameters
        ----------
        task : str or Task, optional
            The source of the labels, a task on the same space; by default the task of the surrogate.

        Returns
        -------
        dict of str to Scores
            ``held out``: architectures without an isomorphic one in the training set (of cells, rule ``upstream``).
            ``new functions``: those among them whose function (`CellSpace.function_classes`) is not in the training
            set either. ``held out, best 10 %`` and ``new functions, best 10 %``: those among the best tenth.

        Raises
        ------
        SettingError
            If the task is on another space.

        Examples
        --------
        >>> from nasmeta.surrogates import Surrogate
        >>> scores = Surrogate.load("nb201/cifar10").score()
        >>> scores["held out"]["r2"] > 0.95
        True
        """
        if task is None:
            with names_from_file():
                task = get_task(self.card["task"])
        task = get_task(task) if isinstance(task, str) else task
        if task.space != self.space:
            raise SettingError("space of the task", task.space.name, f"the space {self.space.name} of the surrogate")
        y = task.values
        measured = np.isfinite(y)
        held_out = measured & ~self.trained
        classes = task.space.function_classes
        new = measured & ~np.isin(classes, classes[self.trained])
        utilities = task.sign * y
        best = utilities >= np.quantile(utilities[measured], 1.0 - _BEST)
        groups = {
            "held out": held_out,
            "held out, best 10 %": held_out & best,
            "new functions": new,
            "new functions, best 10 %": new & best,
        }
        percent = task.column.unit == "percent"
        return {name: score_predictions(y[which], self.values[which], percent) for name, which in groups.items()}

    @cached_property
    def task(self) -> Task:
        """The task of the surrogate, on its table; on the space alone if the table is not on this machine."""
        from nasmeta.tables import added_tables, table_names

        table, signal = self.card["table"], Signal(**self.card["signal"])
        known = table in table_names() or table in added_tables()
        return Task(self.card["task"], table if known else self.space, signal)

    @cached_property
    def _bytes(self) -> bytes:
        """The content of the file; equal surrogates have equal bytes."""
        process = self.process
        arrays: dict[str, NDArray[Any]] = {
            "trained": np.packbits(self.trained),
            "numbers": np.array([getattr(process, name) for name in _NUMBERS]),
            "variances": process.variances,
            "observed": process.observed,
            "weights": process.weights,
            **dict(zip(_arrays_of_sets(self.space), process.inverse_lengthscales, strict=True)),
        }
        if self.noise is not None:
            arrays |= {"noise_means": self.noise.means, "noise_quantiles": self.noise.quantiles}
        if self.cost_coefficients is not None:
            arrays["cost_coefficients"] = self.cost_coefficients
        return _KIND.encode(self.card, arrays)

    @property
    def sha256(self) -> str:
        """Of the file that `save` writes."""
        return sha256(self._bytes).hexdigest()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a NumPy ``.npz`` file without pickles, with the data card as JSON."""
        path = Path(path)
        write_atomically(path, self._bytes)
        return path

    @classmethod
    def load(cls, which: str | os.PathLike[str] | Task) -> Surrogate:
        """Return a shipped surrogate by its task, or read a file of `save`.

        Parameters
        ----------
        which : str, path or Task
            Name of a task, such as ``nb201/cifar10``, or the path of a file.

        Raises
        ------
        UnknownNameError
            If there is neither a shipped surrogate nor a file of this name.
        DamagedFileError
            If the file is damaged or not a surrogate.

        Examples
        --------
        >>> from nasmeta.surrogates import Surrogate
        >>> Surrogate.load("nb201/cifar100").card["column"]["release"]
        'NATS-tss v1.0'
        """
        known = cls.shipped()
        name = which.name if isinstance(which, Task) else os.fspath(which)
        if name in known:
            return _shipped(known[name])
        if Path(name).suffix == _SUFFIX or os.path.isfile(name):
            return cls._of_file(name)
        hint = f"Fit one: nasmeta surrogate fit {name} --output FILE."
        raise UnknownNameError("surrogate", name, f"a file, or one of {', '.join(known)}", hint)

    @staticmethod
    def shipped() -> Mapping[str, Path]:
        """Return the files of the shipped surrogates by the names of their tasks.

        Examples
        --------
        >>> from nasmeta.surrogates import Surrogate
        >>> sorted(Surrogate.shipped())[:3]
        ['nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120']
        """
        return {path.stem.replace("-", "/", 1): path for path in sorted(shipped("surrogates").glob(f"*{_SUFFIX}"))}

    @classmethod
    def _of_file(cls, path: str | os.PathLike[str]) -> Surrogate:
        """Read a file of `save`."""
        path = Path(path)
        raw = path.read_bytes()
        card, arrays = _KIND.decode(raw, path)
        with _KIND.blaming(path):
            space = from_content(card["space"])
            process = Process(
                inverse_lengthscales=tuple(arrays[name] for name in _arrays_of_sets(space)),
                variances=arrays["variances"],
                observed=arrays["observed"],
                weights=arrays["weights"],
                **dict(zip(_NUMBERS, arrays["numbers"].tolist(), strict=True)),
            )
            trained = np.unpackbits(arrays["trained"], count=space.size).astype(bool)
            noise = SeedNoise(arrays["noise_means"], arrays["noise_quantiles"]) if "noise_means" in arrays else None
        surrogate = cls(card, process, trained, noise, arrays.get("cost_coefficients"))
        surrogate.__dict__["_bytes"] = raw  # so the checksum equals the file's
        return surrogate

    def __repr__(self) -> str:
        counts = f"{int(self.trained.sum()):,} of {len(self.trained):,} {self.space.noun}s"
        return f"Surrogate({self.card['task']!r}, fitted on {counts})"


def _arrays_of_sets(space: SearchSpace) -> list[str]:
    """Return the names of the arrays of the feature sets; names of count features may not fit a file."""
    names = feature_sets(space)
    return [f"scales_{name if isinstance(space, CellSpace) else f'feature_{i}'}" for i, name in enumerate(names)]


@cache
def _shipped(path: Path) -> Surrogate:
    return Surrogate._of_file(path)
