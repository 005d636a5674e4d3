"""Comparisons: searchers × tasks × repeats, in parallel and resumable, by arguments or by a specification."""

from nasmeta.experiments._compare import compare
from nasmeta.experiments._report import Report as Report, report
from nasmeta.experiments.specification import (
    Specification,
    list_specifications,
    picks_of as picks_of,
    provenance_of as provenance_of,
    read_specification,
    ready_specifications,
    run_specification,
    summarise_picks,
)
from nasmeta.moved import moved_names

__all__ = [
    "Specification",
    "compare",
    "list_specifications",
    "read_specification",
    "ready_specifications",
    "report",
    "run_specification",
    "summarise_picks",
]

__getattr__ = moved_names(
    __name__,
    {
        **dict.fromkeys(("Best", "Clock", "Journal", "OptunaObjective", "on_evaluator"), "nasmeta.runs"),
        **dict.fromkeys(("optuna_objective", "results_frame", "run_loop", "search"), "nasmeta.runs"),
        **dict.fromkeys(("Run", "Trace"), "nasmeta.runs:History"),
        **dict.fromkeys(("TrainingFiles", "meta_train"), "nasmeta.meta"),
        **dict.fromkeys(("benchmark_predictors", "learning_curve_benchmark"), "nasmeta.prediction"),
        **dict.fromkeys(("in_store", "located"), "nasmeta.places"),
        "one_thread": "nasmeta.threads",
    },
)
