"""Compare searchers on NAS-Bench-Graph: the ready specification ``graph``, and its page.

Run with ``python reports/graph/run.py``; writes results.csv, evaluations.png and README.md.
Interrupted runs resume from their folder. ``--page`` rewrites the page from the CSV file.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.analysis.report import deterministic_runs
from nasmeta.experiments import read_specification, run_specification
from nasmeta.plotting import task_title
from reports.common import evaluations_to_best, mean_and_interval, report
from reports.drawing import dot_plot, save_png

HERE = Path(__file__).parent
DATE = "2026-11-27"  # of results.csv
CAP = 200  # evaluations of a run
SEEN = ("citeseer", "photo", "pubmed", "arxiv")  # the features of the space were chosen on these
NEW = ("cora", "cs", "physics", "computers")
SHOWN = ("random", "evolution", "tpe", "gp", "source-order", "rgpe", "meta-gp")


def measure(folder: Path) -> None:
    """Run each searcher; write their evaluations and processor seconds to results.csv."""
    frames, seconds = [], {}
    whole = read_specification("graph")
    for label, searcher in whole.searchers.items():
        home, part = folder / label, replace(whole, searchers={label: searcher})
        spent = home / "seconds"
        if not spent.is_file():
            start = time.process_time()
            runs = len(run_specification(part, home).groupby(["task", "seed"], observed=True))
            spent.write_text(str((time.process_time() - start) / runs))
        frames.append(
            pd.read_parquet(home / "results.parquet").astype({"task": str, "searcher": str})
        )
        seconds[label] = float(spent.read_text())
    results = summary(pd.concat(frames, ignore_index=True), seconds)
    results.to_csv(HERE / "results.csv", index=False, float_format="%.5g")


def summary(frame: pd.DataFrame, seconds: dict[str, float]) -> pd.DataFrame:
    """Return one row for each task and searcher."""
    rows, alike = [], deterministic_runs(frame)
    for (name, searcher), runs in frame.groupby(["task", "searcher"], sort=False):
        results = evaluations_to_best(runs, nm.get_task(str(name))).fillna(CAP)
        mean, low, high = mean_and_interval(results)
        row = {"dataset": str(name).partition("/")[2], "searcher": searcher, "runs": len(results)}
        row["alike"] = (name, searcher) in alike
        row |= {"evaluations": mean, "low": low, "high": high}
        rows.append(row | {"seconds": seconds[searcher]})
    return pd.DataFrame(rows)


def draw(results: pd.DataFrame) -> None:
    """Draw mean evaluations with their 95 % intervals: a panel per dataset."""
    shown = results.set_index("searcher").loc[[*SHOWN]].reset_index()
    frame = pd.DataFrame(
        {
            "panel": [task_title(f"graph/{name}") for name in shown["dataset"]],
            "row": shown["searcher"],
        }
    )
    frame[["name", "mean", "low", "high"]] = shown[["searcher", "evaluations", "low", "high"]]
    figure = dot_plot(frame, "mean evaluations to one of the best 0.1 %", share_x=True)
    save_png(figure, HERE / "evaluations")


def page() -> str:
    """Draw the picture; return the text of README.md."""
    results = pd.read_csv(HERE / "results.csv")
    draw(results)
    evaluations = results.pivot(index="searcher", columns="dataset", values="evaluations")
    overall = pd.DataFrame(
        {"new": evaluations[list(NEW)].mean(axis=1), "seen": evaluations[list(SEEN)].mean(axis=1)}
    )
    overall["all"] = evaluations.mean(axis=1)
    n = evaluations.shape[1]
    overall["wins"] = evaluations.lt(evaluations.loc["gp"]).sum(axis=1)
    columns = results.groupby("searcher").agg({"runs": "min", "alike": "all", "seconds": "median"})
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
    return f"""# Which searcher needs the fewest evaluations on NAS-Bench-Graph?

`{best.name}` needs {best["new"]:.0f} evaluations to one of the best 0.1 %, and `gp` {overall.loc["gp", "new"]:.0f}
(means on four new datasets); it needs fewer than `gp` on {best["wins"]} of {n} datasets (95 % interval:
{100 * low:.0f} to {100 * high:.0f} %).

![Mean evaluations to one of the best 0.1 %, by dataset](evaluations.png)

Mean evaluations to one of the best 0.1 %; a run without success enters with 200. New: {", ".join(NEW)}.
Seen (used to choose features): {", ".join(SEEN)}. *Fewer than `gp`*: datasets with a lower mean. An
asterisk marks deterministic searchers. The last column is per run.

{to_markdown(pd.DataFrame(rows))}
`source-order` finds none of the best on {", ".join(prior.index[prior >= 200])}. The datasets agree weakly:
their rank correlations are [-0.30 to 0.62](../families/README.md).

## How it was run

`python reports/graph/run.py --folder FOLDER` on {DATE}, nasmeta {nm.__version__}, runs the specification `graph`
(`nasmeta compare graph`) with seeds from 0 and up to 200 evaluations.

## Limits

* The features of `gp`, `predictor` and the searchers that fit models to sources were chosen on the seen datasets.
* Searchers that learn from sources know all values of the other datasets.
* `meta` has few runs, from before it took turns.
* `bananas` was run on 2026-12-07, so its processor seconds are of another day than the others.
* The interval treats datasets as independent. For deterministic searchers, the influence of chance is unknown.
* `proteins` has only 2,021 networks, so its best 0.1 % are 2; on the other datasets they are 27 to 43, with ties.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder")
