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

from nasmeta.archives import ArchiveKind
from nasmeta.arrays import Architectures, Array, Booleans, Floats
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


def choice_costs(space: SearchSpace, coefficients: Floats, architectures: Architectures) -> Floats:
    """Return a constant plus one coefficient per choice, for architectures of shape (n,)."""
    one_hot = choice_one_hot(space.positions, space.codes_of(architectures)).counts
    costs: Floats = coefficients[0] + one_hot @ coefficients[1:]
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
    trained: Array
    noise: SeedNoise | None = None
    cost_coefficients: Floats | None = None
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

    def _exact(self, architectures: Architectures) -> Floats:
        """Return the predicted means of architectures, shape (n,), before rounding."""
        return self._possible(self.sign * self.model.predict(architectures))

    @cached_property
    def _all_exact(self) -> Floats:
        return self._exact(np.arange(self.space.size, dtype=np.int32))

    @cached_property
    def values(self) -> Floats:
        """The predicted means of all architectures of an enumerated space, float64, shape (size,); see `means`."""
        values: Floats = self._rounded(self._all_exact)
        values.flags.writeable = False
        return values

    def means(self, architectures: Architectures) -> Floats:
        """Return the predicted means of architectures, float64, shape (n,), in the unit of the task.

        They are rounded to six digits of the largest value, so they are equal on all processors.
        """
        if self.space.is_large:
            return self._rounded(self._exact(architectures))
        return self.values[architectures]

    def _possible(self, values: Floats) -> Floats:
        if self.unit == "percent":
            return np.clip(values, 0.0, 100.0)
        return values

    @cached_property
    def _decimals(self) -> int:
        if self.space.is_large:
            largest = self.card["largest"]
        else:
            largest = float(np.abs(self._all_exact).max())
        if largest <= 0:
            return _DIGITS
        return _DIGITS - 1 - int(np.floor(np.log10(largest)))

    def _rounded(self, values: Floats) -> Floats:
        return np.round(values, self._decimals) + 0.0  # no -0.0

    def intervals(self, architectures: Architectures) -> Floats | None:
        """Return the bounds of the 90 % predictive intervals, float64, shape (2, n), in the unit of the task.

        Return None if the model does not predict deviations, as in shipped surrogates.
        """
        bounds = self.model.intervals(architectures)  # of utilities
        if bounds is None:
            return None
        return np.sort(self.sign * bounds, axis=0)

    def costs_of(self, architectures: Architectures) -> Floats:
        """Return the predicted training seconds of architectures, float64, shape (n,); NaN if unknown."""
        if self.cost_coefficients is None:
            return np.full(len(architectures), np.nan)
        costs = np.round(choice_costs(self.space, self.cost_coefficients, architectures), 3)
        return np.asarray(np.maximum(costs, 0.0))

    @cached_property
    def cost_seconds(self) -> Floats:
        """The predicted training seconds of all architectures, float64, shape (size,); NaN if unknown."""
        costs = self.costs_of(np.arange(self.space.size, dtype=np.int32))
        costs.flags.writeable = False
        return costs

    def divergences(self, architectures: Architectures) -> Floats:
        """Return the probabilities that trainings diverge, float64, shape (n,); 0 without a model of divergence."""
        if self.divergence is None:
            return np.zeros(len(architectures))
        return np.round(self.divergence.predict(architectures), 4)

    def expectations(self, architectures: Architectures) -> Floats:
        """Return the expected values, float64, shape (n,), if a training may diverge.

        They are the means of `means` and of the diverged trainings, weighted by the probability of
        divergence.
        """
        p = self.divergences(architectures)
        means = self.means(architectures)
        diverged_mean = self.card.get("diverged_mean", 0.0)
        # (1 - p) mean + p diverged_mean
        return self._rounded(means + p * (diverged_mean - means))

    def training_values(self, seed: int, architectures: Architectures | None = None) -> Floats:
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
        if architectures is None:
            architectures = np.arange(self.space.size, dtype=np.int32)
        means = self.means(architectures)
        deviations = self.noise.draw(means, architectures, seed)
        if isinstance(self.space, CellSpace):
            deviations *= self.space.live_edges[architectures].any(axis=1)
        return self._rounded(self._possible(means + deviations))

    def predict(
        self, architectures: ArchitectureLike, answer: str = "mean", seed: int = 0
    ) -> float | Floats:
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
        indices = np.atleast_1d(np.asarray(index, dtype=self.space.index_type))
        answers = {"mean": self.means, "diverged": self.divergences, "expected": self.expectations}
        check_choice("answer", answer, [*answers, "training"])
        if answer == "training":
            values = self.training_values(seed, indices)
        else:
            values = answers[answer](indices)
        if isinstance(index, int):
            return float(values[0])
        return values

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
        elif isinstance(task, str):
            task = get_task(task)
        space, indices = task.space.whole
        if space != self.space:
            allowed = f"the space {self.space.name} of the surrogate"
            raise SettingError("space of the task", space.name, allowed)
        # Arrays over the architectures of the task, shape (task size,).
        values = task.values
        has_value = np.isfinite(values)
        is_diverged = diverged_trainings(task, self.card.get("diverged"))
        if space.is_large:
            is_trained = np.isin(indices, self.trained)
        else:
            is_trained = self.trained[indices]
        groups = self._groups(task, has_value & ~is_diverged, is_trained)
        held_out = groups["held out"]
        predicted = np.full(len(values), np.nan)
        predicted[held_out] = self.means(indices[held_out])
        percent = task.column.unit == "percent"
        scores = {}
        for name, group in groups.items():
            scores[name] = score_predictions(values[group], predicted[group], percent)
        bounds = self.intervals(indices[held_out])
        if bounds is not None:
            is_covered = np.zeros(len(values), dtype=bool)
            held_out_values = values[held_out]
            is_covered[held_out] = (bounds[0] <= held_out_values) & (held_out_values <= bounds[1])
            for name, group in groups.items():
                if group.any():
                    scores[name]["coverage_90"] = float(is_covered[group].mean())
        if self.divergence is not None:
            trainings = (has_value | is_diverged) & ~is_trained
            errors = self.divergences(indices[trainings]) - is_diverged[trainings]
            scores["held out"]["brier"] = float((errors**2).mean())
            trainings &= has_value
            expected = self.expectations(indices[trainings])
            scores["with diverged"] = score_predictions(values[trainings], expected, percent)
        return scores

    def _groups(self, task: Task, measured: Booleans, is_trained: Booleans) -> dict[str, Booleans]:
        """Return which architectures of a task are in each group of `score`, shape (task size,) each."""
        utilities = task.sign * task.values
        is_best = utilities >= np.quantile(utilities[measured], 1.0 - _BEST)
        held_out = measured & ~is_trained
        groups = {"held out": held_out, "held out, best 10 %": held_out & is_best}
        space, indices = task.space.whole
        if not space.is_large:
            classes = space.function_classes
            new = measured & ~np.isin(classes[indices], classes[self.trained])
            groups |= {"new functions": new, "new functions, best 10 %": new & is_best}
        return groups

    def has_space_of(self, task: Task) -> bool:
        """Return whether a task has the space of the surrogate; False if its table is not on this machine."""
        with suppress(MissingValueError):
            return task.space == self.space
        return False

    @cached_property
    def task(self) -> Task:
        """The task on its table, or on the space alone if the table is missing or has another space."""
        from nasmeta.tables import added_tables, table_names

        table = self.card["table"]
        if table in table_names() or table in added_tables():
            task = Task(self.card["task"], table, Signal(**self.card["signal"]))
            if self.has_space_of(task):
                return task
        column = ColumnInfo(**self.card["column"])
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
            allowed = f"None or {SAVED!r}"
            raise SettingError("predictor of a saved surrogate", self.card["model"], allowed)
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
            kind = EstimatorModel if "booster" in arrays else Process
            trained = arrays["trained"]
            if not space.is_large:
                trained = np.unpackbits(trained, count=space.size).astype(bool)
            surrogate = cls(card, kind.of_arrays(space, arrays), trained, name=name)
            surrogate.cost_coefficients = arrays.get("cost_coefficients")
            if "noise_means" in arrays:
                quantiles = arrays["noise_quantiles"]
                surrogate.noise = SeedNoise(arrays["noise_means"], quantiles)
            if _DIVERGED in arrays:
                surrogate.divergence = Divergence(space, arrays[_DIVERGED])
        surrogate.__dict__["_bytes"] = raw  # so the checksum equals the file's
        return surrogate

    def __repr__(self) -> str:
        counts = f"{self.card['training_cells']:,} of {self.space.size:,} {self.space.noun}s"
        return f"Surrogate({self.card['task']!r}, fitted on {counts})"


@cache
def _shipped(path: Path, name: str) -> Surrogate:
    return Surrogate._of_file(path, name)
