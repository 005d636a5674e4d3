"""One run: config, loop, clock, journal and history."""

from nasmeta.runs._clock import Clock
from nasmeta.runs._config import RunConfig as RunConfig
from nasmeta.runs._evaluator import on_evaluator as on_evaluator
from nasmeta.runs._frame import results_frame as results_frame
from nasmeta.runs._front_history import FrontHistory as FrontHistory
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal as Journal
from nasmeta.runs._loop import run_loop as run_loop
from nasmeta.runs._optuna_objective import optuna_objective
from nasmeta.runs._search import search

__all__ = [
    "Clock",
    "History",
    "optuna_objective",
    "search",
]
