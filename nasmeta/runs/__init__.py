"""One run: config, loop, clock, journal and history."""

from nasmeta.runs._clock import Budget as Budget, Clock, checked_budget as checked_budget
from nasmeta.runs._config import RunConfig as RunConfig
from nasmeta.runs._evaluator import (
    EvaluatorLike as EvaluatorLike,
    evaluator_for as evaluator_for,
    on_evaluator as on_evaluator,
    space_in as space_in,
)
from nasmeta.runs._frame import results_frame as results_frame
from nasmeta.runs._front_history import FrontHistory as FrontHistory
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal as Journal, require_journal as require_journal
from nasmeta.runs._loop import run_loop as run_loop
from nasmeta.runs._optuna_objective import optuna_objective
from nasmeta.runs._search import read_run as read_run, search
from nasmeta.runs._sources import (
    SourcesLike as SourcesLike,
    is_model as is_model,
    named_sources as named_sources,
    sources_of as sources_of,
)
from nasmeta.runs._spec import SearcherSpec as SearcherSpec
from nasmeta.runs._transfer import Transfer as Transfer

__all__ = [
    "Clock",
    "History",
    "optuna_objective",
    "search",
]
