"""A surrogate of a table: predictions for all architectures, from a small file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
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
from nasmeta.surrogates._divergence import Divergence, diverged_trainings
from nasmeta.surrogates._estimator import SAVED, EstimatorModel
from nasmeta.surrogates._noise import SeedNoise
from nasmeta.surrogates._process import Process
from nasmeta.surrogates._scores import Scores, score_predictions
from nasmeta.tables import ColumnInfo
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
_DIVERGED = "diverged_weights"  # the array of a model of divergence
_BEST = 0.1  # fraction of the architectures that is also scored separately
_DIGITS = 6  # of the largest value; further digits differ between processors


def choice_costs(
    space: SearchSpace, coefficients: NDArray[np.float64], architectures: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return a constant plus one coefficient per choice, for architectures of shape (n,)."""
    one_hot = choice_one_hot(space.positions, space.codes_of(architectures)).counts
    costs: NDArray[np.float64] = coefficients[0] + one_hot @ coefficients[1:]
    return costs


@dataclass(eq=False, repr=False)
class Surrogate:
    """A surrogate of one task, by `fit_surrogate` or `Surrogate.load`.

    It predicts the values of all architectures of the space, without the table. If the table lists
    a sample of a space, such as random configurations, the space is the whole one
    (`SearchSpace.whole`).

    Parameters
    ----------
    card : dict
        The data card: task, space, column, release, source, licence, number of architectures,
        split, scores, versions.
    model : Process or EstimatorModel
    trained : ndarray of bool, shape (n_architectures,); in a large space, of int64, shape (n_trained,)
        The architectures in the training set.
    noise : SeedNoise, optional
    cost_coefficients : ndarray of float64, shape (1 + n_choices of all positions together,), optional
        Of the training seconds: a constant, and one coefficient per choice of each position.
    divergence : Divergence, optional
        The model of the probability of divergence.
    name : str, optional
        The task of a shipped surrogate, or the name of its file.

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
    model: Process | EstimatorModel
    trained: NDArray[Any]
    noise: SeedNoise | None = None
    cost_coefficients: NDArray[np.float64] | None = None
    divergence: Divergence | None = None
    name: str = ""

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.model.space

    @property
    def unit(self) -> str:
        """The unit of the predictions."""
        return str(self.card["column"]["unit"])

    @property
    def sign(self) -> float:
        """The factor from values to utilities: 1 to maximise, -1 to minimise."""
        return 1.0 if self.card["column"]["direction"] == "max" else -1.0

    def _exact(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the predicted means of architectures, shape (n,), before rounding."""
        return self._possible(self.sign * self.model.predict(architectures))

    @cached_property
    def _all_exact(self) -> NDArray[np.float64]:
        return self._exact(np.arange(self.space.size, dtype=np.int32))

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The predicted means of all architectures of an enumerated space, float64, shape (size,); see `means`."""
        values: NDArray[np.float64] = self._rounded(self._all_exact)
        values.flags.writeable = False
        return values

    def means(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the predicted means of architectures, float64, shape (n,), in the unit of the task.

        They are rounded to six digits of the largest value, so they are equal on all processors.
        """
        return (
            self._rounded(self._exact(architectures))
            if self.space.is_large
            else self.values[architectures]
        )

    def _possible(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(values, 0.0, 100.0) if self.unit == "percent" else values

    @cached_property
    def _decimals(self) -> int:
        largest = (
            self.card["largest"] if self.space.is_large else float(np.abs(self._all_exact).max())
        )
        return _DIGITS - 1 - int(np.floor(np.log10(largest))) if largest > 0 else _DIGITS

    def _rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(values, self._decimals) + 0.0  # no -0.0

    def intervals(self, architectures: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """Return the bounds of the 90 % predictive intervals, float64, shape (2, n), in the unit of the task.

        Return None if the model does not predict deviations, as in shipped surrogates.
        """
        ends = self.model.intervals(architectures)
        return None if ends is None else np.sort(self.sign * ends, axis=0)

    def costs_of(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the predicted training seconds of architectures, float64, shape (n,); NaN if unknown."""
        if self.cost_coefficients is None:
            return np.full(len(architectures), np.nan)
        costs = np.round(choice_costs(self.space, self.cost_coefficients, architectures), 3)
        return np.asarray(np.maximum(costs, 0.0))

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:
        """The predicted training seconds of all architectures, float64, shape (size,); NaN if unknown."""
        costs = self.costs_of(np.arange(self.space.size, dtype=np.int32))
        costs.flags.writeable = False
        return costs

    def divergences(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the probabilities that trainings diverge, float64, shape (n,); 0 without a model of divergence."""
        if self.divergence is None:
            return np.zeros(len(architectures))
        return np.round(self.divergence.predict(architectures), 4)

    def expectations(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the expected values, float64, shape (n,), if a training may diverge.

        They are the means of `means` and of the diverged trainings, weighted by the probability of
        divergence.
        """
        p, means = self.divergences(architectures), self.means(architectures)
        return self._rounded(means + p * (self.card.get("diverged_mean", 0.0) - means))

    def training_values(
        self, seed: int, architectures: NDArray[np.integer] | None = None
    ) -> NDArray[np.float64]:
        """Return draws of single trainings of architectures, by default of all, float64, shape (n,).

        A draw is the predicted mean plus seed noise, which depends on the architecture and the seed
        only. Isomorphic architectures have different draws. A cell without a live path has no
        noise. The prediction error of the surrogate is not included.

        Raises
        ------
        MissingValueError
            If the noise is unknown, because the table has no single seeds.
        """
        if self.noise is None:
            raise MissingValueError(
                f"The surrogate of {self.card['task']} lacks seed noise. Use answer='mean'."
            )
        architectures = (
            np.arange(self.space.size, dtype=np.int32) if architectures is None else architectures
        )
        means = self.means(architectures)
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
        answer : {"mean", "training", "diverged", "expected"}
            Predict the mean over trainings that do not diverge, draw the result of one training,
            predict the probability of divergence, or the expected value if a training may diverge.
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
        some = np.atleast_1d(np.asarray(index, dtype=self.space.index_type))
        answers = {"mean": self.means, "diverged": self.divergences, "expected": self.expectations}
        check_choice("answer", answer, [*answers, "training"])
        values = answers[answer](some) if answer in answers else self.training_values(seed, some)
        return float(values[0]) if isinstance(index, int) else values

    def score(self, task: str | Task | None = None) -> dict[str, Scores]:
        """Score the predictions of measured architectures outside the training set.

        Parameters
        ----------
        task : str or Task, optional
            The source of the labels, a task on the same space; by default the task of the
            surrogate.

        Returns
        -------
        dict of str to Scores
            ``held out``: architectures without an isomorphic one in the training set (for cells,
            rule ``upstream``). ``new functions``: those among them whose function
            (`CellSpace.function_classes`) is not in the training set either, in an enumerated
            space. ``held out, best 10 %`` and ``new functions, best 10 %``: those among the best
            tenth. ``coverage_90``: the share of values in their 90 % predictive intervals. Diverged
            trainings are left out, except for ``brier``, the mean squared error of the probability
            of divergence, and ``with diverged``: all held-out trainings with a value, predicted by
            `expectations`.

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
        (space, at), y = task.space.whole, task.values
        if space != self.space:
            raise SettingError(
                "space of the task", space.name, f"the space {self.space.name} of the surrogate"
            )
        outside = ~(np.isin(at, self.trained) if space.is_large else self.trained[at])
        fails = diverged_trainings(task, self.card.get("diverged"))
        measured = np.isfinite(y) & ~fails
        held_out = measured & outside
        utilities = task.sign * y
        best = utilities >= np.quantile(utilities[measured], 1.0 - _BEST)
        groups = {"held out": held_out, "held out, best 10 %": held_out & best}
        if not space.is_large:
            classes = space.function_classes
            new = measured & ~np.isin(classes[at], classes[self.trained])
            groups |= {"new functions": new, "new functions, best 10 %": new & best}
        predicted, percent, scores = np.empty(len(y)), task.column.unit == "percent", {}
        predicted[held_out], ends = self.means(at[held_out]), self.intervals(at[held_out])
        for name, which in groups.items():
            scores[name] = score_predictions(y[which], predicted[which], percent)
            if ends is not None and which.any():
                inside = (ends[0] <= y[held_out]) & (y[held_out] <= ends[1])
                scores[name]["coverage_90"] = float(inside[which[held_out]].mean())
        if self.divergence is not None:
            rows = (np.isfinite(y) | fails) & outside
            scores["held out"]["brier"] = float(
                ((self.divergences(at[rows]) - fails[rows]) ** 2).mean()
            )
            rows &= np.isfinite(y)
            scores["with diverged"] = score_predictions(
                y[rows], self.expectations(at[rows]), percent
            )
        return scores

    def has_space_of(self, task: Task) -> bool:
        """Return whether a task has the space of the surrogate; False if its table is not on this machine."""
        with suppress(MissingValueError):
            return task.space == self.space
        return False

    @cached_property
    def task(self) -> Task:
        """The task on its table, or on the space alone if the table is missing or has another space."""
        from nasmeta.tables import added_tables, table_names

        table, column = self.card["table"], ColumnInfo(**self.card["column"])
        if table in table_names() or table in added_tables():
            task = Task(self.card["task"], table, Signal(**self.card["signal"]))
            if self.has_space_of(task):
                return task
        return Task(self.card["task"], self.space, Signal.of(column), column=column)

    @cached_property
    def _bytes(self) -> bytes:
        """The content of the file; equal surrogates have equal bytes."""
        trained = self.trained if self.space.is_large else np.packbits(self.trained)
        arrays = {"trained": trained, **self.model.to_arrays()}
        if self.noise is not None:
            arrays |= {"noise_means": self.noise.means, "noise_quantiles": self.noise.quantiles}
        if self.cost_coefficients is not None:
            arrays["cost_coefficients"] = self.cost_coefficients
        if self.divergence is not None:
            arrays[_DIVERGED] = self.divergence.weights
        return _KIND.encode(self.card, arrays)

    @property
    def sha256(self) -> str:
        """Of the file that `save` writes."""
        return sha256(self._bytes).hexdigest()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a NumPy ``.npz`` file without pickles, with the data card as JSON.

        Raises
        ------
        SettingError
            If the model is a predictor other than ``xgboost``.
        """
        if not self.model.to_arrays():
            raise SettingError(
                "predictor of a saved surrogate", self.card["model"], f"None or {SAVED!r}"
            )
        path = Path(path)
        write_atomically(path, self._bytes)
        return path

    @classmethod
    def load(cls, which: str | os.PathLike[str] | Task) -> Surrogate:
        """Return a shipped surrogate by its task, or read a file of `save`.

        Parameters
        ----------
        which : str, path or Task
            Name of a task, such as ``nb201/cifar10`` or ``hw-gpt-s/gpt-s``, or the path of a file.
            `shipped` lists the names.

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
            return _shipped(known[name], name)
        if Path(name).suffix == _SUFFIX or os.path.isfile(name):
            return cls._of_file(name, Path(name).name)
        hint = f"Fit one: nasmeta surrogate fit {name} --output FILE."
        raise UnknownNameError("surrogate", name, f"a file, or one of {', '.join(known)}", hint)

    @staticmethod
    def shipped() -> Mapping[str, Path]:
        """Return the files of the shipped surrogates by the names of their tasks.

        Examples
        --------
        >>> from nasmeta.surrogates import Surrogate
        >>> [name for name in Surrogate.shipped() if name.startswith("scan")]
        ['scan-llm/slimpajama', 'scan-tabpfn/synthetic', 'scan-vlm/image-text']
        """
        folder = shipped("surrogates")
        paths = sorted(folder.rglob(f"*{_SUFFIX}"))
        return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}

    @classmethod
    def _of_file(cls, path: str | os.PathLike[str], name: str) -> Surrogate:
        """Read a file of `save`."""
        path = Path(path)
        raw = path.read_bytes()
        card, arrays = _KIND.decode(raw, path)
        with _KIND.blaming(path):
            space = from_content(card["space"])
            model = (EstimatorModel if "booster" in arrays else Process).of_arrays(space, arrays)
            trained = arrays["trained"]
            trained = (
                trained if space.is_large else np.unpackbits(trained, count=space.size).astype(bool)
            )
            noise = (
                SeedNoise(arrays["noise_means"], arrays["noise_quantiles"])
                if "noise_means" in arrays
                else None
            )
            divergence = Divergence(space, arrays[_DIVERGED]) if _DIVERGED in arrays else None
        surrogate = cls(
            card, model, trained, noise, arrays.get("cost_coefficients"), divergence, name
        )
        surrogate.__dict__["_bytes"] = raw  # so the checksum equals the file's
        return surrogate

    def __repr__(self) -> str:
        counts = f"{self.card['training_cells']:,} of {self.space.size:,} {self.space.noun}s"
        return f"Surrogate({self.card['task']!r}, fitted on {counts})"


@cache
def _shipped(path: Path, name: str) -> Surrogate:
    return Surrogate._of_file(path, name)
