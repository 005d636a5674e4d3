"""Tasks, families of tasks, their split into sources and target, and several objectives."""

from nasmeta.tables import Cost, Signal
from nasmeta.tasks._catalog import (
    TASKS,
    as_task,
    as_tasks,
    default_sources,
    get_task,
    list_tasks,
    multi_objective_task,
    task_distribution,
    task_families,
)
from nasmeta.tasks._disguise import disguise
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._episodes import (
    Augmentation,
    Episode,
    EpisodeSampler,
    checked_sources,
    normal_scores,
    standardised,
)
from nasmeta.tasks._fidelity import fidelities
from nasmeta.tasks._multi_objective import MultiObjectiveTask, front_frame
from nasmeta.tasks._objectives import Front, Objective, hypervolume, pareto_front
from nasmeta.tasks._scale import at_scale
from nasmeta.tasks._signal import is_own_table
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._table import Table, load_table
from nasmeta.tasks._task import Task

__all__ = [
    "TASKS",
    "Augmentation",
    "Cost",
    "Episode",
    "EpisodeSampler",
    "Front",
    "MultiObjectiveTask",
    "Objective",
    "Signal",
    "SourceTask",
    "Table",
    "Task",
    "TaskDistribution",
    "as_task",
    "as_tasks",
    "at_scale",
    "checked_sources",
    "default_sources",
    "disguise",
    "fidelities",
    "front_frame",
    "get_task",
    "hypervolume",
    "is_own_table",
    "list_tasks",
    "load_table",
    "multi_objective_task",
    "normal_scores",
    "pareto_front",
    "standardised",
    "task_distribution",
    "task_families",
]
