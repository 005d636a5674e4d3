"""One run: config, loop, clock, journal and history."""

from nasmeta.runs._clock import Budget, Clock, checked_budget
from nasmeta.runs._config import RunConfig
from nasmeta.runs._evaluator_argument import EvaluatorLike, evaluator_for, on_evaluator, space_in
from nasmeta.runs._front_history import FrontHistory
from nasmeta.runs._history import History, results_frame
from nasmeta.runs._journal import (
    Journal,
    check_recorded as check_recorded,
    recorded_prediction,
    require_journal,
)
from nasmeta.runs._loop import run_loop
from nasmeta.runs._optuna_objective import optuna_objective
from nasmeta.runs._run import finished_run, history_of, run_config
from nasmeta.runs._search import read_run, recorded_config, search
from nasmeta.runs._searcher_spec import SearcherSpec
from nasmeta.runs._sources import SourcesLike, is_model, named_sources, sources_of
from nasmeta.runs._trace import Trace
from nasmeta.runs._transfer import Transfer

__all__ = [
    "Budget",
    "Clock",
    "EvaluatorLike",
    "FrontHistory",
    "History",
    "Journal",
    "RunConfig",
    "SearcherSpec",
    "SourcesLike",
    "Trace",
    "Transfer",
    "checked_budget",
    "evaluator_for",
    "finished_run",
    "history_of",
    "is_model",
    "named_sources",
    "on_evaluator",
    "optuna_objective",
    "read_run",
    "recorded_config",
    "recorded_prediction",
    "require_journal",
    "results_frame",
    "run_config",
    "run_loop",
    "search",
    "sources_of",
    "space_in",
]
