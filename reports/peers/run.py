"""Compare other packages' optimisers with `gp` and `meta`: evaluations until one of the best architectures.

Run ``python reports/peers/run.py --folder DIR``. It writes README.md, results.csv, setup.json and found.png. With the
same folder, an interrupted run resumes. Needs the extra ``peers`` and ``nasmeta data fetch transnas``. ``--page``
rewrites README.md and found.png from results.csv and setup.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pairs import ALWAYS_THE_SAME, counts, paired, standings

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import NB201, least_of_best, with_interval
from drawing import curves, save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.code import versions_of
from nasmeta.searchers import missing_packages
from nasmeta.threads import one_thread

HERE = Path(__file__).parent
TNB101 = tuple(
    f"tnb101/{task}"
    for task in ("class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder")
)
GRAPH = ("graph/cora", "graph/cs", "graph/physics", "graph/computers")
TASKS = (*NB201, *TNB101, *GRAPH)
# Tasks for slow searchers.
FEW = ("nb201/cifar10", "nb201/imagenet16-120", "tnb101/class_scene", "tnb101/jigsaw", "tnb101/normal", "graph/cora",
       "graph/physics")  # fmt: skip
PLAIN = ("random", "gp", "optuna-tpe", "syne-tune-kde", "smac", "syne-tune-bore", "botorch", "ax", "syne-tune-cqr")
SLOW = ("ax", "botorch", "smac", "syne-tune-bore", "syne-tune-cqr")
TRANSFER = (
    "meta",
    "rgpe",
    "rgpe-vanilla",
    "syne-tune-zero-shot",
    "syne-tune-rush",
    "syne-tune-bounding-box",
    "syne-tune-quantile-copula",
)
# All repeats of the first group run before the second group, and so on.
ORDER = (
    ("random", "gp", "optuna-tpe", "syne-tune-kde", "syne-tune-bounding-box", "syne-tune-zero-shot", "syne-tune-rush",
     "rgpe-vanilla"),
    ("meta", "rgpe"),
    ("syne-tune-quantile-copula", "ax", "botorch", "smac", "syne-tune-bore"),
    ("syne-tune-cqr",),
)  # fmt: skip
ONCE = ("ax", *ALWAYS_THE_SAME)  # slow
ONE_LENGTH = ("syne-tune-rush",)  # most tasks lack shorter trainings
OURS = ("random", "gp", "meta", "rgpe", "rgpe-vanilla")
PACKAGES = (
    "numpy",
    "torch",
    "botorch",
    "gpytorch",
    "ax-platform",
    "optuna",
    "smac",
    "ConfigSpace",
    "syne-tune",
    "xgboost",
)


def plan(chosen: argparse.Namespace) -> list[tuple[int, str, str, int]]:
    """Return the runs in their order: repeat, searcher, task, evaluations."""
    todo = []
    for names, repeat in itertools.product(ORDER, range(chosen.repeats)):
        for searcher in names:
            if missing_packages(searcher) or (repeat and searcher in ONCE):
                continue
            tasks = FEW if searcher in SLOW else TASKS
            if searcher in TRANSFER:
                tasks = [task for task in tasks if task not in GRAPH]
            most = chosen.slow_evaluations if searcher in SLOW else chosen.evaluations
            todo += [(repeat, searcher, task, most) for task in tasks]
    return todo


def home_of(folder: Path, searcher: str, task: str) -> Path:
    """Return the folder of the runs of a searcher on a task."""
    return folder / searcher / task.replace("/", "-")


def run_all(folder: Path, todo: list[tuple[int, str, str, int]]) -> None:
    """Run the unfinished runs."""
    for repeat, searcher, task, most in todo:
        home = home_of(folder, searcher, task)
        done = home / f"finished-{repeat}-{most}"
        if done.is_file():
            continue
        began = time.process_time()
        settings = {searcher: {"epochs": [nm.get_task(task).signal.epochs or 0]}} if searcher in ONE_LENGTH else None
        nm.compare([searcher], [task], repeats=repeat + 1, evaluations=most, settings=settings, folder=home)
        done.write_text(f"{time.process_time() - began:.3f}")
        print(f"{searcher} on {task}, repeat {repeat}: {done.read_text()} s of processor", flush=True)


def finished(folder: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Return the finished results and the median processor milliseconds per step of each searcher."""
    frames, steps = [], []
    for searcher in (*PLAIN, *TRANSFER):
        for task in TASKS:
            home = home_of(folder, searcher, task)
            if marks := sorted(home.glob("finished-*")):
                frames.append(pd.read_parquet(home / "results.parquet"))
                steps += [(searcher, 1e3 * float(mark.read_text()) / int(mark.name.split("-")[2])) for mark in marks]
    frame = pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str})
    milliseconds = pd.DataFrame(steps, columns=["searcher", "ms"]).groupby("searcher")["ms"].median()
    return frame, milliseconds


