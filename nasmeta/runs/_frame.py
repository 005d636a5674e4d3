"""The results frame: one row per evaluation; analysis and reports read nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.searchers import RandomSearch

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.runs._history import History


def results_frame(runs: Sequence[History]) -> pd.DataFrame:
    """Return the results frame of runs, one row per evaluation, in the order of the runs; see `History.frame`.

    ``frame.attrs`` has four facts by task and searcher. ``searcher_seconds``: mean computing time of the searcher per
    run; missing if all runs were read from journals. ``runs``: the number of runs, including those without an
    evaluation. ``full_epochs``: the epochs of a full training. ``random_search``: whether it is random search on the
    whole space, under any label.

    >>> import nasmeta as nm
    >>> runs = [nm.search("random", "nb201/cifar10", evaluations=20, seed=seed) for seed in range(3)]
    >>> results_frame(runs)["seed"].value_counts().to_dict()
    {0: 20, 1: 20, 2: 20}
    """
    import pandas as pd

    lengths = [len(run) for run in runs]
    incumbents = [_noise_free(run, *run._incumbents()) for run in runs]
    regrets = [_regrets(run, values) for run, (_, values) in zip(runs, incumbents, strict=True)]

    def joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
        return np.concatenate(parts, dtype=dtype) if parts else np.empty(0, dtype)

    def names(of_runs: list[str]) -> pd.Categorical[str]:
        codes, categories = pd.factorize(np.array(of_runs, dtype=object))
        return pd.Categorical.from_codes(np.repeat(codes, lengths), categories=pd.Index(categories, dtype=str))

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
            "incumbent_value": joined([values for _, values in incumbents], np.float64),
            "regret": joined(regrets, np.float64),
            "worker": joined([run.workers for run in runs], np.int32),
            "epochs": joined([run.epochs for run in runs], np.int32),
            "clock": names([str(run.clock) for run in runs]),
            "space": names([run.space for run in runs]),
            "warm_start": names([run.warm_start for run in runs]),
            "stopped": names([run.stopped for run in runs]),
            "failure": _failures(runs, lengths),
        }
    )
    for i in range(max((run.n_objectives for run in runs if run.n_objectives > 1), default=0)):
        parts = [run.values[:, i] if run.n_objectives > 1 else np.full(len(run), np.nan) for run in runs]
        frame[f"objective_{i + 1}"] = joined(parts, np.float64)
    frame.attrs |= _facts(runs)
    return frame


def _facts(runs: Sequence[History]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the attributes of a frame, by task and searcher."""
    groups: dict[tuple[str, str], list[History]] = {}
    for run in runs:
        groups.setdefault((run.task.name, run.searcher), []).append(run)
    facts: dict[str, Any] = {name: {} for name in ("runs", "full_epochs", "random_search", "searcher_seconds")}
    for (task, searcher), group in groups.items():
        spec = group[-1].config.searcher
        of_group: dict[str, Any] = {
            "runs": len(group),
            "full_epochs": group[-1].full_epochs,
            "random_search": issubclass(spec.kind, RandomSearch) and not spec.transfer,
        }
        seconds = [run.searcher_seconds for run in group if not np.isnan(run.searcher_seconds)]
        if seconds:
            of_group["searcher_seconds"] = float(np.mean(seconds))
        for name, fact in of_group.items():
            facts[name].setdefault(task, {})[searcher] = fact
    return facts


def _regrets(run: History, values: NDArray[np.float64]) -> NDArray[np.float64]:
    regrets: NDArray[np.float64] = run.evaluator.sign * (run.evaluator.optimum - values) + 0.0  # no -0.0
    if (regrets < 0).any():
        raise SettingError(
            f"best value of the run on {run.task.name}", run.best.value, f"{run.evaluator.optimum} at best"
        )
    return regrets


def _failures(runs: Sequence[History], lengths: Sequence[int]) -> pd.Categorical[str]:
    """Return the reason of each failure, shape (n,); an empty string for a success."""
    import pandas as pd

    codes, positions, begin = np.zeros(sum(lengths), np.int64), {"": 0}, 0
    for run, length in zip(runs, lengths, strict=True):
        for position, reason in run._reasons().items():
            codes[begin + position] = positions.setdefault(reason, len(positions))
        begin += length
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(positions), dtype=str))


def _noise_free(
    run: History, cells: NDArray[np.int32], values: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return incumbents and their values; if the task samples seeds, their means over seeds."""
    noise_free = run.evaluator.noise_free
    if run.task.is_sampled and noise_free is not None:
        values = noise_free[cells]
    return cells, values
