"""Meta-NAS: its two networks together and alone, leave-one-out: python reports/meta/nas.py.

Parts: ``pairs`` (how the settings were chosen: one source, another dataset searched), ``full`` (NAS-Bench-201, both
other datasets as sources), ``transnas`` (the six other tasks as sources). Every finished run is a row of the csv files
beside README.md in ``nas/``, and every training a file in ``--folder``, so that a killed report goes on. What is there
already is not measured again: delete the csv files to begin anew.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from folding import folded  # beside this file

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown
from nasmeta.evaluators import TableEvaluator
from nasmeta.meta import SavedMetaModel
from nasmeta.meta.meta_nas import MetaNASSearch
from nasmeta.runs import run_loop
from nasmeta.searchers import Searcher
from nasmeta.tasks import Task
from nasmeta.threads import one_thread

HERE = Path(__file__).parent
OUT = HERE / "nas"
PAIR_TRAININGS = 5  # a source
CAP = {"pairs": 150, "full": 500, "transnas": 300}
BEST_CELLS = 4  # of TransNAS-Bench-101: the top 0.1 %
ALONE: dict[str, dict[str, Any]] = {
    "meta-nas": {},
    "search network alone, drawn": {"screening": False, "temperature": 1.0},
    "search network alone, most probable": {"screening": False, "temperature": 0.0},
    "prediction network alone, uniform candidates": {"proposals": "uniform", "candidates": 64},
    "prediction network alone, all cells": {"proposals": "all"},
}
STRICT = "meta-nas, choice without the target"
STRONGEST = ("search network alone, most probable", "prediction network alone, all cells")  # of each network
LONG = ("search network alone, drawn", "prediction network alone, uniform candidates")  # a tenth of the runs
CHOICES: dict[str, dict[str, Any]] = {
    f"candidates {n}, prior weight {w:g}": {"candidates": n, "prior_weight": w, "temperature": 0.0}
    for n in (16, 64)
    for w in (0.0, 0.5, 1.0, 2.0, 4.0)
} | {
    "candidates 64, prior weight 2, drawn": {"candidates": 64, "prior_weight": 2.0, "temperature": 1.0},
    "search network alone": {"screening": False, "temperature": 0.0},
    "prediction network alone": {"proposals": "all"},
}


class Rows:
    """A csv file that grows by a row a result, and knows which are there."""

    def __init__(self, path: Path, keys: tuple[str, ...]) -> None:
        self.path, self.keys = path, keys
        self.frame = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=[*keys])

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return bool((self.frame[list(self.keys)].astype(str) == [str(part) for part in key]).all(axis=1).any())

    def add(self, **row: Any) -> None:
        """Write a row at once."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
        self.frame = pd.read_csv(self.path)


def trained(folder: Path, target: Task, sources: Iterable[Task], training: int, log: Rows) -> MetaNASSearch:
    """Return a searcher that was meta-trained on the sources: from the folder, or now."""
    sources = list(sources)
    name = f"{target.name if len(sources) > 1 else sources[0].name + '-alone'}-{training}".replace("/", "-")
    searcher = MetaNASSearch(target.space, np.random.default_rng([training, 0]))
    path = folder / f"{name}.npz"
    if path.exists():
        return SavedMetaModel.load(path).restore(searcher)
    print(f"meta-training {name}", flush=True)
    wall, cpu = perf_counter(), process_time()
    searcher.meta_fit(sources)
    log.add(
        training=name,
        wall_seconds=round(perf_counter() - wall, 1),
        cpu_seconds=round(process_time() - cpu, 1),
        labels=searcher.meta_model_.labels,
    )
    SavedMetaModel.write(path, searcher)
    np.savetxt(folder / f"{name}.log.csv", searcher.meta_model_.log, delimiter=",", fmt="%.5g")
    return searcher


def needed(searcher: Searcher, task: Task, cap: int, best_cells: int = 1) -> tuple[float, float]:
    """Return evaluations until one of the best cells is evaluated (NaN beyond the cap), and seconds an evaluation."""
    utilities = np.sort(task.sign * task.values)
    with one_thread():
        trace = run_loop(
            searcher, TableEvaluator(task), evaluations=cap, sign=task.sign, target=float(utilities[-best_cells])
        )
    found = len(trace.cells) if trace.stopped == "optimum" else np.nan
    return found, trace.searcher_seconds / len(trace.cells)