def runs_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run: evaluations to one of the best (or infinity), and the budget."""
    rows = []
    for task_name, of_task in frame.groupby("task", sort=False):
        task = nm.get_task(str(task_name))
        for (searcher, seed), run in of_task.groupby(["searcher", "seed"], sort=False):
            observed = task.sign * run.sort_values("evaluation")["value"].to_numpy()
            hits = np.flatnonzero(observed >= least_of_best(task))
            row = {"task": task_name, "searcher": searcher, "seed": seed, "cap": len(observed)}
            row["needed"] = hits[0] + 1 if len(hits) else np.inf
            rows.append(row)
    return pd.DataFrame(rows)


def against(runs: pd.DataFrame, searcher: str, peers: list[str], ms: dict[str, float]) -> str:
    """Return a table with one row per peer: paired evaluations, the tasks of each verdict, and the time."""
    rows = []
    for peer in peers:
        both = paired(runs, searcher, peer)
        by_task = both.groupby("task")[["own", "peer"]].mean()
        rows.append(
            {
                "peer": f"`{peer}`",
                "tasks": len(by_task),
                f"`{searcher}`": f"{by_task['own'].mean():.1f}",
                "its own": f"{by_task['peer'].mean():.1f}",
                "difference": with_interval(by_task["peer"] - by_task["own"], ".1f"),
                "won/tied/lost/neither": "/".join(map(str, counts(both).values())),
                "ms per step": f"{ms[peer]:.0f}",
            }
        )
    return to_markdown(pd.DataFrame(rows), {"its own": "peer's evaluations"})


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw the share of the runs that have found one of the best, by evaluations."""
    parts = []
    for names, panel in ((PLAIN, "without sources"), (("gp", *TRANSFER), "with sources")):
        for name in names:
            own = runs[(runs["searcher"] == name) & ((panel == "without sources") | ~runs["task"].isin(GRAPH))]
            if len(own):
                x = np.arange(1, int(own["cap"].min()) + 1)
                share = 100 * (own["needed"].to_numpy()[:, None] <= x).mean(axis=0)
                parts.append(pd.DataFrame({"panel": panel, "name": name, "x": x, "y": share}))
    figure = curves(pd.concat(parts), "evaluations", y="runs that found one of the best 0.1 % (%)", ends=True)
    save_png(figure, path)


def standing(runs: pd.DataFrame, searcher: str, peers: list[str]) -> str:
    """Return on how many tasks a searcher needs fewer evaluations than every peer, and the tasks with more."""
    tasks, ahead = standings(runs, searcher, peers)
    behind = ", ".join(f"{task} by {lead.mean():.1f} (`{peer}`)" for task, (peer, lead) in ahead.items())
    text = f"fewer evaluations than every peer on {len(tasks['won'])} tasks, as many as the best peer on"
    return f"{text} {len(tasks['tied'])}, and more on {len(tasks['lost'])}: {behind}."


