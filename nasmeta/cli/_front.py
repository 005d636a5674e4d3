"""What ``nasmeta search`` shows of a run with several objectives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nasmeta.cli._cli_utils import duration, print_table
from nasmeta.tables import describe_column

if TYPE_CHECKING:
    from nasmeta.runs import FrontHistory

__all__ = ["print_front"]


def print_front(run: FrontHistory, journal: Path | None) -> None:
    """Print the facts of a run and the front that it found."""
    true, found = run.evaluator.front, run.front
    lines = {"task": run.task.name, "searcher": f"{run.searcher}, seed {run.seed}"}
    for i, column in enumerate(run.evaluator.columns, start=1):
        better = "higher" if column.direction == "max" else "lower"
        lines[f"objective {i}"] = f"{column.metric} ({column.unit}, {better} is better): {describe_column(column)}"
    lines["evaluations"] = f"{run.evaluations} (stopped by: {run.stopped})"
    lines["simulated time"] = f"{duration(float(run.cost_seconds.sum()))} of training"
    if len(run) and true is not None:
        reference = ", ".join(f"{value:.5g}" for value in true.reference)
        lines["hypervolume"] = (
            f"{run.hypervolumes[-1]:.2f} % of the true front's hypervolume ({len(true.cells)} architectures; "
            f"reference point {reference})"
        )
    lines["front found"] = f"{len(found)} architectures"
    if journal is not None:
        lines["journal"] = str(journal)
    for name, text in lines.items():
        typer.echo(f"{name:<16}{text}")
    if len(found):
        rows = [[f"{value:.5g}" if isinstance(value, float) else str(value) for value in row] for row in found.values]
        print_table(list(found.columns), rows)
