"""Meta-learned neural architecture search on tabular benchmarks.

Every name below is imported when it is first used, so that ``import nasmeta`` costs milliseconds.

Examples
--------
>>> import nasmeta as nm
>>> nm.get_space("nb201").size
15625
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nasmeta import (
        analysis,
        errors,
        evaluators,
        experiments,
        meta,
        prediction,
        predictors,
        runs,
        searchers,
        spaces,
        surrogates,
        tables,
        tasks,
        testing,
        training,
        verification,
    )
    from nasmeta.experiments import compare
    from nasmeta.meta import meta_train
    from nasmeta.prediction import benchmark_predictors
    from nasmeta.runs import optuna_objective, search
    from nasmeta.spaces import SearchSpace, get_space
    from nasmeta.tables import Table, load_table
    from nasmeta.tasks import get_task, task_distribution

__version__ = "0.1.0"

__all__ = [
    "SearchSpace",
    "Table",
    "__version__",
    "analysis",
    "benchmark_predictors",
    "compare",
    "errors",
    "evaluators",
    "experiments",
    "get_space",
    "get_task",
    "load_table",
    "meta",
    "meta_train",
    "optuna_objective",
    "prediction",
    "predictors",
    "runs",
    "search",
    "searchers",
    "spaces",
    "surrogates",
    "tables",
    "task_distribution",
    "tasks",
    "testing",
    "training",
    "verification",
]

_ROOM_OF = {
    "SearchSpace": "spaces",
    "Table": "tables",
    "benchmark_predictors": "prediction",
    "compare": "experiments",
    "get_space": "spaces",
    "get_task": "tasks",
    "load_table": "tables",
    "meta_train": "meta",
    "optuna_objective": "runs",
    "search": "runs",
    "task_distribution": "tasks",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOM_OF.get(name, name)}")
    found: object = getattr(room, name) if name in _ROOM_OF else room
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
