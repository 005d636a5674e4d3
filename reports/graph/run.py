"""All searchers on NAS-Bench-Graph: the ready specifications ``graph`` and ``graph-slow``, and their page.

Run with ``python reports/graph/run.py --folder DIR``; writes results.csv, check.csv, regret.png and README.md.
Interrupted runs resume from the folder. ``--repeats`` and ``--minutes`` limit the runs; values that are not in the
folder are those of results.csv. ``--page`` rewrites the page and its picture; ``--quick`` is a trial without a page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest, chi2, norm, rankdata

sys.path.insert(0, str(Path(__file__).parent.parent))

from drawing import dot_plot

import nasmeta as nm
from nasmeta.analysis import bootstrap_interval, save_figure, to_markdown
from nasmeta.analysis.report import deterministic_runs
from nasmeta.experiments import Specification, picks_of, read_specification, run_specification
from nasmeta.pictures import task_title

HERE = Path(__file__).parent
DATE = "2026-11-27"  # of results.csv
SPECIFICATIONS = ("graph", "graph-slow")
TOP = 1000  # one in so many networks is one of the best
BUDGETS = (50, 100, 200)
SEEN = ("citeseer", "photo", "pubmed", "arxiv")  # the features of the space were chosen on these
NEW = ("cora", "cs", "physics", "computers")
CHECK_RUNS = 300
SHOWN = ("random", "evolution", "tpe", "gp", "source-order", "rgpe", "meta-gp")
QUICK = ("random", "local-search", "evolution", "source-order", "reinforce")
# Mean evaluations to one of the best 26, cap 200, of 60 runs of a separate implementation on the same files, and where
# the mean normal score of the other seven datasets (without proteins) finds one.
CHECKED_ON = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv")
REFERENCE = {
    "evolution": (164, 107, 155, 116, 132, 118, 144, 97),
    "local-search": (169, 120, 161, 128, 141, 99, 152, 91),
}
REFERENCE_RUNS = 60
REFERENCE_ORDER = (None, 17, None, None, 38, 26, 58, None)


def parts(names: tuple[str, ...], repeats: int | None) -> Iterator[tuple[Specification, str]]:
    """Yield each specification cut to one searcher on one task, in the order of its file, which is that of cost."""
    for name in names:
        whole = read_specification(name)
        seeds = whole.seeds if repeats is None else whole.seeds[:repeats]
        for label, searcher in whole.searchers.items():
            for task in whole.tasks:
                report = tuple(one for one in whole.report if one.partition("/")[0] == task.partition("/")[2])
                yield replace(whole, searchers={label: searcher}, tasks=(task,), seeds=seeds, report=report), label


def home_of(folder: Path, part: Specification, label: str) -> Path:
    """Return where one searcher's runs on one task are kept."""
    return folder / str(part.name) / label / part.tasks[0].replace("/", "-")


def run_all(folder: Path, todo: list[tuple[Specification, str]], until: float) -> None:
    """Run what is not finished, until the time is over."""
    for part, label in todo:
        home = home_of(folder, part, label)
        done = home / f"finished-{len(part.seeds)}"
        if done.is_file():
            continue
        if time.monotonic() > until:
            print("The time is over.", flush=True)
            return
        began, processor = time.perf_counter(), time.process_time()
        run_specification(part, home)
        done.write_text(f"{time.perf_counter() - began:.1f} s, {time.process_time() - processor:.1f} s of processor\n")
        print(f"{label} on {part.tasks[0]}, {len(part.seeds)} runs: {done.read_text().strip()}", flush=True)


