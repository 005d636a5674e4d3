"""What is asked: tasks, distributions of tasks, and their split into sources and target."""

from nasmeta.tasks._catalog import TASKS, as_task, get_task, task_distribution
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._task import Signal, SourceTask, Task

__all__ = ["TASKS", "Signal", "SourceTask", "Task", "TaskDistribution", "as_task", "get_task", "task_distribution"]
