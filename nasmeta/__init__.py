"""Meta-learned neural architecture search on tabular benchmarks.

All names are imported on first use, so ``import nasmeta`` takes milliseconds. The main functions:

* `load_table`, `get_task`, `task_distribution`, `get_space`: measurements, tasks, families of
  tasks, search spaces;
* `search`, `compare`, `plan`, `report`: run one searcher, compare several, compute the runs needed,
  write the report;
* `reproduce`: repeat published tables; `publish`, `audit`: results that anyone can check;
* `meta_train`, `predict`, `train`, `verify`: learn from source tasks, compare predictors, train
  networks;
* `list_searchers`, `list_tasks`, `list_tables`, `list_predictors`, ...: the available names.

``nasmeta.analysis`` has statistics and figures. The other subpackages have the classes behind these
functions.

Examples
--------
>>> import nasmeta as nm
>>> nm.get_space("nb201").size
15625
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.lazy import lazy_names

if TYPE_CHECKING:
    from nasmeta import (
        analysis,
        errors,
        evaluators,
        experiments,
        exploration,
        gaussian_process,
        meta,
        prediction,
        predictors,
        publishing,
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
    from nasmeta.experiments import compare, list_specifications, plan, report, reproduce
    from nasmeta.exploration import explore
    from nasmeta.meta import meta_train
    from nasmeta.prediction import list_encoders, list_predictors, predict
    from nasmeta.publishing import audit, publish
    from nasmeta.runs import optuna_objective, search
    from nasmeta.searchers import list_searchers
    from nasmeta.spaces import Range, SearchSpace, get_space
    from nasmeta.tables import list_tables, query
    from nasmeta.tasks import (
        Table,
        get_task,
        list_tasks,
        load_table,
        multi_objective_task,
        task_distribution,
    )
    from nasmeta.training import list_images, list_proxies, list_recipes, train
    from nasmeta.verification import verify

__version__ = "0.1.0"

__all__ = [
    "Range",
    "SearchSpace",
    "Table",
    "__version__",
    "analysis",
    "audit",
    "compare",
    "errors",
    "evaluators",
    "experiments",
    "exploration",
    "explore",
    "gaussian_process",
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
    "plan",
    "predict",
    "prediction",
    "predictors",
    "publish",
    "publishing",
    "query",
    "report",
    "reproduce",
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

__getattr__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(
            ["analysis", "errors", "gaussian_process", "predictors", "surrogates", "testing"], ""
        ),
        "evaluators": "list_evaluators",
        "experiments": "compare list_specifications plan report reproduce",
        "exploration": "explore",
        "meta": "meta_train",
        "prediction": "list_encoders list_predictors predict",
        "publishing": "audit publish",
        "runs": "optuna_objective search",
        "searchers": "list_searchers",
        "spaces": "Range SearchSpace get_space",
        "tables": "list_tables query",
        "tasks": "Table get_task list_tasks load_table multi_objective_task task_distribution",
        "training": "list_images list_proxies list_recipes train",
        "verification": "verify",
    },
)


def __dir__() -> list[str]:
    from importlib.util import find_spec

    absent = set() if find_spec("pytest") else {"testing"}  # help() imports every name
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__} - absent)