def finished(folder: Path, todo: list[tuple[Specification, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the results of all that is finished, and what each run picked."""
    frames, picks = [], []
    for part, label in todo:
        home = home_of(folder, part, label)
        if not any(home.glob("finished-*")):
            continue
        frame = pd.read_parquet(home / "results.parquet")
        frames.append(frame)
        own = picks_of(frame, part)[["task", "searcher", "seed"]].astype({"task": str, "searcher": str})
        picks.append(own.assign(test=picks_of(frame, part)[part.columns[0].address].to_numpy()))
    return pd.concat(frames, ignore_index=True).astype({"task": str, "searcher": str}), pd.concat(picks)


def seconds_a_run(folder: Path, todo: list[tuple[Specification, str]]) -> dict[str, float]:
    """Return the processor seconds of a run of each searcher, median over the datasets."""
    found: dict[str, list[float]] = {}
    for part, label in todo:
        done = {int(path.name.partition("-")[2]): path for path in home_of(folder, part, label).glob("finished-*")}
        if done:
            spent = sum(float(path.read_text().split()[2]) for path in done.values())
            found.setdefault(label, []).append(spent / max(done))
    return {label: float(np.median(values)) for label, values in found.items()}


def best_value(task: nm.tasks.Task) -> float:
    """Return the value from which on a network is one of the best 0.1 %."""
    values = np.sort(task.values[task.measured])[::-1]
    return float(values[max(1, round(len(values) / TOP)) - 1])


def needed(runs: pd.DataFrame, task: nm.tasks.Task, cap: int) -> np.ndarray:
    """Return for each run how many evaluations it took to one of the best, at most the cap."""
    values = runs.pivot(index="seed", columns="evaluation", values="value").to_numpy()
    hit = values >= best_value(task)
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, cap)


def summary(frame: pd.DataFrame, picks: pd.DataFrame, cap: int) -> pd.DataFrame:
    """Return one row for each task and searcher."""
    rows, alike = [], deterministic_runs(frame)
    for (name, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        task = nm.get_task(str(name))
        found = needed(runs, task, cap)
        regrets = runs.pivot(index="seed", columns="evaluation", values="regret").to_numpy()
        low, high = bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
        tests = picks.loc[(picks["task"] == name) & (picks["searcher"] == searcher), "test"]
        row = {"dataset": str(name).partition("/")[2], "searcher": searcher, "runs": len(found)}
        row["alike"] = (name, searcher) in alike
        row |= {"evaluations": found.mean(), "low": float(low), "high": float(high)}
        hits = runs["value"] >= best_value(task)
        row["found"] = runs.loc[hits, "seed"].nunique() / len(found)
        row |= {f"regret_{budget}": regrets[:, min(budget, regrets.shape[1]) - 1].mean() for budget in BUDGETS}
        row |= {"test": tests.mean(), "test_deviation": tests.std()}
        rows.append(row)
    return pd.DataFrame(rows)


def complete(found: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return what was found, and from before what is not in this folder, in the order of the specifications."""
    keys = ["dataset", "searcher"]
    old = before[~before.set_index(keys).index.isin(found.set_index(keys).index)]
    labels = [label for name in SPECIFICATIONS for label in read_specification(name).searchers]
    both = pd.concat([found, old])
    return both.sort_values("searcher", key=lambda own: own.map(labels.index), kind="stable", ignore_index=True)


def check(folder: Path, runs: int) -> pd.DataFrame:
    """Compare evaluations to one of the best 26 with the separate implementation; an empty value means over 200."""
    tasks = [nm.get_task(f"graph/{name}") for name in CHECKED_ON]
    kept = folder / f"check-{runs}.parquet"
    if not kept.is_file():
        # Seeds that the table does not use.
        nm.compare(list(REFERENCE), tasks, repeats=range(1000, 1000 + runs), evaluations=200).to_parquet(kept)
    frame, rows = pd.read_parquet(kept), []
    for searcher, figures in REFERENCE.items():
        ours = [needed(frame[(frame["task"] == t.name) & (frame["searcher"] == searcher)], t, 200) for t in tasks]
        errors = [one.std() * np.sqrt(1 / REFERENCE_RUNS + 1 / runs) for one in ours]
        z = [(one.mean() - figure) / error for one, figure, error in zip(ours, figures, errors, strict=True)]
        chance = f"{chi2.sf(np.sum(np.square(z)), len(tasks)):.2f}"
        for name, figure, one, score in zip(CHECKED_ON, figures, ours, z, strict=True):
            rows.append([searcher, name, str(figure), f"{one.mean():.0f}", f"{score:+.1f}", chance])
    scores = [norm.ppf((rankdata(task.values) - 0.5) / len(task.values)) for task in tasks]
    for i, (task, figure) in enumerate(zip(tasks, REFERENCE_ORDER, strict=True)):
        order = np.argsort(-np.mean([own for j, own in enumerate(scores) if j != i], axis=0), kind="stable")
        first = int(np.argmax(task.values[order] >= best_value(task))) + 1
        ours = first if first <= 200 else ""
        rows.append(["normal scores of the other tasks", CHECKED_ON[i], figure or "", ours, "", ""])
    return pd.DataFrame(rows, columns=["searcher", "dataset", "theirs", "ours", "standard_errors", "chance"])


def draw(found: pd.DataFrame) -> None:
    """Draw mean evaluations with their 95 % intervals: a panel per dataset."""
    shown = found.set_index("searcher").loc[[*SHOWN]].reset_index()
    frame = pd.DataFrame(
        {"panel": [task_title(f"graph/{name}") for name in shown["dataset"]], "row": shown["searcher"]}
    )
    frame[["name", "mean", "low", "high"]] = shown[["searcher", "evaluations", "low", "high"]]
    figure = dot_plot(frame, "mean evaluations", share_x=True)
    save_figure(figure, HERE / "regret", formats=("png",))


def page(found: pd.DataFrame, checked: pd.DataFrame) -> str:
    """Return the page."""
    evaluations = found.pivot(index="searcher", columns="dataset", values="evaluations")
    overall = pd.DataFrame({"new": evaluations[list(NEW)].mean(axis=1), "seen": evaluations[list(SEEN)].mean(axis=1)})
    overall["all"] = evaluations.mean(axis=1)
    n = evaluations.shape[1]
    overall["wins"] = evaluations.lt(evaluations.loc["gp"]).sum(axis=1)
    columns = found.groupby("searcher").agg({"runs": "min", "alike": "all", "seconds": "median"})
    overall = overall.join(columns).sort_values(["new", "all"])
    rows = [
        {
            "searcher": f"`{one.Index}`",
            "runs": f"{one.runs}*" if one.alike else str(one.runs),
            "4 new datasets": f"{one.new:.0f}",
            "4 seen datasets": f"{one.seen:.0f}",
            "fewer than `gp`": "–" if one.Index == "gp" else f"{one.wins} of {n}",
            "processor s": f"{one.seconds:.1f}" if one.seconds >= 0.1 else "< 0.1",
        }
        for one in overall.itertuples()
    ]
    best = overall.iloc[0]
    low, high = binomtest(int(best["wins"]), n).proportion_ci()
    prior = evaluations.loc["source-order"]
    chances = checked.groupby("searcher")["chance"].first()
    return f"""# Which searcher needs the fewest evaluations on NAS-Bench-Graph?

`{best.name}` needs {best["new"]:.0f} evaluations to one of the best 0.1 %, and `gp` {overall.loc["gp", "new"]:.0f}
(means on four new datasets); it needs fewer than `gp` on {best["wins"]} of {n} datasets (95 % interval:
{100 * low:.0f} to {100 * high:.0f} %).

![Mean evaluations to one of the best 0.1 %, by dataset](regret.png)

Mean evaluations to one of the best 0.1 %; a run without success enters with 200. New: {", ".join(NEW)}.
Seen (used to choose features): {", ".join(SEEN)}. *Fewer than `gp`*: datasets with a lower mean. An
asterisk marks deterministic searchers. The last column is per run.

{to_markdown(pd.DataFrame(rows))}
`source-order` finds none of the best on {", ".join(prior.index[prior >= 200])}. The datasets agree little
(rank correlations of 0.01 to 0.62). `results.csv` has each dataset with intervals, regrets and test accuracies.

`evolution` and `local-search` agree with a separate implementation ({REFERENCE_RUNS} runs there, {CHECK_RUNS} here):
differences at least as large have the probabilities {chances["evolution"]:.2f} and {chances["local-search"]:.2f}.
`check.csv` has each dataset.

## How it was run

`python reports/graph/run.py --folder FOLDER` on {DATE}, nasmeta {nm.__version__}, runs the specifications `graph` and
`graph-slow` (`nasmeta compare graph`) with seeds from 0 and up to 200 evaluations. `--page` rewrites this page.

## Limits

* The features of `gp`, `predictor` and the searchers that fit models to sources were chosen on the seen datasets.
* Searchers that learn from sources know all values of the other datasets.
* `meta` and `meta-predictor` have few runs. `meta-predictor` ran without its default fallback to `gp`.
* The interval treats datasets as independent. For deterministic searchers, the influence of chance is unknown.
* `proteins` has only 2,021 networks, so its best 0.1 % are 2; on the other datasets they are 27 to 43, with ties.
"""


def main() -> None:
    """Run, summarise, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep results here, to go on with")
    parser.add_argument("--repeats", type=int, help="at most so many runs, fewer than the specifications say")
    parser.add_argument("--minutes", type=float, default=np.inf, help="begin nothing new after so long")
    parser.add_argument("--only", action="append", help="run this searcher only; may be given several times")
    parser.add_argument("--quick", action="store_true", help="few searchers, two runs of 20 evaluations, two datasets")
    parser.add_argument("--page", action="store_true", help="only rewrite the page from the CSV files")
    chosen = parser.parse_args()
    if not chosen.page:
        with tempfile.TemporaryDirectory() as temporary:
            measure(chosen, chosen.folder or Path(temporary))
    if not chosen.quick:
        draw(pd.read_csv(HERE / "results.csv"))
        text = page(pd.read_csv(HERE / "results.csv"), pd.read_csv(HERE / "check.csv"))
        (HERE / "README.md").write_text(text, encoding="utf-8")


def measure(chosen: argparse.Namespace, folder: Path) -> None:
    """Run what is missing; write the CSV files and the picture."""
    everything = list(parts(SPECIFICATIONS, chosen.repeats))
    cap, output = 200, HERE
    if chosen.quick:
        cap = 20
        folder = output = folder / "quick"
        everything = [
            (replace(part, seeds=part.seeds[:2], evaluations=cap), label)
            for part, label in everything
            if label in QUICK and part.tasks[0] in ("graph/cora", "graph/proteins")
        ]
    folder.mkdir(parents=True, exist_ok=True)
    todo = [one for one in everything if not chosen.only or one[1] in chosen.only]
    run_all(folder, todo, time.monotonic() + 60 * chosen.minutes)
    frame, picks = finished(folder, everything)
    found = summary(frame, picks, cap)
    found["seconds"] = found["searcher"].map(seconds_a_run(folder, everything))
    kept = output / "results.csv"
    if kept.is_file():
        found = complete(found, pd.read_csv(kept))
    found.to_csv(kept, index=False, float_format="%.5g")
    check(folder, 10 if chosen.quick else CHECK_RUNS).to_csv(output / "check.csv", index=False)


if __name__ == "__main__":
    main()
