"""What is asked: tasks, distributions of tasks, their split into sources and target, and several objectives at once."""

from nasmeta.tasks._augmentation import Augmentation, LabelNoise, measure_label_noise
from nasmeta.tasks._catalog import TASKS, as_task, default_sources, get_task, task_distribution, task_families
from nasmeta.tasks._combined import CombinedTask
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._drawn import sample_objective
from nasmeta.tasks._fidelity import CurvePoint, fidelities
from nasmeta.tasks._objectives import hypervolume, log_tradeoff, pareto_front, within_budget
from nasmeta.tasks._sampling import Episode, EpisodeSampler
from nasmeta.tasks._scores import normal_scores
from nasmeta.tasks._sources import checked_sources
from nasmeta.tasks._task import Signal, SourceTask, Task, device_of

__all__ = [
    "TASKS",
    "Augmentation",
    "CombinedTask",
    "CurvePoint",
    "Episode",
    "EpisodeSampler",
    "LabelNoise",
    "Signal",
    "SourceTask",
    "Task",
    "TaskDistribution",
    "as_task",
    "checked_sources",
    "default_sources",
    "device_of",
    "fidelities",
    "get_task",
    "hypervolume",
    "log_tradeoff",
    "measure_label_noise",
    "normal_scores",
    "pareto_front",
    "sample_objective",
    "task_distribution",
    "task_families",
    "within_budget",
]
