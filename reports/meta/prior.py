"""Measure the priors of meta-learners: the order of all architectures before the first value of the target.

Run ``python reports/meta/prior.py``; ``--page`` only rewrites README.md and the figure. Each learner is meta-trained
once per target with seed 0. Its sources share nothing that the target holds out. Rows are appended to prior.csv, so an
interrupted run resumes.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gp import goal_of
from scipy.stats import kendalltau

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import Rows, page_only
from drawing import save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.searchers import SEARCHERS
from nasmeta.tasks import Task
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "prior"
DATE = "2026-11-27"  # of prior.csv
TASKS = {task.name: task for family in ("nb201", "tnb101") for task in nm.task_distribution(family)}
SEARCHING = {  # multi-task-gp and rgpe have the same joint process
    "source-order": "source-order",
    "meta-gp": "meta-gp",
    "multi-task-gp and rgpe": "multi-task-gp",
}
PREDICTING: dict[str, tuple[str, dict[str, Any]]] = {
    "meta-dkl": ("meta-dkl", {}),
    "maml": ("maml", {}),
}
LEARNERS = (*SEARCHING, *PREDICTING)


def sources_of(task: Task) -> list[Task]:
    """Return the tasks of the families of the task's space that share nothing with what the target holds out."""
    families = {"nb201": ("nb201", "nb201/12ep"), "tnb101": ("tnb101", "tnb101/train")}[task.name.split("/")[0]]
    others = [other for family in families for other in nm.task_distribution(family)]
    held_out = {name.lower() for name in task.held_out}
    return [other for other in others if held_out.isdisjoint(name.lower() for name in other.held_out)]


def prior_of(method: str, task: Task) -> Any:
    """Return the expected scores of all cells."""
    space, sources = task.space, sources_of(task)
    if method in PREDICTING:
        name, settings = PREDICTING[method]
        return META_PREDICTORS[name](space, **settings).meta_fit(sources).prior()[0]
    first = [source for source in sources if "@12ep" not in source.name and not source.name.endswith("/train")]
    model = SEARCHERS[SEARCHING[method]](space, np.random.default_rng(0)).meta_fit(first).meta_model_
    return model if method == "source-order" else model.mean


def measure() -> None:
    """Append the missing rows to prior.csv."""
    rows = Rows(HERE / "prior.csv", ("target", "method", "tau", "position"), 2)
    for method, task in product(LEARNERS, TASKS.values()):
        if not rows.has(task.name, method):
            expected = np.asarray(prior_of(method, task), dtype=np.float64)
            tau = kendalltau(expected, task.sign * task.values).statistic
            order = np.argsort(-expected, kind="stable")
            position = 1 + int(np.flatnonzero(np.isin(order, list(goal_of(task))))[0])
            rows.add(task.name, method, tau=tau, position=position)


def table(frame: pd.DataFrame, family: str) -> str:
    """Return τ-b and, in parentheses, the position of the first best cell: learners × targets."""
    part = frame[frame.target.str.startswith(f"{family}/")]
    part = part.assign(text=[f"{row.tau:.3f} ({row.position:,})" for row in part.itertuples()])
    wide = part.pivot(index="method", columns="target", values="text").fillna("–")
    wide = wide.reindex(index=[m for m in LEARNERS if m in wide.index], columns=list(part.target.unique()))
    wide.columns = [name.split("/")[1] for name in wide.columns]
    return to_markdown(wide.rename_axis("prior").reset_index())


def write() -> None:
    """Write the page and the figure from prior.csv."""
    frame = pd.read_csv(HERE / "prior.csv").sort_values(
        "target", key=lambda names: names.map([*TASKS].index), kind="stable"
    )
    with tempfile.TemporaryDirectory() as folder:
        nm.meta_train("meta-gp", leave_out="cifar10", output=Path(folder) / "model.npz")
        figure = SavedMetaModel.load(Path(folder) / "model.npz").plot()
    save_png(figure, HERE / "meta_gp")
    tau = frame[frame.target.str.startswith("tnb101/")].tau
    text = f"""# How good are meta-learned priors before the first evaluation?

On TransNAS-Bench-101, the priors have a Kendall's τ-b of {tau.min():.3f} to {tau.max():.3f} with the target (range over
seven tasks and {frame.method.nunique()} priors).

![Lengthscales by feature, and effect of each choice on the prior mean of meta-gp](meta_gp.png)

The picture shows the prior of `meta-gp`, trained without CIFAR-10. Deviations are in
normal scores.

τ-b with the target over all architectures, and in parentheses the position of the first of the four best ones; a random
order of the 4,096 architectures has it at 819 on average:

{table(frame, "tnb101")}
The same for NAS-Bench-201, with the position of the optimum:

{table(frame, "nb201")}
## How it was run

`python reports/meta/prior.py` on {DATE}, nasmeta {nm.__version__}, one meta-training per target with seed 0, all
labels of the sources.
Meta-predictors also see the sources after 12 epochs or on training
images.

## Limits

* One seed per learner and target, so the table lacks intervals.
* A good prior does not imply a fast search: searchers also read the target's values.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, and write the report."""
    with one_thread():
        if not page_only(__doc__):
            measure()
        write()


if __name__ == "__main__":
    main()