def page(runs: pd.DataFrame, setup: dict[str, Any]) -> str:
    """Return the page."""
    present, ms = set(runs["searcher"]), setup["milliseconds per step"]
    plain = [name for name in PLAIN if name in present and name not in OURS]
    transfer = [name for name in TRANSFER if name in present and name != "meta"]
    schedulers = [name for name in transfer if name not in OURS]
    with_sources = runs[~runs["task"].isin(GRAPH)]
    best = paired(runs, "gp", "optuna-tpe").groupby("task")[["own", "peer"]].mean()
    more = with_interval(best["peer"] - best["own"], ".1f")
    return f"""# How do other packages' optimisers compare with nasmeta's?

`optuna-tpe` needs {more} evaluations more than `gp` to find one of the best 0.1 % of the
architectures (mean over {len(best)} tasks, 95 % interval over tasks).

![Share of the runs that found one of the best architectures](found.png)

Without sources, `gp` needs {standing(runs, "gp", plain)}

{against(runs, "gp", plain, ms)}
With sources, `meta` (compared with Syne Tune's schedulers) needs {standing(with_sources, "meta", schedulers)}

{against(with_sources, "meta", transfer, ms)}
Only runs with the same task and seed are compared. *Difference*: additional evaluations of the peer, mean over tasks
with a 95 % interval. A run without success enters with the smaller budget, so differences are understated. *Won*:
tasks with fewer evaluations than the peer; *neither* found one. Time: median processor milliseconds; `gp`
{ms["gp"]:.0f}, `meta` {ms["meta"]:.0f}.

## How it was run

`python reports/peers/run.py --folder FOLDER {setup["arguments"]}` on {setup["date"]}, seeds
0 to 29, one thread. {", ".join(f"`{name}`" for name in SLOW if name in present)} had 60 evaluations on at most
{len(FEW)} tasks, and `ax` one run per task. `syne-tune-zero-shot` is deterministic and ran once. Peers use their own
defaults. Sources are the other tasks of the family with all labels. `setup.json` lists the package versions.

## Limits

* The settings of `gp` and `meta` were chosen on NAS-Bench-201 and NAS-Bench-Graph; the second kernel of `gp` and its
  priors on tasks of all families, with other seeds.
* The time of `gp` is from one kernel. With two, a step takes 1.0 (graphs) to 2.0 times as long. `meta` ran without its
  member `meta-gp`.
* The best of several peers is partly the luckiest one, and some tasks have few runs.
* `syne-tune-rush` cannot stop trainings early here, which is its purpose. `syne-tune-gp` is too slow for this report.
"""


def main() -> None:
    """Run, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("report-runs") / "peers", help="folder of the runs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--slow-evaluations", type=int, default=60, help=f"of {', '.join(SLOW)}, on some tasks")
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    chosen = parser.parse_args()
    if not chosen.page:
        with one_thread():
            run_all(chosen.folder, plan(chosen))
        frame, milliseconds = finished(chosen.folder)
        runs_of(frame).to_csv(HERE / "results.csv", index=False, float_format="%.5g")
        budgets = f"--evaluations {chosen.evaluations} --slow-evaluations {chosen.slow_evaluations}"
        setup = {
            "date": time.strftime("%Y-%m-%d"),
            "arguments": f"--repeats {chosen.repeats} {budgets}",
            "versions": versions_of(PACKAGES),
            "milliseconds per step": milliseconds.round().astype(int).to_dict(),
        }
        (HERE / "setup.json").write_text(json.dumps(setup, indent=1) + "\n", encoding="utf-8")
    runs = pd.read_csv(HERE / "results.csv")
    draw(runs, HERE / "found")
    setup = json.loads((HERE / "setup.json").read_text(encoding="utf-8"))
    (HERE / "README.md").write_text(page(runs, setup), encoding="utf-8")


if __name__ == "__main__":
    main()
