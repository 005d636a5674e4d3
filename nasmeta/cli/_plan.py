"""``nasmeta plan``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nasmeta as nm
from nasmeta.cli._command import REQUIRED, Option, app, command, console, echo_written, names_in, print_table
from nasmeta.cli._runs import EVALUATIONS, RUN, compared
from nasmeta.cli._train import IMAGES

if TYPE_CHECKING:
    import pandas as pd
    import typer


@command(
    app,
    {"evaluations": replace(EVALUATIONS, default_text="100")},
    RUN,
    IMAGES,
    pilot=Option(
        "The folder of a finished comparison; or names of searchers, separated by commas, which are run as a pilot.",
        default=REQUIRED, argument=True, metavar="FOLDER|NAMES",
    ),
    tasks=Option("A family of tasks, or names of tasks separated by commas.", metavar="NAMES", default_text="nb201"),
    repeats=Option("Number of runs of each searcher in the pilot.", int, 100),
    workers=Option("Number of processes.", int, 1),
    most=Option("Largest number of runs. Pairs that need more cannot be told apart.", int, 1000),
    picture=Option("Draw power against runs as PNG and SVG, to this path without its extension.", Path, metavar="PATH"),
    examples=["nasmeta plan evolution,local-search --tasks nb201 --evaluations 100", "nasmeta plan results"],
)  # fmt: skip
def plan(
    context: typer.Context,
    pilot: str,
    repeats: int,
    workers: int,
    most: int,
    picture: Path | None,
    **options: Any,
) -> dict[str, Any]:
    """Compute how many runs tell searchers apart, how often fewer name the wrong winner, and the cost."""
    if len(names_in(pilot)) == 1:
        found = nm.plan(pilot, most=most)
    else:
        options |= {"searchers": pilot, "settings": None, "evaluations": options["evaluations"] or 100}
        frame, _ = compared(context, options, repeats=repeats, workers=workers, progress=True)
        found = nm.plan(frame, most=most)
    print_plan(found, most)
    if picture is not None:
        from nasmeta.analysis import plot_power, save_figure

        echo_written(save_figure(plot_power(found, most), picture))
    return {"pairs": found}


def print_plan(found: pd.DataFrame, most: int) -> None:
    """Print a table per task, and its explanation."""
    from nasmeta.analysis import RUNS, texts_of
    from nasmeta.analysis.report import runs_text

    headers = {"wrong": "wrong winner (%)", "needed": "runs needed"}
    shown = found.loc[:, "searcher":"difference_high"].drop(columns=["runs", "measure"])
    shown["wrong"] = [" / ".join(f"{100 * row[f'wrong_{n}']:.0f}" for n in RUNS) for _, row in found.iterrows()]
    bounds = found[["needed", "needed_low", "needed_high"]].map(runs_text, most=most)
    shown["needed"] = [f"{value} [{low}, {high}]" for value, low, high in bounds.itertuples(index=False)]
    shown[["evaluations", "hours"]] = found[["evaluations", "hours"]]
    for (task, measure), rows in shown.groupby([found["task"], found["measure"]], sort=False):
        text = texts_of(rows, headers, decimals={"evaluations": 0, "hours": 0})
        print_table(text.headings, text.rows, f"{task}, {measure}", right=text.headings[1:])
    console().print(
        f"From {found['runs'].iloc[0]:,} runs of each searcher. Difference: searcher minus other, so the searcher is "
        f"better below 0. Wrong winner: how often the means of {', '.join(map(str, RUNS))} runs name it, if this "
        "difference is the true one. Runs needed: of each searcher, for 80 % power of a paired t-test at the level "
        f"{found['level'].iloc[0]:.2g}, which is 0.05 divided by the pairs of a task; "
        "evaluations and hours of training are of both searchers. In brackets: "
        f"95 % bootstrap intervals. Pairs that need > {most:,} runs cannot be told apart within {most:,} runs."
    )
