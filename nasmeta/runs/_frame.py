"""The frame of results: one row an evaluation, all that analysis knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.searchers import RandomSearch

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.runs._history import History


def results_frame(runs: Sequence[History]) -> pd.DataFrame:
    """Return the results frame of runs: one row an evaluation, in the order of the runs; see `History.frame`.

    ``frame.attrs`` has four facts by task and searcher. ``searcher_seconds``: the searcher's own computing time in
    seconds per run, which differs between repetitions; runs that were read from journals have none. ``runs``: the
    number of runs, including those without any evaluation. ``full_epochs``: the epochs of a full training, as all
    trainings may be shorter. ``random_search``: whether it is random search on the whole space, under any label.

    >>> import nasmeta as nm
    >>> runs = [nm.search("random", "nb201/cifar10", evaluations=20, seed=seed) for seed in range(3)]
    >>> results_frame(runs)["seed"].value_counts().to_dict()
    {0: 20, 1: 20, 2: 20}
    """
    import pandas as pd

    lengths = [len(run) for run in runs]

    def joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
        return np.concatenate(parts, dtype=dtype) if parts else np.empty(0, dtype)

    def names(of_runs: list[str]) -> pd.Categorical[str]:
        categories = list(dict.fromkeys(of_runs))
        position = {name: i for i, name in enumerate(categories)}
        codes = np.array([position[name] for name in of_runs], dtype=np.int64)
        return pd.Categorical.from_codes(np.repeat(codes, lengths), categories=pd.Index(categories, dtype=str))

    incumbents = [_without_noise(run, *run._incumbents()) for run in runs]
    best = [values for _, values in incumbents]
    regrets = [r.evaluator.sign * (r.evaluator.optimum - b) + 0.0 for r, b in zip(runs, best, strict=True)]  # no -0.0
    for run, regret in zip(runs, regrets, strict=True):
        if (regret < 0).any():
            raise SettingError(
                f"{run.task.name}: {run.best.value} of cell {run.best.cell} is better than the optimum "
                f"{run.evaluator.optimum}, so these are not values of this task."
            )
    frame = pd.DataFrame(
        {
            "task": names([run.task.name for run in runs]),
            "searcher": names([run.searcher for run in runs]),
            "seed": np.repeat(np.array([run.seed for run in runs], dtype=np.int64), lengths),
            "evaluation": joined([np.arange(1, n + 1) for n in lengths], np.int64),
            "cell": joined([run.cells for run in runs], np.int32),
            "value": joined([run._scores for run in runs], np.float64),
            "cost_seconds": joined([run.cost_seconds for run in runs], np.float64),
            "simulated_seconds": joined([run.end_seconds for run in runs], np.float64),
            "incumbent": joined([cells for cells, _ in incumbents], np.int32),
            "incumbent_value": joined(best, np.float64),
            "regret": joined(regrets, np.float64),
            "worker": joined([run.workers for run in runs], np.int32),
            "epochs": joined([run.epochs for run in runs], np.int32),
            "clock": names([str(run.clock) for run in runs]),
            "space": names([run.space for run in runs]),
            "warm_start": names([run.warm_start for run in runs]),
            "stopped": names([run.stopped for run in runs]),
            "failure": _reasons(runs, sum(lengths)),
        }
    )
    for i in range(max((run.values.shape[1] for run in runs if run.values.ndim > 1), default=0)):
        parts = [run.values[:, i] if run.values.ndim > 1 else np.full(len(run), np.nan) for run in runs]
        frame[f"objective_{i + 1}"] = joined(parts, np.float64)
    measured: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        if run.searcher_seconds == run.searcher_seconds:
            measured.setdefault(run.task.name, {}).setdefault(run.searcher, []).append(run.searcher_seconds)
    asked: dict[str, dict[str, int]] = {}
    lengths_due: dict[str, dict[str, int]] = {}
    is_random: dict[str, dict[str, bool]] = {}
    for run in runs:
        of_task = asked.setdefault(run.task.name, {})
        of_task[run.searcher] = of_task.get(run.searcher, 0) + 1
        lengths_due.setdefault(run.task.name, {})[run.searcher] = run.full_epochs
        spec = run.config.searcher
        is_random.setdefault(run.task.name, {})[run.searcher] = (
            issubclass(spec.kind, RandomSearch) and not spec.guidance
        )
    frame.attrs |= {"runs": asked, "full_epochs": lengths_due, "random_search": is_random}
    frame.attrs["searcher_seconds"] = {
        task: {searcher: float(np.mean(seconds)) for searcher, seconds in of_task.items()}
        for task, of_task in measured.items()
    }
    return frame


def _reasons(runs: Sequence[History], n: int) -> pd.Categorical[str]:
    """Return the reason of each failure, shape (n,); an empty string for a success."""
    import pandas as pd

    codes, positions, begin = np.zeros(n, np.int64), {"": 0}, 0
    for run in runs:
        for position, reason in run._reasons().items():
            codes[begin + position] = positions.setdefault(reason, len(positions))
        begin += len(run)
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(positions), dtype=str))


def _without_noise(
    run: History, cells: NDArray[np.int32], values: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return incumbents with their values; of a sampled seed those of the mean over seeds."""
    noise_free = run.evaluator.noise_free
    if run.task.is_sampled and noise_free is not None:
        values = noise_free[cells]
    return cells, values


def weights_frame(notes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the members' weights in a searcher's notes on its proposals; see `History.weights`."""
    import pandas as pd

    said = [note.get("weights") for note in notes]
    rows = [one if isinstance(one, dict) and all(type(w) is float for w in one.values()) else {} for one in said]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="evaluation"))
