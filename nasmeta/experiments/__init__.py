"""Runs: the one loop, its journal, and comparisons of searchers on tasks with repeats, in parallel and resumable."""

from nasmeta.experiments._clock import Clock
from nasmeta.experiments._compare import compare
from nasmeta.experiments._curves_benchmark import learning_curve_benchmark
from nasmeta.experiments._journal import Journal, JournaledEvaluator
from nasmeta.experiments._loop import Trace, run_loop
from nasmeta.experiments._meta_train import meta_train
from nasmeta.experiments._optuna_objective import OptunaObjective, optuna_objective
from nasmeta.experiments._places import in_store, located
from nasmeta.experiments._run import Best, Run, results_frame
from nasmeta.experiments._search import on_evaluator, search
from nasmeta.experiments._threads import one_thread
from nasmeta.experiments._training_files import TrainingFiles
from nasmeta.experiments.prediction import benchmark_predictors
from nasmeta.experiments.specification import (
    Specification,
    picks_of,
    provenance_of,
    read_specification,
    ready_specifications,
    run_specification,
)

__all__ = [
    "Best",
    "Clock",
    "Journal",
    "JournaledEvaluator",
    "OptunaObjective",
    "Run",
    "Specification",
    "Trace",
    "TrainingFiles",
    "benchmark_predictors",
    "compare",
    "in_store",
    "learning_curve_benchmark",
    "located",
    "meta_train",
    "on_evaluator",
    "one_thread",
    "optuna_objective",
    "picks_of",
    "provenance_of",
    "read_specification",
    "ready_specifications",
    "results_frame",
    "run_loop",
    "run_specification",
    "search",
]
