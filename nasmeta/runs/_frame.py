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

    ``frame.attrs`` has six facts by task and searcher. ``searcher_seconds``: mean computing time of the searcher per
    run; missing if all runs were read from journals. ``runs``: the number of runs, including those without an
    evaluation. ``full_epochs``: the epochs of a full training. ``random_search``: whether it is random search on the
    whole space, under any label. ``seconds`` and ``evaluations``: the budget of a run.

    >>> import nasmeta as nm
    >>> runs = [nm.search("random", "nb201/cifar10", evaluations=20, seed=seed) for seed in range(3)]
    >>> results_frame(runs)["seed"].value_counts().to_dict()
    {0: 20, 1: 20, 2: 20}
    """
    import pandas as pd

    lengths = [len(run) for run in runs]

    def names(of_runs: list[str]) -> pd.Categorical[str]:
        codes, categories = pd.factorize(np.array(of_runs, dtype=object))
        return pd.Categorical.from_codes(np.repeat(codes, lengths), categories=pd.Index(categories, dtype=str))

    data: dict[str, Any] = {
        "task": names([run.task.name for run in runs]),
        "searcher": names([run.searcher for run in runs]),
        "seed": np.repeat(np.array([run.seed for run in runs], dtype=np.int64), lengths),
    }
    parts = [_numbers(run) for run in runs]
    for name, dtype in _NUMBERS.items():
        data[name] = np.concatenate([np.empty(0, dtype), *(part[name] for part in parts)], dtype=dtype)
    for name in ("clock", "space", "warm_start", "stopped"):
        data[name] = names([str(getattr(run, name)) for run in runs])
    data["failure"] = _failures(runs, lengths)
    for i in range(max((run.n_objectives for run in runs if run.n_objectives > 1), default=0)):
        parts_of_i = [run.values[:, i] if run.n_objectives > 1 else np.full(len(run), np.nan) for run in runs]
        data[f"objective_{i + 1}"] = np.concatenate(parts_of_i)
    frame = pd.DataFrame(data)
    frame.attrs |= _facts(runs)
    return frame


_NUMBERS: dict[str, type] = {
    "evaluation": np.int64,
    "cell": np.int32,
    "value": np.float64,
    "cost_seconds": np.float64,
    "simulated_seconds": np.float64,
    "incumbent": np.int32,
    "incumbent_value": np.float64,
    "regret": np.float64,
    "worker": np.int32,
    "epochs": np.int32,
}


def _numbers(run: History) -> dict[str, NDArray[Any]]:
    """Return the columns of numbers of one run."""
    incumbents, values = run._incumbents()
    if run.task.is_sampled and run.evaluator.noise_free is not None:
        values = run.evaluator.noise_free[incumbents]  # the means over seeds
    return {
        "evaluation": np.arange(1, len(run) + 1),
        "cell": run.architectures,
        "value": run._scores,
        "cost_seconds": run.cost_seconds,
        "simulated_seconds": run.end_seconds,
        "incumbent": incumbents,
        "incumbent_value": values,
        "regret": _regrets(run, values),
        "worker": run.workers,
        "epochs": run.epochs,
    }


def _facts(runs: Sequence[History]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the attributes of a frame, by task and searcher."""
    groups: dict[tuple[str, str], list[History]] = {}
    for run in runs:
        groups.setdefault((run.task.name, run.searcher), []).append(run)
    facts: dict[str, Any] = {
        name: {} for name in ("runs", "full_epochs", "random_search", "searcher_seconds", "seconds", "evaluations")
    }
    for (task, searcher), group in groups.items():
        spec, budget = group[-1].config.searcher, group[-1].config.budget
        of_group: dict[str, Any] = {
            "runs": len(group),
            "full_epochs": group[-1].full_epochs,
            "random_search": issubclass(spec.kind, RandomSearch) and not spec.transfer,
        }
        seconds = [run.searcher_seconds for run in group if not np.isnan(run.searcher_seconds)]
        if seconds:
            of_group["searcher_seconds"] = float(np.mean(seconds))
        for name in ("seconds", "evaluations"):
            if (limit := getattr(budget, name)) is not None:
                of_group[name] = limit
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
