"""``nasmeta data audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from nasmeta.cli._manners import mannered

if TYPE_CHECKING:
    from nasmeta.tables.audit import Audit, Row

__all__ = ["audit"]

_COLOURS = {"holds": "green", "known": "yellow", "VIOLATED": "bold red"}


@mannered
def audit(
    table: Annotated[Optional[list[str]], typer.Option(help="Name of a table; all by default.")] = None,  # noqa: UP045
    check: Annotated[Optional[list[str]], typer.Option(help="Name of a check; all by default.")] = None,  # noqa: UP045
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FOLDER", help="Write Markdown and CSV, with the cells, to this folder."),
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Show what holds column by column, too.")] = False,
) -> None:
    """Check that the store holds what is known of the benchmarks; exit code 1 where something new violates it."""
    from rich.console import Console

    from nasmeta.tables.audit import run_audit, write_report

    found = run_audit(table or None, check or None)
    console = Console()
    console.print(_as_table(found, every))
    if report is not None:
        for path in write_report(found, report):
            console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    new = sum(len(row.new) for row in found.rows)
    known = sum(len(row.known) for row in found.rows)
    checked = len(found.rows) - found.count("not here")
    console.print(
        f"{checked} findings: {new} new violations, {known} known ones; {found.count('not here')} not checked: their "
        "columns are not here.",
        highlight=False,
        soft_wrap=True,
    )
    if not found.passed:
        raise typer.Exit(1)


def _as_table(found: Audit, every: bool) -> object:
    from rich.table import Table
    from rich.text import Text

    shown = Table(title="Audit", title_justify="left")
    for heading in ("check", "columns", "source", "cells", "violations", "known", "new", "verdict", "measured"):
        counts = heading in ("cells", "violations", "known", "new")
        shown.add_column(heading, justify="right" if counts else "left", overflow="fold")
    for name in dict.fromkeys(row.check for row in found.rows):
        rows = [row for row in found.rows if row.check == name]
        holding = [] if every else [row for row in rows if row.verdict == "holds"]
        if len(holding) > 1:
            _add(shown, Text("holds", "green"), name, f"{len(holding)} findings", "", holding, "")
        for row in rows if len(holding) < 2 else [row for row in rows if row.verdict != "holds"]:
            verdict = Text(row.verdict, _COLOURS.get(row.verdict, "dim"))
            _add(shown, verdict, name, row.finding.columns, row.finding.source, [row], row.finding.measured)
    return shown


def _add(shown: object, verdict: object, name: str, columns: str, source: str, rows: list[Row], measured: str) -> None:
    counts = [
        sum(row.finding.checked for row in rows),
        sum(row.finding.violations for row in rows),
        sum(len(row.known) for row in rows),
        sum(len(row.new) for row in rows),
    ]
    shown.add_row(name, columns, source, *(f"{n:,}" for n in counts), verdict, measured)  # type: ignore[attr-defined]
