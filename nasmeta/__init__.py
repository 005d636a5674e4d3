"""Meta-learned neural architecture search on tabular benchmarks.

Every name below is imported when it is first used, so that ``import nasmeta`` costs milliseconds. To begin with:

* `load_table`, `get_task`, `task_distribution`, `get_space`: what was measured, and what is asked;
* `search`, `compare`, `report`: run a searcher, several ones, and write what came out;
* `meta_train`, `predict`, `train`, `verify`: learn from other tasks, predict, train for real;
* `list_searchers`, `list_tasks`, `list_tables`, `list_predictors` and others: which names there are.

``nasmeta.analysis`` has statistics and figures, each other room its own interface.

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
    from nasmeta.evaluators import list_evaluators
    from nasmeta.experiments import compare, list_specifications, report
    from nasmeta.meta import meta_train
    from nasmeta.prediction import list_encoders, list_predictors, predict
    from nasmeta.runs import optuna_objective, search
    from nasmeta.searchers import list_searchers
    from nasmeta.spaces import SearchSpace, get_space
    from nasmeta.tables import Table, list_tables, load_table, query
    from nasmeta.tasks import get_task, list_tasks, multi_objective_task, task_distribution
    from nasmeta.training import list_images, list_proxies, list_recipes, train
    from nasmeta.verification import verify

__version__ = "0.1.0"

__all__ = [
    "SearchSpace",
    "Table",
    "__version__",
    "analysis",
    "compare",
    "errors",
    "evaluators",
    "experiments",
    "get_space",
    "get_task",
    "list_encoders",
    "list_evaluators",
    "list_images",
    "list_predictors",
    "list_proxies",
    "list_recipes",
    "list_searchers",
    "list_specifications",
    "list_tables",
    "list_tasks",
    "load_table",
    "meta",
    "meta_train",
    "multi_objective_task",
    "optuna_objective",
    "predict",
    "prediction",
    "predictors",
    "query",
    "report",
    "runs",
    "search",
    "searchers",
    "spaces",
    "surrogates",
    "tables",
    "task_distribution",
    "tasks",
    "testing",
    "train",
    "training",
    "verification",
    "verify",
]

_ROOM_OF = {
    name: room
    for room, names in {
        "evaluators": "list_evaluators",
        "experiments": "compare list_specifications report",
        "meta": "meta_train",
        "prediction": "list_encoders list_predictors predict",
        "runs": "optuna_objective search",
        "searchers": "list_searchers",
        "spaces": "SearchSpace get_space",
        "tables": "Table list_tables load_table query",
        "tasks": "get_task list_tasks multi_objective_task task_distribution",
        "training": "list_images list_proxies list_recipes train",
        "verification": "verify",
    }.items()
    for name in names.split()
}
_NEEDS = {"testing": "pytest"}  # rooms that cannot be imported without something that only an extra brings


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOM_OF.get(name, name)}")
    found: object = getattr(room, name) if name in _ROOM_OF else room
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    from importlib.util import find_spec

    absent = {room for room, package in _NEEDS.items() if find_spec(package) is None}  # help() asks for each name
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__} - absent)
