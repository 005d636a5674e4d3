"""Tasks, families of tasks, their split into sources and target, and several objectives."""

from nasmeta.tasks._catalog import (
    TASKS as TASKS,
    as_task as as_task,
    as_tasks as as_tasks,
    default_sources as default_sources,
    get_task,
    list_tasks,
    multi_objective_task,
    task_distribution,
    task_families as task_families,
)
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._episodes import (
    Augmentation,
    Episode as Episode,
    EpisodeSampler,
    checked_sources as checked_sources,
    normal_scores as normal_scores,
    standardised as standardised,
)
from nasmeta.tasks._fidelity import fidelities as fidelities
from nasmeta.tasks._multi_objective import MultiObjectiveTask as MultiObjectiveTask, front_frame as front_frame
from nasmeta.tasks._objectives import (
    Front as Front,
    Objective,
    hypervolume,
    log_tradeoff as log_tradeoff,
    pareto_front as pareto_front,
    within_budget as within_budget,
)
from nasmeta.tasks._signal import Cost as Cost, Signal as Signal, is_own_table as is_own_table
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

__all__ = [
    "Augmentation",
    "EpisodeSampler",
    "Objective",
    "SourceTask",
    "Task",
    "TaskDistribution",
    "get_task",
    "hypervolume",
    "list_tasks",
    "multi_objective_task",
    "pareto_front",
    "task_distribution",
]
