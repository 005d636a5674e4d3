"""Measure evaluations until the best cell of the table: searchers, three datasets, many runs without a limit.

Run ``python reports/queries/run.py``. It writes README.md, queries.csv and the figure. Runs are
kept in a folder, so an interrupted command resumes. ``--page`` rewrites README.md and the figure
from queries.csv.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import nasmeta as nm
from nasmeta.analysis import summarise, to_markdown
from reports.common import NB201, report
from reports.drawing import dot_plot, save_png

HERE = Path(__file__).parent
WHOLE_SPACE = 15_625

# Means of a separate implementation: 1,000 runs of local search, 300 of evolution. Random is the
# expectation.
REFERENCE = {
    "random": (7_813, 7_813, 7_813),
    "local-search": (71, 62, 727),
    "local-search-full": (141, 121, 1_366),
    "evolution": (156, 122, 248),
    "source-order": (22, 4, 18),
}
RUNS = {
    "random": 300,
    "local-search": 2000,
    "local-search-full": 2000,
    "evolution": 2000,
    "gp": 100,
    "source-order": 10,
    "meta-gp": 10,
}

COLUMNS = ["task", "searcher", "runs", "mean", "low", "high"]


def measure(folder: Path, workers: int) -> None:
    """Run every searcher until it finds the optimum; write the summary to queries.csv."""
    summaries = []
    for searcher, runs in RUNS.items():
        print(f"{searcher}: {runs} runs on each dataset", flush=True)
        frame = nm.compare(
            [searcher],
            tasks="nb201",
            repeats=runs,
            evaluations=WHOLE_SPACE,
            stop_at_optimum=True,
            folder=folder / searcher,
            workers=workers,
        )
        needed = "evaluations_to_optimum"
        names = {needed: "mean", f"{needed}_low": "low", f"{needed}_high": "high"}
        summaries.append(summarise(frame, at=()).rename(columns=names)[COLUMNS])
    table = pd.concat(summaries)
    table.to_csv(HERE / "queries.csv", index=False, float_format="%.6g")


def page() -> str:
    """Draw the picture; return the text of README.md."""
    table = pd.read_csv(HERE / "queries.csv")
    frame = table.assign(
        panel=table["task"].map(NB201), row=table["searcher"], name=table["searcher"]
    )
    frame = frame.set_index("searcher").loc[[*RUNS]].reset_index()
    figure = dot_plot(
        frame,
        "mean evaluations to the optimum, log scale",
        log=True,
        ticks=(1, 10, 100, 1000, 10_000),
    )
    save_png(figure, HERE / "evaluations")
    table = table.set_index(["searcher", "task"])
    rows = []
    for searcher in RUNS:
        row: dict[str, object] = {"searcher": f"`{searcher}`", "runs": f"{RUNS[searcher]:,}"}
        for i, (task, dataset) in enumerate(NB201.items()):
            one = table.loc[(searcher, task)]
            digits = 0 if one["mean"] >= 1000 else 1
            row[dataset] = f"{one['mean']:,.{digits}f}"
            if one.low < one.high:
                row[dataset] += f" [{one.low:,.{digits}f}, {one.high:,.{digits}f}]"
            if searcher in REFERENCE:
                row[dataset] += f" ({REFERENCE[searcher][i]:,})"
        rows.append(row)
    gp = table.loc[("gp", "nb201/cifar10")]
    return f"""# How many evaluations does each searcher need for the optimum?

On CIFAR-10, `gp` needs {gp["mean"]:.1f} [{gp.low:.1f}, {gp.high:.1f}] evaluations to find the best cell of
NAS-Bench-201, and random search about 7,800 (mean, 95 % bootstrap interval).

![Mean evaluations to the optimum, with 95 % intervals](evaluations.png)

{to_markdown(pd.DataFrame(rows))}
In parentheses: the mean of a separate implementation of the searcher; for `random`, the expectation. A number without
an interval is from a deterministic searcher. The optimum is the best validation accuracy after 200 epochs, mean over
seeds (NATS-tss v1.0). Isomorphic cells are counted separately.

## How it was run

`python reports/queries/run.py` on 2026-11-25 (`gp`: 2026-11-29) with nasmeta {nm.__version__}, seeds 0, 1, 2, …. Every
run continues until it finds the optimum. [Another report](../published/queries-to-optimum.md) has more searchers with a
limit of 2,000 evaluations.

## Limits

* `source-order` and `meta-gp` know all labels of the other two datasets, which agree with the target.
* The kernel and the acquisition of `gp` were chosen on these datasets.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure, "folder", "workers")
