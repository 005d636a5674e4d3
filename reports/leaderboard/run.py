"""Rank searchers by published files: the baselines that come with the package, and the submissions in this folder.

Run ``python reports/leaderboard/run.py``. It does the runs of the baselines in a folder, so an
interrupted command resumes; use another folder after a change of a searcher. It writes their files
to ``benchmarks_data/baselines``, and README.md. ``--page`` rewrites README.md from the files;
``--check`` audits all files and compares README.md. Download the data with ``nasmeta data fetch
hw-gpt-m hw-gpt-s hw-nas-bench lcbench nas-bench-macro nb201-robustness scan-llm scan-tabpfn
step-law transnas transnas-macro``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.experiments import read_published
from nasmeta.publishing import Audit, RecomputedPair, label_of
from nasmeta.registry import names_from_file
from nasmeta.runs import results_frame
from reports.common import page_parser, with_interval

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
            nm.publish(
                home,
                file,
                author="The nasmeta developers",
                tuned_on=[task] if group == "gp" else [],
            )


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
            pair, task = (
                RecomputedPair(entry, content["seeds"], Audit(str(path), 0)),
                entry["identity"]["task"],
            )
            facts = {
                "sources": bool(entry["identity"]["sources"]),
                "tuned": task in content["tuned_on"],
            }
            frames.append(
                results_frame(pair.histories).assign(searcher=f"{label_of(entry)}{author}", **facts)
            )
    return pd.concat(frames)


def ranks(regrets: pd.DataFrame, tasks: str) -> pd.DataFrame:
    """Return the mean rank for each seed (rows) of each searcher (columns) that has runs on all these tasks."""
    runs = pd.MultiIndex.from_product([tasks.split(), range(REPEATS)], names=["task", "seed"])
    last = (
        regrets.groupby(["task", "seed", "searcher"])["regret"]
        .last()
        .unstack("searcher")
        .reindex(runs)
    )
    return last.dropna(axis=1).rank(axis=1).groupby("seed").mean()


def table(results: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return one row per searcher: its facts, and its mean rank in each set of tasks, the best first."""
    by_searcher = results[results["evaluation"] == 1].groupby("searcher")
    columns = {"sources": by_searcher["sources"].any().map({True: "yes", False: "no"})}
    columns["tuned on"] = by_searcher["tuned"].sum() // REPEATS
    for name, tasks in {**SETS, "all": TASKS}.items():
        means = ranks(results[results["evaluation"] <= budget], tasks)
        columns[name] = pd.Series({searcher: with_interval(means[searcher]) for searcher in means})
    shown = (
        pd.DataFrame(columns).assign(order=means.mean()).sort_values("order").drop(columns="order")
    )
    return shown.fillna("–").rename_axis("searcher").reset_index()


def tuned_on(n: int) -> str:
    """Describe the number of leaderboard tasks on which a searcher was tuned."""
    n_tasks = len(TASKS.split())
    return f"all {n_tasks} tasks" if n == n_tasks else f"{n} of the {n_tasks} tasks"


def page() -> str:
    """Return the text of README.md."""
    measured = results()
    tables = {budget: table(measured, budget) for budget in BUDGETS}
    best = tables[EVALUATIONS].iloc[0]
    short = [rows.set_index("searcher")["all"].rename(f"after {n}") for n, rows in tables.items()]
    early = pd.concat(short, axis=1).reset_index()
    sets = "\n".join(f"* {name}: `{tasks.replace(' ', '`, `')}`" for name, tasks in SETS.items())
    commands = "\n".join(
        f"nasmeta compare --searchers evolution --tasks {tasks.replace(' ', ',')} "
        f"--repeats {REPEATS} --evaluations {EVALUATIONS} --folder results/{name.replace(' ', '-')}"
        for name, tasks in SETS.items()
    )
    return f"""# Leaderboard: which searcher finds the best architectures?

After {EVALUATIONS} evaluations, `{best["searcher"]}` ranks best: {best["all"]}. It was tuned on
{tuned_on(best["tuned on"])} of this leaderboard.

{to_markdown(tables[EVALUATIONS])}
All tasks by budget:

{to_markdown(early)}
A cell is the mean rank of the regret among all searchers with runs on these tasks, and its 95 % bootstrap interval over
seeds; 1 is the best. *Sources*: the searcher learns from other tasks. *Tuned on*: number of tasks on which its author
chose settings.

## Protocol

{sets}
* Each searcher has {REPEATS} runs of {EVALUATIONS} evaluations on each task of a set, with seeds 0 to {REPEATS - 1}.
* Sources exclude the target's dataset.
* GraphGym is left out, because its spaces have 96 architectures.

## Submit a searcher

1. Add the searcher to `nasmeta/searchers`, because CI executes no other code.
2. Run one or more of these commands, with your searcher instead of `evolution`:

```bash
{commands}
```

3. Run `nasmeta publish results/images --output images.json.gz --author "A. Author" --tuned-on nb201/cifar10`.
4. Add the file to this folder, and run `python reports/leaderboard/run.py --page`.
5. Open a pull request. CI recomputes all values and repeats 30 runs. It tests statistical searchers with fresh seeds.
   Files that are not reproduced or cannot be checked are refused.
"""


def follows_protocol(path: Path) -> bool:
    """Return whether all runs of a file have the seeds, the budget and the tables of the protocol."""
    content = read_published(path)
    budgets = [pair["budget"] for pair in content["pairs"]]
    other_values = any("evaluator" in pair["identity"] for pair in content["pairs"])
    is_due = content["seeds"] == [*range(REPEATS)] and budgets == [
        [EVALUATIONS, None, False]
    ] * len(budgets)
    return is_due and not other_values


def audited(path: Path, i: int) -> Audit:
    """Audit a file: repeat one run of every fifth baseline file, and 30 runs of a submission, or test its ranks.

    Submissions get random seeds. The baselines are the package's own, so CI repeats the same runs
    each time.
    """
    if BASELINES in path.parents:
        # large spaces: proposals depend on the processor
        is_repeated = i % 5 == 0 and "lcbench" not in path.parts
        return nm.audit(path, level=int(is_repeated), runs=1, seed=i)
    audit = nm.audit(path)
    # statistical searchers
    return nm.audit(path, level=2) if audit.verdict == "cannot be checked" else audit


def check() -> None:
    """Audit all files; exit with 1 after a failure."""
    passed = []
    for i, path in enumerate(files()):
        audit = audited(path, i)
        print(audit.verdict, path, *audit.reasons, sep=": ", flush=True)
        passed.append(audit.verdict == "verified" and follows_protocol(path))
    if not all(passed) or (HERE / "README.md").read_text("utf-8") != page():
        sys.exit("A file was not verified or has other seeds or budgets, or README.md is outdated.")


def main() -> None:
    """Run, check, or write the page."""
    parser = page_parser(__doc__)
    parser.add_argument("--check", action="store_true", help="audit all files")
    parser.add_argument(
        "--folder", type=Path, default=Path("report-runs/leaderboard"), help="folder of the runs"
    )
    options = parser.parse_args()
    if options.check:
        check()
        return
    if not options.page:
        run(options.folder)
    (HERE / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
