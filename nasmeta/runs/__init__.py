"""One run: the loop, its clock, its journal, what it may learn from, and its history."""

from nasmeta.moved import moved_names
from nasmeta.runs._clock import Clock
from nasmeta.runs._journal import Journal, JournaledEvaluator
from nasmeta.runs._loop import Trace, run_loop
from nasmeta.runs._optuna_objective import OptunaObjective, optuna_objective
from nasmeta.runs._run import Best, Run, results_frame
from nasmeta.runs._search import on_evaluator, search

__all__ = [
    "Best",
    "Clock",
    "Journal",
    "JournaledEvaluator",
    "OptunaObjective",
    "Run",
    "Trace",
    "on_evaluator",
    "optuna_objective",
    "results_frame",
    "run_loop",
    "search",
]

__getattr__ = moved_names(__name__, dict.fromkeys(("TrainingFiles", "meta_train"), "nasmeta.meta"))