def variant(learnt: MetaNASSearch, seed: int, settings: dict[str, Any]) -> MetaNASSearch:
    """Return a new searcher with other settings of the search and the same networks."""
    searcher = MetaNASSearch(learnt.space, np.random.default_rng([seed, 1]), **settings, falls_back=False)
    searcher.meta_model_ = learnt.meta_model_
    return searcher


def is_random(settings: dict[str, Any]) -> bool:
    """Say whether runs of one training differ."""
    searcher = MetaNASSearch(nm.get_space("nb201"), np.random.default_rng(0), **settings, falls_back=False)
    return searcher.proposals == "uniform" or (searcher.proposals == "network" and searcher.temperature > 0)


def pairs(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """One dataset as the only source, another searched: what settings are chosen by."""
    rows = Rows(OUT / "pairs.csv", ("source", "target", "training", "choice"))
    tasks = nm.task_distribution("nb201")
    for training in range(PAIR_TRAININGS):
        for source in chosen(tasks, only):
            for target in tasks:
                for choice, settings in CHOICES.items():
                    if target is source or (source.dataset, target.dataset, training, choice) in rows:
                        continue
                    learnt = trained(folder, target, [source], training, log)
                    repeats = 5 if is_random(settings) else 1
                    found = [needed(variant(learnt, r, settings), target, CAP["pairs"])[0] for r in range(repeats)]
                    rows.add(
                        source=source.dataset,
                        target=target.dataset,
                        training=training,
                        choice=choice,
                        evaluations=np.mean(found),
                    )


def full(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """Both other datasets as sources; and the same with what the pairs without the target would have chosen."""
    leave_one_out(folder, log, trainings, runs, only, "full", 1)
    rows = Rows(OUT / "full.csv", ("task", "searcher", "training", "run"))
    tasks = nm.task_distribution("nb201")
    for training in range(trainings):
        for held_out in chosen(tasks, only):
            sources, (target,) = tasks.leave_out(held_out.dataset)
            if (target.name, STRICT, training, training) not in rows:
                learnt = trained(folder, target, sources, training, log)
                settings = CHOICES[choice_without(target.dataset)]
                found, seconds = needed(variant(learnt, training, settings), target, CAP["full"])
                row(rows, target, STRICT, training, training, found, seconds)


def choice_without(dataset: str) -> str:
    """Return which combination needs the fewest evaluations (geometric mean) on the pairs without this dataset."""
    rows = pd.read_csv(OUT / "pairs.csv")
    rows = rows[(rows.source != dataset) & (rows.target != dataset) & rows.choice.str.contains("candidates")]
    rows = rows.assign(logarithm=np.log(rows.evaluations.fillna(CAP["pairs"])))
    return str(rows.groupby("choice").logarithm.mean().idxmin())


def transnas(folder: Path, log: Rows, trainings: int, runs: int, only: str | None) -> None:
    """The six other tasks as sources; `gp` beside them is that of ``gp.py``."""
    leave_one_out(folder, log, 1, max(1, runs // 10), only, "transnas", BEST_CELLS)


def chosen(tasks: Iterable[Task], only: str | None) -> list[Task]:
    """Return the tasks that are asked for."""
    return [task for task in tasks if only is None or task.dataset in only.split(",")]


def leave_one_out(
    folder: Path,
    log: Rows,
    trainings: int,
    runs: int,
    only: str | None,
    part: str,
    best_cells: int,
) -> None:
    """Search each task of a family with networks that were meta-trained on the others."""
    rows = Rows(OUT / f"{part}.csv", ("task", "searcher", "training", "run"))
    tasks = nm.task_distribution("nb201" if part == "full" else "tnb101")
    for training in range(trainings):
        for held_out in chosen(tasks, only):
            sources, (target,) = tasks.leave_out(held_out.dataset)
            missing = [
                (name, run)
                for name, settings in ALONE.items()
                for run in runs_of(name, settings, training, trainings, runs, part)
                if (target.name, name, training, run) not in rows
            ]
            learnt = trained(folder, target, sources, training, log) if missing else None
            for name, run in missing:
                assert learnt is not None
                found, seconds = needed(variant(learnt, run, ALONE[name]), target, CAP[part], best_cells)
                row(rows, target, name, training, run, found, seconds)


def runs_of(name: str, settings: dict[str, Any], training: int, trainings: int, runs: int, part: str) -> Iterable[int]:
    """Return which runs are those of a training: its share, or one where all would be alike."""
    if name in LONG and part == "transnas":
        return ()
    share = max(trainings, runs // 10) if name in LONG else runs
    return range(training, share, trainings) if is_random(settings) else (training,)


def row(rows: Rows, target: Task, name: str, training: int, run: int, found: float, seconds: float) -> None:
    """Write the result of a run."""
    rows.add(
        task=target.name,
        searcher=name,
        training=training,
        run=run,
        evaluations=found,
        milliseconds=round(1000 * seconds, 2),
    )


PARTS = {"pairs": pairs, "full": full, "transnas": transnas}


def summary(frame: pd.DataFrame, cap: int) -> pd.DataFrame:
    """One row a task and searcher: mean over trainings and runs with its interval, and the mean of each training.

    A search that ended without the best cell counts with the cap, so such a mean is too small; how many is told.
    """
    rows = []
    strict_first = frame.assign(order=frame.searcher != "meta-nas").sort_values(["task", "order"], kind="stable")
    for (task, searcher), own in strict_first.groupby(["task", "searcher"], sort=False):
        counted = own.evaluations.fillna(cap)
        each = counted.groupby(own.training).mean()
        low, high = bootstrap_interval(each.to_numpy(float)) if each.nunique() > 1 else (np.nan, np.nan)
        missed = int(own.evaluations.isna().sum())
        rows.append(
            {
                "task": task,
                "searcher": searcher,
                "evaluations": f"{each.mean():.1f}",
                "95 % interval": "–" if np.isnan(low) else f"{low:.1f} to {high:.1f}",
                "each training": " / ".join(f"{mean:.1f}" for mean in each) if len(each) > 1 else "–",
                "runs": f"{len(own)}" + (f" ({missed} over {cap})" if missed else ""),
            }
        )
    return pd.DataFrame(rows)


def baselines() -> pd.DataFrame:
    """Read what the other searchers need, from the report that measured it."""
    found = pd.read_csv(HERE.parent / "queries" / "queries.csv")
    shown = ("gp", "evolution", "local-search", "source-order", "meta-gp")
    wide = found[found.searcher.isin(shown)].pivot_table(index="searcher", columns="task", values="mean")
    return wide.loc[list(shown)].map(lambda mean: f"{mean:.1f}").reset_index()


def plot(curves: pd.DataFrame) -> plt.Figure:
    """Return the course of meta-training: both losses, and what the search network proposes, before and after."""
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.4), layout="constrained")
    colours: dict[str, str] = {}
    for training, own in curves.groupby("training", sort=False):
        dataset = str(training).removeprefix("nb201-").rpartition("-")[0]
        label = None if dataset in colours else f"without {dataset}"
        colour = colours.setdefault(dataset, f"C{len(colours)}")
        smooth = own.drop(columns="training").rolling(3, min_periods=1).mean()
        axes[0].plot(own.step, smooth.search_loss, color=colour, linewidth=0.7, label=label)
        axes[0].plot(own.step, smooth.prediction_loss, "--", color=colour, linewidth=0.7)
        axes[1].plot(own.step, smooth.proposed, ":", color=colour, linewidth=0.7)
        axes[1].plot(own.step, smooth.screened, color=colour, linewidth=0.7)
    axes[0].set_ylabel("loss")
    axes[0].set_title("search network –, prediction network - -", fontsize="medium")
    axes[1].set_ylabel("score of cells")
    axes[1].set_title("proposed ···, best by the screen –", fontsize="medium")
    for place in axes:
        place.set_xlabel("lessons of meta-training")
        place.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def curves_of(folder: Path) -> pd.DataFrame:
    """Collect the logs of the leave-one-out trainings on NAS-Bench-201 that are in the folder; else those kept."""
    kept = OUT / "curves.csv"
    names = ["step", "prediction_loss", "search_loss", "proposed", "screened"]
    logs = {path.name.removesuffix(".log.csv"): path for path in sorted(folder.glob("nb201-*.log.csv"))}
    parts = [pd.read_csv(path, names=names).assign(training=name) for name, path in logs.items() if "alone" not in name]
    if not parts:
        return pd.read_csv(kept)
    frame = pd.concat(parts, ignore_index=True)[["training", *names]]
    frame.to_csv(kept, index=False, lineterminator="\n")
    return frame


def write(folder: Path) -> None:
    """Write the page from what has been measured."""
    save_figure(plot(curves_of(folder)), OUT / "training", formats=("png",))
    log = pd.read_csv(OUT / "trainings.csv")
    full_rows = pd.read_csv(OUT / "full.csv")
    pair_rows = pd.read_csv(OUT / "pairs.csv")
    pair_rows["evaluations"] = pair_rows.evaluations.fillna(CAP["pairs"])
    choices = pair_rows.pivot_table(index="choice", columns=["source", "target"], values="evaluations")
    choices.columns = [f"{source} → {target}" for source, target in choices.columns]
    choices["geometric mean"] = np.exp(np.log(choices).mean(axis=1))
    parts = [
        INTRODUCTION,
        to_markdown(means_of(full_rows)),
        verdict(full_rows),
        to_markdown(ratios(full_rows)),
        DETAIL,
        to_markdown(summary(full_rows, CAP["full"])),
        "Beside them, from `reports/queries` (means; the last two have seen the same sources):\n",
        to_markdown(baselines()),
        TRAINING.format(
            wall=log.wall_seconds.median(),
            most=log.wall_seconds.max(),
            cpu=log.cpu_seconds.median(),
            step=step_milliseconds(),
            strict="; ".join(f"{choice_without(name)} for {name}" for name in sorted(set(pair_rows.target))),
        ),
        to_markdown(choices.map(lambda mean: f"{mean:.1f}").reset_index()),
    ]
    rows = with_gp(OUT / "transnas.csv")
    if len(rows):
        parts += [TRANSNAS.format(cap=CAP["transnas"]), to_markdown(across(rows)), harm(rows)]
    parts.append(
        f"Regenerate: `python reports/meta/nas.py` (nasmeta {nm.__version__}, NumPy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}).\n"
    )
    (OUT / "README.md").write_text(folded("\n".join(parts)).rstrip() + "\n", encoding="utf-8")


def by_task(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a searcher, the strict choice first, one column a dataset: the mean of its trainings' means."""
    counted = rows.assign(evaluations=rows.evaluations.fillna(CAP["full"]))
    each = counted.groupby(["searcher", "task", "training"]).evaluations.mean()
    return each.groupby(["searcher", "task"]).mean().unstack().loc[["meta-nas", STRICT, *list(ALONE)[1:]]]


def means_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations on each dataset, and both means over the three."""
    wide = by_task(rows)
    both = {"arithmetic mean": wide.mean(axis=1), "geometric mean": np.exp(np.log(wide).mean(axis=1))}
    return wide.assign(**both).map(lambda mean: f"{mean:.1f}").rename_axis(columns=None).reset_index()


def verdict(rows: pd.DataFrame) -> str:
    """Say whether the combination beats both of its networks, as strong as each can be made alone."""
    wide = by_task(rows)
    alone = wide.loc[[*STRONGEST]].min()
    return VERDICT.format(
        strict=" / ".join(f"{mean:.1f}" for mean in wide.loc[STRICT]),
        alone=" / ".join(f"{mean:.1f}" for mean in alone),
        default=" / ".join(f"{mean:.1f}" for mean in wide.loc["meta-nas"]),
        won=int((wide.loc["meta-nas"] < alone).sum()) or "none",
        arithmetic=f"{wide.loc['meta-nas'].mean():.1f}",
        arithmetic_search=f"{wide.loc[STRONGEST[0]].mean():.1f}",
        arithmetic_prediction=f"{wide.loc[STRONGEST[1]].mean():.1f}",
    )


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a combination and network alone: evaluations of the one over those of the other, on the same trainings.

    The interval is over trainings: those of one number on the three datasets are drawn together.
    """
    counted = rows.assign(logarithm=np.log(rows.evaluations.fillna(CAP["full"])))
    each = counted.groupby(["searcher", "training", "task"]).logarithm.mean().unstack()
    found = []
    for name in ("meta-nas", STRICT):
        for alone in STRONGEST:
            difference = each.loc[name] - each.loc[alone]
            low, high = np.exp(bootstrap_interval(difference.mean(axis=1).to_numpy(float)))
            found.append(
                {"combination": name, "over": alone}
                | {str(task): f"{ratio:.2f}" for task, ratio in np.exp(difference.mean()).items()}
                | {"all three": f"{np.exp(difference.mean(axis=1).mean()):.2f} [{low:.2f}, {high:.2f}]"}
            )
    return pd.DataFrame(found)


def step_milliseconds() -> float:
    """Return the processor time of an evaluation, with a shipped model."""
    task = nm.get_task("nb201/imagenet16-120")
    searcher = SavedMetaModel.load("meta-nas-nb201-without-imagenet16-120").searcher(np.random.default_rng(0))
    searcher.ask()  # builds the networks
    with one_thread():
        start = process_time()
        for _ in range(40):
            cells = searcher.ask()
            searcher.tell(cells, task.values[cells])
    return 1000 * (process_time() - start) / 40


def with_gp(path: Path) -> pd.DataFrame:
    """Return the rows of TransNAS-Bench-101 and beside them the runs of `gp`, to the same cells, of ``gp.py``."""
    if not path.exists():
        return pd.DataFrame()
    rows = pd.read_csv(path)
    runs = pd.read_csv(HERE / "gp" / "runs.csv")
    runs = runs[(runs.part == "transnas") & (runs.searcher == "gp")].assign(training=0)
    runs["evaluations"] = runs.evaluations.where(runs.found == 1)
    return pd.concat([rows, runs[["task", "searcher", "training", "run", "evaluations"]]], ignore_index=True)


def harm(rows: pd.DataFrame) -> str:
    """Say on how many tasks the sources make it slower, where they do."""
    counted = rows.assign(evaluations=rows.evaluations.fillna(CAP["transnas"]))
    wide = counted.pivot_table(index="searcher", columns="task", values="evaluations")
    ratio = wide.loc["meta-nas"] / wide.loc["gp"]
    if ratio.max() <= 1:
        return ""
    worst = str(ratio.idxmax()).removeprefix("tnb101/")
    return HARM.format(worse=int((ratio > 1).sum()), count=len(ratio), factor=ratio.max(), worst=worst)


def across(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a searcher, one column a task of TransNAS-Bench-101, and the speed-up over `gp`."""
    counted = rows.assign(evaluations=rows.evaluations.fillna(CAP["transnas"]))
    wide = counted.pivot_table(index="searcher", columns="task", values="evaluations", sort=False)
    speed = np.exp(np.log(wide.loc["gp"] / wide).mean(axis=1))
    worst = (wide.loc["gp"] / wide).min(axis=1)
    wide.columns = [name.removeprefix("tnb101/") for name in wide.columns]
    text = wide.map(lambda mean: f"{mean:.0f}")
    runs = rows.groupby("searcher").run.nunique().reindex(text.index)
    several = runs > 1  # one deterministic run a task gets no mean over tasks
    text["speed-up over gp (geometric mean)"] = speed.map("{:.2f}".format).where(several, "–")
    text["on the worst task"] = worst.map("{:.2f}".format).where(several, "–")
    text["runs a task"] = runs
    return text.reset_index()


INTRODUCTION = """# Meta-NAS: two networks together and alone

Evaluations until the best cell of NAS-Bench-201 (200 epochs, validation accuracy, seed means) is evaluated.
Meta-trained on the two other datasets, all 15,625 labels of each; ten independent trainings for each dataset. "Alone"
are the same trained networks without the other one: the search network proposes a cell drawn from its probabilities, or
the most probable one; the prediction network takes the cell of highest upper confidence bound, of 64 uniform
candidates or of all cells. In `meta-nas` the scores of both networks count alike, which takes no choosing. The second
row chooses that weight, and the number of candidates, on the pairs of datasets without the target.
"""
VERDICT = """
**What the combination brings.** It needs {default} evaluations, the better of its two networks alone, on each dataset
another one, {alone}: on {won} of the three datasets does it need fewer than both. Choosing the weight on pairs of
other datasets gives {strict}: pairs say little of which network to trust. The search network alone is best on
CIFAR-10 and ImageNet16-120 and fails on CIFAR-100 after some trainings, the prediction network alone is best on
CIFAR-100; the combination follows neither into its failure. Over the three datasets its arithmetic mean is
{arithmetic} evaluations, {arithmetic_search} of the search and {arithmetic_prediction} of the prediction network
alone. Below: its evaluations over those of each network alone, geometric mean over the same trainings, with a 95 %
interval over trainings. Where the interval contains 1, no gain is shown.
"""
DETAIL = """
## Each training

Where nothing is random in a search (most probable, all cells) there is one run a training. The interval
draws the ten trainings, which differ more than the runs of one.
"""
TRAINING = """
What the search network draws nearly always contains what the screen then chooses, so runs of one training are nearly
alike.

**Seconds.** A meta-training takes {cpu:.0f} s of one core; on a machine of two cores with up to ten other jobs that was
{wall:.0f} s in the median and {most:.0f} s at most. An evaluation costs {step:.0f} ms of processor time (ask and tell,
contexts of up to 40 cells).

![Meta-training](training.png)

Scores are standard normal ones within a task: the best of 15,625 cells has 4. Dashed: the negative log density of the
prediction network, but for a constant. The dotted curve is the mean of the cells that the search network proposes, the
drawn one the best of them by the screen.

## How settings were chosen

Equal weights need no choice. The row "choice without the target" takes the number of
candidates and the weight of the search network's own opinion from pairs, one dataset as the only source and another one
searched, by the geometric mean over five trainings a source, and only from the two pairs without the target:
{strict}.
Network width, learning rate, number of lessons and the distribution of practised tasks were set once, after a few short
trainings on single sources; 64 candidates were once the best over all six pairs, so each dataset has had a part in that
number. Differences of a few evaluations are noise.
"""
TRANSNAS = """
## TransNAS-Bench-101 micro, leave one task out

Evaluations until one of the best 4 of 4,096 cells (the top 0.1 %),
the six other tasks as sources, one training a task, `gp` with the 100 runs a task of the part on Gaussian processes; a
search that did not find one within {cap} evaluations
counts as {cap}. Either network alone makes one deterministic run a task, so it gets no mean over tasks.
"""
HARM = """
## Where transfer by `meta-nas` does harm

On {worse} of these {count} tasks it needs more evaluations than `gp`
without sources, by a factor of {factor:.1f} on {worst}; with one training a task this is told only roughly. Practised
tasks all begin from a source or a mixture of sources; a target that disagrees with all of them is further away than
what was practised, and reading the context does not make up for it. Where sources may disagree with the target, take a
searcher that weighs them.
"""


def main() -> None:
    """Run, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="pairs,full,transnas", help="which; all where left out, none if empty")
    parser.add_argument("--only", help="do just these targets, in the part pairs these sources; separated by commas")
    parser.add_argument("--trainings", type=int, default=10)
    parser.add_argument(
        "--runs", type=int, default=100, help="of each searcher on each dataset, all trainings together"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "nasmeta-meta-nas")
    arguments = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    log = Rows(OUT / "trainings.csv", ("training",))
    for part in arguments.parts.split(","):
        if part:
            PARTS[part](arguments.folder, log, arguments.trainings, arguments.runs, arguments.only)
    if all((OUT / f"{part}.csv").exists() for part in ("pairs", "full")):
        write(arguments.folder)


if __name__ == "__main__":
    main()
