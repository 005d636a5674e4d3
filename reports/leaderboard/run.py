"""Rank searchers by published files: the baselines that come with the package, and the submissions in this folder.

Run ``python reports/leaderboard/run.py``. It does the runs of the baselines in a folder, so an interrupted command
resumes; use another folder after a change of a searcher. It writes their files to ``benchmarks_data/baselines``, and
README.md. ``--page`` rewrites README.md from the files; ``--check`` audits all files and compares README.md. Download
the data with ``nasmeta data fetch hw-gpt-m hw-gpt-s hw-nas-bench lcbench nas-bench-macro nb201-robustness scan-llm
scan-tabpfn step-law transnas transnas-macro``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import page_parser, with_interval

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.experiments import read_published
from nasmeta.publishing import Audit
from nasmeta.publishing._audit import _Pair
from nasmeta.registry import names_from_file
from nasmeta.runs import results_frame

HERE = Path(__file__).parent
BASELINES = HERE.parents[1] / "benchmarks_data" / "baselines"
SETS = {
    "images": "nb201/cifar10 nb201/cifar100 nb201/imagenet16-120 nb201/robust/pgd@1 tnb101/class_scene "
    "tnb101/autoencoder tnb101-macro/room_layout nbmacro/cifar10/test",
    "graphs": "graph/cora graph/physics graph/computers graph/arxiv",
    "language models": "hw-gpt-s/gpt-s hw-gpt-m/gpt-m scan-llm/slimpajama step-law/215m-100b step-law/1.07b-100b",
    "hyperparameters": "hpobench-mlp/australian hpobench-mlp/segment fcnet/slice_localization scan-tabpfn/synthetic "
    "lcbench/jasmine lcbench/higgs",
    "hardware": "nb201/cifar10/within-18.1ms/pixel3 nb201/imagenet16-120/within-6.79mJ/fpga "
    "nb201/cifar100/tradeoff-5/raspi4 nb201/latency/edgegpu",
}
TASKS = " ".join(SETS.values())
GROUPS = {"untuned": ["random", "evolution", "local-search", "tpe", "reinforce"], "gp": ["gp"]}
REPEATS, EVALUATIONS = 30, 100
BUDGETS = (25, 50, EVALUATIONS)


def run(folder: Path) -> None:
    """Do the runs of the baselines, and write one file for each group and task."""
    for group, searchers in GROUPS.items():
        for task in TASKS.split():
            home, file = folder / group / task, BASELINES / group / f"{task}.json.gz"
            nm.compare(searchers, task, repeats=REPEATS, evaluations=EVALUATIONS, folder=home)
            file.parent.mkdir(parents=True, exist_ok=True)
            nm.publish(home, file, author="The nasmeta developers", tuned_on=[task] if group == "gp" else [])


def files() -> list[Path]:
    """Return the files of the baselines, then those of the submissions."""
    return [*sorted(BASELINES.rglob("*.json.gz")), *sorted(HERE.glob("*.json.gz"))]


@names_from_file()
def results() -> pd.DataFrame:
    """Return the results of all runs, and facts of their searchers; execute no submitted code."""
    frames = []
    for path in files():
        content: Any = read_published(path)
        author = "" if BASELINES in path.parents else f" ({content['author']})"
        for entry in content["pairs"]:
            pair, task = _Pair(entry, content["seeds"], Audit(str(path), 0)), entry["identity"]["task"]
            facts = {"sources": bool(entry["identity"]["sources"]), "tuned": task in content["tuned_on"]}
            frames.append(results_frame(pair.histories).assign(searcher=f"{entry['label']}{author}", **facts))
    return pd.concat(frames)


def ranks(regrets: pd.DataFrame, tasks: str) -> pd.DataFrame:
    """Return the mean rank for each seed (rows) of each searcher (columns) that has runs on all these tasks."""
    runs = pd.MultiIndex.from_product([tasks.split(), range(REPEATS)], names=["task", "seed"])
    last = regrets.groupby(["task", "seed", "searcher"])["regret"].last().unstack("searcher").reindex(runs)
    return last.dropna(axis=1).rank(axis=1).groupby("seed").mean()


def table(results: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return one row per searcher: its facts, and its mean rank in each set of tasks, the best first."""
    by_searcher = results[results["evaluation"] == 1].groupby("searcher")
    columns = {"sources": by_searcher["sources"].any().map({True: "yes", False: "no"})}
    columns["tuned on"] = by_searcher["tuned"].sum() // REPEATS
    for name, tasks in {**SETS, "all": TASKS}.items():
        means = ranks(results[results["evaluation"] <= budget], tasks)
        columns[name] = pd.Series({searcher: with_interval(means[searcher]) for searcher in means})
    shown = pd.DataFrame(columns).assign(order=means.mean()).sort_values("order").drop(columns="order")
    return shown.fillna("–").rename_axis("searcher").reset_index()


def page() -> str:
    """Return the text of README.md."""
    measured = results()
    tables = {budget: table(measured, budget) for budget in BUDGETS}
    best = tables[EVALUATIONS].iloc[0]
    short = [rows.set_index("searcher")["all"].rename(f"after {n}") for n, rows in tables.items()]
    early = pd.concat(short, axis=1).reset_index()
    sets = "\n".join(f"* {name}: `{tasks.replace(' ', '`, `')}`" for name, tasks in SETS.items())
    return f"""# Leaderboard: which searcher finds the best architectures?

After {EVALUATIONS} evaluations, `{best["searcher"]}` ranks best: {best["all"]}. It was tuned on {best["tuned on"]}
of these tasks.

{to_markdown(tables[EVALUATIONS])}
All tasks by budget:

{to_markdown(early)}
A cell is the mean rank of the regret among all searchers with runs on these tasks, and its 95 % bootstrap interval over
seeds; 1 is the best. *Sources*: the searcher learns from other tasks. *Tuned on*: number of tasks on which its author
chose settings.

## Protocol

{sets}
* Each searcher has 30 runs of 100 evaluations on each task of a set, with seeds 0 to 29.
* Sources exclude the target's dataset.
* GraphGym is left out, because its spaces have 96 architectures.

## Submit a searcher

1. Run `nasmeta compare --searchers mine --tasks SET --repeats 30 --evaluations 100 --folder results`.
2. Run `nasmeta publish results --output mine.json.gz --author … --tuned-on …`.
3. Add the file to this folder, and run `python reports/leaderboard/run.py --page`.
4. Open a pull request. CI recomputes all values, repeats three runs, and states the verdict. It executes no submitted
   code, so it only recomputes the values of custom searchers.
"""


def check() -> None:
    """Audit all files, with three repeated runs of each submission; exit with 1 after a failure."""
    passed = []
    for i, path in enumerate(files()):
        submitted = HERE in path.parents
        audit = nm.audit(path, level=int(i % 5 == 0 or submitted), runs=1 + 2 * submitted)
        print(audit.verdict, path, *audit.reasons, sep=": ", flush=True)
        passed.append(audit.verdict in ["verified", "cannot be checked"][: 1 + submitted])
    if not all(passed) or (HERE / "README.md").read_text("utf-8") != page():
        sys.exit("A file was not verified, or README.md is outdated.")


def main() -> None:
    """Run, check, or write the page."""
    parser = page_parser(__doc__)
    parser.add_argument("--check", action="store_true", help="audit all files")
    parser.add_argument("--folder", type=Path, default=Path("report-runs/leaderboard"), help="folder of the runs")
    options = parser.parse_args()
    if options.check:
        check()
        return
    if not options.page:
        run(options.folder)
    (HERE / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
