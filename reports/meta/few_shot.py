"""Few-shot prediction: rank correlation on the held-out task from a few labels, by meta-predictors and baselines.

    python reports/meta/few_shot.py [--parts nb201,tnb101,devices,others,search] [--draws 20] [--seconds 600]

Every target is left out with all that it holds out; each draw labels random cells of it and scores the order of all
others. Rows are appended to draws.csv as they are measured, so a killed run goes on; README.md and the figures are
written anew from it at the end. Columns of other tables are fetched before by `nasmeta data fetch nb201 tnb101`.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS, SavedMetaModel
from nasmeta.predictors import make_predictor
from nasmeta.tasks import Task
from nasmeta.threads import one_thread

HERE = Path(__file__).parent / "few_shot"
DRAWS = HERE / "draws.csv"
COLUMNS = ("part", "target", "method", "labels", "draw", "tau", "spearman", "train_seconds", "adapt_seconds")
LABELS = (5, 10, 20, 50, 100)
ON_CELLS = (
    4000  # of a target, of which none gives a label to be scored on: as many as scoring takes the time of fitting
)


class SourceOrder:
    """What sources say without a label and without a model: their mean score."""

    def meta_fit(self, sources: list[Task]) -> SourceOrder:
        from nasmeta.predictors import normal_scores

        self.mean = np.mean([normal_scores(task.sign * task.values) for task in sources], axis=0)
        return self

    def fit(self, cells: Any, y: Any) -> SourceOrder:
        return self

    def predict(self, cells: Any) -> Any:
        return self.mean[cells]


def sources_of(part: str, task: Task) -> list[Task]:
    """Return the tasks of the part's family, without all that the target holds out."""
    families = {"nb201": ("nb201", "nb201/12ep"), "tnb101": ("tnb101", "tnb101/train"), "devices": ("nb201/latency",)}[
        part
    ]
    found = [other for family in families for other in nm.task_distribution(family)]
    held_out = {name.lower() for name in task.held_out}
    return [other for other in found if held_out.isdisjoint(name.lower() for name in other.held_out)]


def plan(parts: list[str], draws: int) -> Iterator[tuple[str, Task, str, tuple[int, ...], int]]:
    """Yield part, target, method, numbers of labels and draws."""
    nb201, tnb101 = nm.task_distribution("nb201"), nm.task_distribution("tnb101") if "tnb101" in parts else ()
    devices = list(nm.task_distribution("nb201/latency")) if "devices" in parts else []
    if "nb201" in parts:
        for task in nb201:
            for method in ("source-order", "meta-dkl", "meta-linear", "gp"):
                yield "nb201", task, method, LABELS, draws
    for task in tnb101:
        for method in ("source-order", "meta-dkl", "meta-linear", "gp"):
            yield "tnb101", task, method, (20, 100), draws
    unlike = [task for task in devices if task.name.rpartition("/")[2] in ("edgegpu", "eyeriss", "pixel2")]
    rest = [task for task in (*devices[1::3], *devices[::3], *devices[2::3]) if task not in unlike]
    for task in (*unlike, *rest):  # first those that are least like the others, then of every kind early on
        for method in ("source-order", "meta-linear", "gp"):
            yield "devices", task, method, (10,), draws
    for task in (*unlike, *rest):
        yield "devices", task, "meta-dkl", (10,), draws // 2
    if "others" in parts:
        for task in nb201:
            yield "nb201", task, "meta-np", (5, 20, 100), draws // 2
        for method in ("maml", "anil", "reptile"):
            yield "nb201", nb201[0], method, (5, 20, 100), draws // 2


def measured() -> dict[tuple[str, ...], dict[str, str]]:
    """Return the rows that are there, by what they measure."""
    if not DRAWS.exists():
        return {}
    with DRAWS.open(newline="") as file:
        return {tuple(row[key] for key in COLUMNS[:5]): row for row in csv.DictReader(file)}


def held_by(sources: list[Task]) -> set[str]:
    """Return what the sources hold out."""
    return {name for source in sources for name in source.held_out}


def fitted(method: str, space: str, sources: list[Task]) -> tuple[Callable[[Any, Any], Any], float]:
    """Return a function from labels to a predictor, and the seconds of processor time of the meta-training."""
    start = time.process_time()
    if method == "gp":
        return (lambda cells, y: make_predictor("gp", space=space).fit(cells, y)), 0.0
    if method == "meta-np":  # as shipped: its sources are the datasets after 200 epochs
        left_out = next(name for name in nm.task_distribution("nb201").datasets if name not in held_by(sources))
        shipped = SavedMetaModel.load(f"meta-np-nb201-without-{left_out}").predictor()
        shipped.blends = False
        return shipped.fit, float("nan")
    learner = SourceOrder() if method == "source-order" else META_PREDICTORS[method](space)
    only = sources
    if method == "source-order":
        only = [task for task in sources if "@12ep" not in task.name and not task.name.endswith("/train")]
    learner.blends = False  # on its own; reports/transfer/few_shot.py measures the blend
    learner.meta_fit(only)
    return learner.fit, time.process_time() - start


