"""``nasmeta compare SPECIFICATION``, ``--list`` and ``--show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from nasmeta.cli._cli_utils import console, print_table

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.evaluators import Evaluator
    from nasmeta.experiments import Specification


def compare_specified(
    name: str, folder: str | None, **where: Any
) -> tuple[pd.DataFrame, int | None, str | Evaluator, dict[str, float] | None]:
    """Run a specification and show what its runs picked; return results, both budgets, and the evaluator between."""
    from nasmeta.experiments import run_specification
    from nasmeta.experiments._specification import specification_to_run

    specification = specification_to_run(name)
    typer.echo(specification.title)
    frame = run_specification(specification, folder, **where, progress=True)
    if specification.report and where["workers"].shard is None:
        _print_picks(frame, specification)
    return frame, specification.evaluations, specification.chosen_evaluator(), specification.seconds


def print_ready() -> None:
    """List the ready specifications."""
    from rich.padding import Padding

    from nasmeta.experiments import read_specification, ready_specifications

    terminal = console()
    terminal.print("Ready specifications: nasmeta compare NAME --out FOLDER")
    for name in ready_specifications():
        said = read_specification(name)
        evaluations = [] if said.evaluations is None else [f"{said.evaluations:,} evaluations"]
        limits = [] if said.seconds is None else [f"{s:,.0f} s" for s in dict.fromkeys(said.seconds.values())]
        optimum = ["the optimum"] if said.stop_at_optimum else []
        budget = ", or ".join([*evaluations, *([" / ".join(limits)] if limits else []), *optimum])
        runs = f"{len(said.seeds)} run{'' if len(said.seeds) == 1 else 's'} each"
        terminal.print()
        terminal.print(name, style="bold")
        for line in (said.title, ", ".join(said.tasks), f"{runs}, budget {budget}"):
            terminal.print(Padding(line, (0, 0, 0, 2)))


def print_specification(name: str) -> None:
    """Print a specification as it stands in its file, so that it can be saved and changed."""
    from nasmeta.experiments import read_specification

    typer.echo(read_specification(name).text, nl=False)


def ready_names() -> list[str]:
    """Return the names of the ready specifications, for the shell."""
    from nasmeta.experiments import ready_specifications

    return [*ready_specifications()]


def _print_picks(frame: pd.DataFrame, specification: Specification) -> None:
    from nasmeta.analysis._tables import spread
    from nasmeta.checks import decimals_of
    from nasmeta.experiments import summarise_picks

    columns, found = specification.columns, summarise_picks(frame, specification)
    digits = {c.address: decimals_of(found[c.address], c.unit) for c in columns}
    rows = [
        [str(row["task"]), str(row["searcher"])]
        + [spread(row[address], row[f"{address}_std"], n) for address, n in digits.items()]
        for row in found.to_dict("records")
    ]
    title = "What the runs picked: mean ± standard deviation"
    print_table(["task", "searcher", *(column.address for column in columns)], rows, title)
