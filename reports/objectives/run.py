"""Accuracy and latency together: six searchers on six devices and three datasets, and their page.

Run with ``python reports/objectives/run.py --folder DIR``; writes README.md, results.csv and pictures beside this file.
A killed run goes on with the same folder. ``--minutes`` ends it sooner: the page then shows what is finished.
``--quick`` is a trial of seconds on what needs no download, with its page in the folder. pymoo's NSGA-II needs the
extra ``objectives``.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, front_distances, plot_attainment, plot_regret, save_figure, to_markdown
from nasmeta.code import versions_of
from nasmeta.searchers import SEARCHERS, Searcher

HERE = Path(__file__).parent
# Evaluations a run: those without a model have more, so that one can tell how many they need.
BUDGETS = {"nsga2": 300, "random": 300, "pareto-local-search": 300, "pymoo-nsga2": 300, "ehvi": 150, "parego": 150}
ORDER = ("random", "pareto-local-search", "nsga2", "pymoo-nsga2", "parego", "ehvi")
AT = (50, 100, 150)
UNKNOWN = tuple(f"nb201/{dataset}+latency/edgetpu" for dataset in ("cifar10", "cifar100", "imagenet16-120"))
GOAL = 1.0  # percent of the front's hypervolume
PICTURED = "nb201/cifar100+latency/pixel3"


def run_all(folder: Path, parts: list[tuple[str, str]], repeats: int, until: float, scale: float) -> None:
    """Run what is not finished, a searcher and a task at a time, until the time is over."""
    for searcher, task in parts:
        home = folder / searcher / task.replace("/", "-")
        done = home / f"finished-{repeats}"
        if done.is_file():
            continue
        if time.monotonic() > until:
            print("The time is over.", flush=True)
            return
        began = time.process_time()
        nm.compare([searcher], [task], repeats=repeats, evaluations=int(BUDGETS[searcher] * scale), folder=home)
        done.write_text(f"{(time.process_time() - began) / repeats:.3f}")
        print(f"{searcher} on {task}: {done.read_text()} s of processor a run", flush=True)


class ToldAsValues(SEARCHERS["ehvi"]):
    """`ehvi` that takes a failed evaluation for the worst value."""

    tell_failures = Searcher.tell_failures


def feasibility(folder: Path, repeats: int) -> pd.DataFrame:
    """Return what searchers lose where nobody knows which cells Edge TPU can run, a row a searcher."""
    rows = []
    for name in ("random", "nsga2", "parego", "ehvi", "ehvi, failures as values"):
        searcher = {name: ToldAsValues if "failures" in name else name}
        frame = nm.compare(
            searcher, UNKNOWN, repeats=repeats, evaluations=150, evaluator="unknown-feasibility",
            folder=folder / "feasibility" / name.replace(", ", "-"),
        )  # fmt: skip
        failed = frame["cell"].isin(np.flatnonzero(np.isnan(nm.get_task("nb201/latency/edgetpu").values)))
        regrets = {at: frame.loc[frame["evaluation"] == at, "regret"] for at in AT}
        low, high = bootstrap_interval(regrets[AT[-1]].to_numpy())
        rows.append(
            {"searcher": name, **{f"after {at}": f"{values.mean():.2f}" for at, values in regrets.items()}}
            | {"interval": f"[{low:.2f}, {high:.2f}]", "failed": f"{failed.mean():.0%}"}
        )
    return pd.DataFrame(rows)


def finished(folder: Path, parts: list[tuple[str, str]]) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the results of all that is finished, and processor seconds of a run of each searcher, in the median."""
    frames, seconds = [], dict[str, list[float]]()
    for searcher, task in parts:
        home = folder / searcher / task.replace("/", "-")
        if marks := list(home.glob("finished-*")):
            frames.append(pd.read_parquet(home / "results.parquet"))
            seconds.setdefault(searcher, []).append(float(min(marks).read_text()))
    frame = pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str})
    return frame, {searcher: float(np.median(own)) for searcher, own in seconds.items()}


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each task and searcher: regrets, and evaluations until they are below the goal."""
    rows = []
    for (task, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        regrets = runs.pivot(index="seed", columns="evaluation", values="regret").to_numpy()
        row = {"task": task, "searcher": searcher, "runs": len(regrets), "cap": regrets.shape[1]}
        for at in AT:
            now = regrets[:, min(at, regrets.shape[1]) - 1]
            low, high = bootstrap_interval(now)
            row |= {f"regret_{at}": now.mean(), f"low_{at}": float(low), f"high_{at}": float(high)}
        hit = regrets < GOAL
        needed = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, np.inf)
        row["reached_150"] = float((needed <= 150).mean())
        row["needed"] = float(np.median(needed))  # inf: not in half of the runs
        row["igd_plus_150"] = front_distances(runs, task, at=150)["igd_plus"].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def told(value: float, cap: int) -> str:
    """Write a number of evaluations."""
    return f"{value:.0f}" if np.isfinite(value) else f"> {cap}"


def paragraph(text: str) -> str:
    """Fill lines."""
    return textwrap.fill(" ".join(text.split()), 118, break_on_hyphens=False)


def short(task: str) -> str:
    """Return dataset and device."""
    return task.removeprefix("nb201/").replace("+latency/", ", ")


def findings(found: pd.DataFrame, frame: pd.DataFrame) -> list[str]:
    """Return what the tables say, in sentences."""
    table = found.pivot(index="task", columns="searcher", values="regret_150").dropna()
    means = {name: table[name].mean() for name in ORDER if name in table}
    n, left = len(table), found["task"].nunique() - len(table)
    best = [name for name in means if (table[name] < GOAL).any()]
    lines = [
        f"Mean hypervolume regret after 150 evaluations, over {n} tasks: "
        + ", ".join(f"`{name}` {value:.2f} %" for name, value in means.items())
        + (f" (not finished for all: {left})." if left else "."),
        f"**The goal, below {GOAL:g} % within 150 evaluations on every task, is "
        + ("reached" if best and any((table[name] < GOAL).all() for name in best) else "missed")
        + "**: in the mean of the runs it is met on "
        + ", ".join(f"{int((table[name] < GOAL).sum())} ({f'`{name}`'})" for name in means)
        + f" of the {n} tasks.",
    ]
    if {"ehvi", "pymoo-nsga2"} <= set(table.columns):
        needed = []
        for task in table.index:
            curves = {
                name: frame[(frame["task"] == task) & (frame["searcher"] == name)]
                .groupby("evaluation")["regret"]
                .mean()
                for name in ("ehvi", "pymoo-nsga2")
            }
            for at in (150, 300):
                hit = curves["ehvi"] <= curves["pymoo-nsga2"].iloc[min(at, len(curves["pymoo-nsga2"])) - 1]
                needed.append((at, int(hit.idxmax()) if hit.any() else np.inf))
        told_of = {}
        for at in (150, 300):
            own = np.array([value for budget, value in needed if budget == at])
            told_of[at] = (
                f"{told(float(np.median(own)), 150)} ({int((own <= at / 2).sum())} of {n} tasks: at most half)"
            )
        lines.append(
            "To the mean regret that pymoo's NSGA-II has after 150 evaluations, `ehvi` needs in the median of the "
            f"tasks {told_of[150]}; to that after 300 evaluations {told_of[300]}."
        )
    return lines


def known_page(frame: pd.DataFrame) -> list[str]:
    """Return the part of the page on a model that knows most of the table, beside `ehvi`."""
    path = HERE / "known.csv"
    if not path.is_file():
        return []
    known = pd.read_csv(path)
    own = frame[(frame["searcher"] == "ehvi") & (frame["evaluation"] == AT[-1])].groupby("task")["regret"].mean()
    known["ehvi"] = known["task"].map(own)
    known = known.dropna().reset_index(drop=True)
    if known.empty:
        return []
    missed = [f"{(known[column] >= GOAL).sum()} ({column})" for column in ("both", "latency known")]
    text = KNOWN_TEXT.format(missed=" and ".join(missed), tasks=len(known), goal=f"{GOAL:.0f}")
    table = known.set_index(known["task"].map(short))[["both", "latency known", "ehvi"]].map("{:.2f}".format)
    return [
        "## What a model of most of the table reaches",
        paragraph(text),
        "<details><summary>All tasks</summary>",
        to_markdown(table.reset_index()).strip(),
        "</details>",
    ]


def page(
    found: pd.DataFrame, frame: pd.DataFrame, seconds: dict[str, float], unknown: pd.DataFrame | None, command: str
) -> str:
    """Return the page."""
    tasks, names = list(dict.fromkeys(found["task"])), [name for name in ORDER if name in set(found["searcher"])]
    by = found.set_index(["task", "searcher"])
    regrets, needed = [], []
    for task in tasks:
        texts, numbers = {}, {}
        for name in names:
            one = by.loc[(task, name)] if (task, name) in by.index else None
            texts[name] = "–" if one is None else f"{one.regret_150:.2f} [{one.low_150:.2f}, {one.high_150:.2f}]"
            numbers[name] = "–" if one is None else f"{told(one.needed, int(one.cap))} ({one.reached_150:.0%})"
        regrets.append({"task": short(task), "front": len(nm.get_task(task).front.cells), **texts})
        needed.append({"task": short(task), **numbers})
    common = by["regret_150"].unstack().dropna().index
    course = [
        {"searcher": name, **{f"after {at}": f"{own[f'regret_{at}'].mean():.2f}" for at in AT}}
        | {"IGD+ after 150": f"{own['igd_plus_150'].mean():.2f}"}
        | {"runs a task": f"{own['runs'].min()}", "processor s a run": f"{seconds[name]:.2f}"}
        for name in names
        for own in [found[(found["searcher"] == name) & found["task"].isin(common)]]
    ]
    runs = [str(n) for n in sorted(found["runs"].unique())]
    versions = ", ".join(f"{name} {version}" for name, version in versions_of(("numpy", "moocore", "pymoo")).items())
    parts = [
        "# Accuracy and latency together",
        *(paragraph(line) for line in findings(found, frame)),
        "## Hypervolume regret and IGD+, mean over the tasks that all finished (%)",
        to_markdown(pd.DataFrame(course)).strip(),
        paragraph(MEASURE_TEXT),
        "![Mean hypervolume regret against evaluations, CIFAR-100](regret.png)",
        "## After 150 evaluations, task by task (%)",
        paragraph("Mean over the runs with its 95 % bootstrap interval. *Front*: cells on the true front."),
        "<details><summary>All tasks</summary>",
        to_markdown(pd.DataFrame(regrets)).strip(),
        "</details>",
        "## Evaluations until the regret is below 1 %",
        paragraph("Median over the runs, and in brackets the share of the runs that is there after 150."),
        "<details><summary>All tasks</summary>",
        to_markdown(pd.DataFrame(needed)).strip(),
        "</details>",
        *known_page(frame),
        *(["## Where nobody knows which cells can run", paragraph(UNKNOWN_TEXT)] if unknown is not None else []),
        *([to_markdown(unknown).strip()] if unknown is not None else []),
        "## Pictures",
        paragraph(PICTURE_TEXT),
        "![Attainment surfaces](attainment.png)",
        "![One run of ehvi](front.png)",
        "## How it was run",
        *map(paragraph, RUN_TEXT.format(command=command, runs=", ".join(runs)).split("\n\n")),
        f"Versions: {versions}.",
    ]
    return "\n\n".join(parts) + "\n"


MEASURE_TEXT = """
The true front is known from the table. Objectives are scaled linearly so that the front's best value is 1 and its worst
0; the reference point is -0.1 in each (a tenth of the front's range beyond its worst). Regret is what is missing of
the front's hypervolume, in percent of it. Accuracy is the validation accuracy after 200 epochs, mean over a cell's
seeds; latency is measured, in milliseconds. All searchers count distinct cells; what pymoo proposes again is free. Edge
TPU could not run 4,699 cells: these are left out of the search and of the front. The front reaches down to cells that
learn nothing but answer at once, so a few cells hold most of the hypervolume: differences of some percent are large.
*IGD+* (modified inverted generational distance) counts all cells of the front the same: how far what was found lies
behind each of them, on average, in percent of the front's range."""

KNOWN_TEXT = """
How hard is the goal? Gradient-boosted trees predict each fifth of a table from the other four, 12,500 values of each
objective (on Edge TPU 8,700); then the 150 cells of the predicted front, of the front behind it, and so on are
evaluated. Regret (%) where *both* objectives are predicted, and where the *latency* is *known* exactly. It stays
at {goal} % or more on {missed} of {tasks} tasks. This is no bound, as the cells are not chosen anew after each
value; but a searcher has 150 values, not thousands. Written by `python reports/objectives/known.py`."""

UNKNOWN_TEXT = """
Edge TPU's cells that cannot run may be proposed here (`--evaluator unknown-feasibility`); such an evaluation fails
and counts. Mean hypervolume regret (%) over the three datasets, with the interval of the last column of regrets, and
the share of evaluations that failed. `ehvi` and `parego` learn where evaluations fail; the last row is `ehvi` told
the worst value instead."""

PICTURE_TEXT = """
Median attainment surfaces after 50 evaluations: half of the runs found a cell at least as good in both objectives;
the band has the quartiles. Below them one run of `ehvi`, with three cells of the front that it found: it reaches the
fastest cell, and lies a little below the rest of the front."""

RUN_TEXT = """
`{command}`; runs of each searcher on a task: {runs}, seeds from 0 on. `nsga2` and pymoo's NSGA-II have a population
of 20; pymoo's has one categorical variable a position and else its own defaults for mixed variables. A searcher sees
the mean of the measured seeds, so a second look at a cell tells nothing.

What was chosen for `ehvi`, and on which tasks: how scores become values, and its reference point, on NAS-Bench-Graph
and TransNAS-Bench-101, after a first reference point had failed on two of the tasks here; that a best value which many
cells share likely ends the scale, after runs with other seeds of two of the tasks here had shown the fault, on tasks
of accuracy and energy and the former ones (both by no committed script); its labels on tasks of accuracy and energy,
whose first draws spoke for them more than [further ones](choices.md) do; the linear part of its process, and the
lengthscales beside it, on such tasks, too, after its regret on FPGA and Edge TPU here had asked for one. The accuracies
of the tasks with energies are those of the tasks here. So none of these figures is wholly blind.

What was tried on some of these tasks, by no committed script, and gave no more: a reference near the front found,
always or at times; random scalarisations of the hypervolume, alone or in turns; latency known beforehand; twenty
random cells instead of five; one proposal in five for one objective alone; neighbours of the front found, always or at
times."""


def main() -> None:
    """Run, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep results here, to go on with")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--only", action="append", help="run this searcher only; may be given several times")
    parser.add_argument("--quick", action="store_true", help="two tasks of the embedded table, two short runs")
    parser.add_argument("--no-page", action="store_true", help="only run")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        tasks = list(nm.task_distribution("nb201/accuracy+latency").names)
        if chosen.quick:
            tasks = ["nb201/cifar10+train_seconds", "nb201/cifar100+train_seconds"]
        everything = [(searcher, task) for searcher in BUDGETS for task in tasks]
        todo = [part for part in everything if not chosen.only or part[0] in chosen.only]
        repeats, scale = (2, 0.2) if chosen.quick else (chosen.repeats, 1.0)
        run_all(folder, todo, repeats, time.monotonic() + 60 * chosen.minutes, scale)
        if chosen.no_page:
            return
        output = folder if chosen.quick else HERE
        frame, seconds = finished(folder, everything)
        found = summary(frame)
        found.to_csv(output / "results.csv", index=False, float_format="%.5g")
        whole = frame[(frame["evaluation"] <= 150) & frame["task"].str.startswith("nb201/cifar100")]
        save_figure(plot_regret(whole, unit="% of the front's hypervolume"), output / "regret", formats=("png",))
        pictured = tasks[0] if chosen.quick else PICTURED
        shown = frame[frame["searcher"].isin(["random", "pymoo-nsga2", "ehvi"]) & (frame["task"] == pictured)]
        save_figure(plot_attainment(shown, at=50), output / "attainment", formats=("png",))
        save_figure(
            nm.search("ehvi", pictured, evaluations=int(150 * scale)).plot(), output / "front", formats=("png",)
        )
        command = f"python reports/objectives/run.py --folder FOLDER --repeats {repeats}"
        unknown = None if chosen.quick else feasibility(folder, repeats)
        (output / "README.md").write_text(page(found, frame, seconds, unknown, command), encoding="utf-8")
        print(f"Written: {output / 'README.md'}")


if __name__ == "__main__":
    main()
