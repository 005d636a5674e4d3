"""Why a run is refused: what does not fit a task of several objectives, or one without costs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.runs._clock import Budget
from nasmeta.runs._spec import SearcherSpec


def check_objectives(spec: SearcherSpec, evaluator: Evaluator, budget: Budget) -> None:
    """Refuse a searcher that is told numbers where the answer is a vector, and the other way round."""
    task, n = evaluator.task, evaluator.n_objectives
    if n == 1 and spec.kind.objectives == "several":
        raise SettingError(
            f"{spec.name} searches for several objectives, but {task.name} has one. Name several, as in "
            "nb201/cifar10+latency/pixel3 or nasmeta.multi_objective_task, or use another searcher, such as gp."
        )
    if n > 1 and spec.kind.objectives == "one":
        raise SettingError(
            f"{spec.name} searches for one objective, but {task.name} has {n}. Use ehvi, nsga2 or another searcher "
            "for several (nasmeta list searchers), or a task that makes one number of them (nasmeta.tasks.Objective)."
        )
    if n > 1 and (spec.guidance or budget.stop_at_optimum):
        what = "A learned space and a warm start need" if spec.guidance else "stop_at_optimum needs"
        raise SettingError(f"{what} one objective, but {task.name} has {n}: leave it out.")


def check_lengths_used(specs: Iterable[SearcherSpec], lengths: Iterable[object]) -> None:
    """Refuse short trainings where no searcher asks for any."""
    own = list(specs)
    if len(list(lengths)) > 1 and not any(spec.is_multi_fidelity for spec in own):
        names, s = ", ".join(spec.name for spec in own), "s" * (len(own) == 1)
        raise SettingError(
            f"{names} take{s} full trainings only: leave out epochs (--epochs), or name a searcher "
            "that trains shortly first, such as asha, hyperband or bohb (nasmeta list searchers)."
        )


def why_no_seconds(evaluator: Evaluator) -> str:
    """Return why a budget in seconds says nothing of this evaluator."""
    task = evaluator.task
    if task.device is None and not task.has_cost:
        return (
            f"{task.name} has no cost: nobody recorded the seconds of an evaluation, so a budget in seconds says "
            "nothing. Give one in evaluations, or name a column of seconds, as in table.task(…, cost='train_seconds')."
        )
    if task.device is None and (missing := np.isnan(task.cost_seconds[task.measured])).any():
        return (
            f"{task.name} has no seconds for {missing.sum():,} of {len(missing):,} measured architectures: nobody "
            "recorded what they cost, so a budget in seconds says nothing. Give one in evaluations."
        )
    return (
        f"{task.name} has evaluations that cost no seconds, so a budget in seconds says nothing: "
        "give one in evaluations."
    )