def measure(parts: list[str], draws: int, seconds: float, methods: list[str] | None = None) -> bool:
    """Append what is not measured yet; return whether all is there, or processor time is used up before."""
    from scipy.stats import kendalltau, spearmanr

    there = measured()
    learnt: dict[str, tuple[tuple[str, ...], Callable[[Any, Any], Any], float]] = {}
    HERE.mkdir(parents=True, exist_ok=True)
    for part, task, method, labels, n_draws in plan(parts, draws):
        missing = [
            (n, draw)
            for n in labels
            for draw in range(n_draws if method != "source-order" else 1)
            if (part, task.name, method, str(n), str(draw)) not in there
        ]
        if not missing or (methods and method not in methods):
            continue
        if time.process_time() > seconds:
            return False
        print(f"{part}: {method} on {task.name}, {len(missing)} draws", flush=True)
        sources = sources_of(part, task)  # the same for all settings of one device
        names = tuple(source.name for source in sources)
        if method not in learnt or learnt[method][0] != names:
            learnt[method] = (names, *fitted(method, task.space.name, sources))
        _, fit, train_seconds = learnt[method]
        utilities = task.sign * task.values
        with DRAWS.open("a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                writer.writerow(COLUMNS)
            for n, draw in missing:
                rng = np.random.default_rng([draw, n])
                order = rng.permutation(len(utilities))  # the same cells for every method
                cells, rest = order[:n], order[n : n + ON_CELLS]
                start = time.process_time()
                predicted = fit(cells, utilities[cells]).predict(rest)
                adapt_seconds = time.process_time() - start
                tau, spearman = kendalltau(predicted, utilities[rest])[0], spearmanr(predicted, utilities[rest])[0]
                row = (part, task.name, method, n, draw)
                writer.writerow((*row, f"{tau:.4f}", f"{spearman:.4f}", f"{train_seconds:.1f}", f"{adapt_seconds:.3f}"))
                file.flush()
    return True


def ceilings() -> None:
    """Write what a linear fit to all labels of a target reaches: how much of it lies in what the sources say at all."""
    from scipy.stats import kendalltau, spearmanr

    from nasmeta.predictors import normal_scores
    from nasmeta.training import measured_proxies

    proxies = [normal_scores(column) for column in measured_proxies("nb201").values()]
    with (HERE / "ceilings.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("part", "target", "columns", "tau", "spearman"))
        for part, family in (("nb201", "nb201"), ("devices", "nb201/latency")):
            for task in nm.task_distribution(family):
                target = normal_scores(task.sign * task.values) if part == "nb201" else np.log(task.values)
                known = sources_of(part, task)
                columns = [normal_scores(s.values) if part == "nb201" else np.log(s.values) for s in known]
                both = (("sources", columns), ("sources and proxies", columns + proxies))
                for name, chosen in both if part == "nb201" else both[:1]:
                    inputs = np.column_stack([*chosen, np.ones(len(target))])
                    fitted = inputs @ np.linalg.lstsq(inputs, target, rcond=None)[0]
                    tau, spearman = kendalltau(fitted, target)[0], spearmanr(fitted, target)[0]
                    writer.writerow((part, task.name, name, f"{tau:.4f}", f"{spearman:.4f}"))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="nb201,tnb101,devices,others,search")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="Begin nothing after so much processor time."
    )
    parser.add_argument("--methods", default="", help="Measure these alone: so that two runs can share the work.")
    parser.add_argument("--write-only", action="store_true", help="Write README and figures of what is measured.")
    asked = parser.parse_args()
    parts = [part.strip() for part in asked.parts.split(",")]
    with one_thread():
        if not asked.write_only:
            methods = [method for method in asked.methods.split(",") if method]
            if not measure([part for part in parts if part != "search"], asked.draws, asked.seconds, methods):
                raise SystemExit(3)
            if "search" in parts:
                from few_shot_search import measure_search

                measure_search(HERE / "search.csv")
        if not (HERE / "ceilings.csv").exists():
            ceilings()
        from few_shot_page import write

        write(HERE)


if __name__ == "__main__":
    main()
