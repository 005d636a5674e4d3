"""``nasmeta data audit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from nasmeta.cli._cli_utils import cli_command, console

if TYPE_CHECKING:
    from rich.table import Table

    from nasmeta.tables.audit import Audit, Row

_COLOURS = {"holds": "green", "known": "yellow", "VIOLATED": "bold red"}


@cli_command
def audit(
    table: Annotated[Optional[list[str]], typer.Option(help="Name of a table. Repeatable; all by default.")] = None,  # noqa: UP045
    check: Annotated[Optional[list[str]], typer.Option(help="Name of a check. Repeatable; all by default.")] = None,  # noqa: UP045
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FOLDER", help="Write Markdown and CSV files, with the affected cells, to this folder."),
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Also show the checks that passed, column by column.")] = False,
) -> None:
    """Check the tables against known invariants of the benchmarks; exit code 1 if there is a new violation."""
    from nasmeta.tables.audit import run_audit, write_audit

    found = run_audit(table or None, check or None)
    terminal = console()
    terminal.print(_as_table(found, every))
    for row in (row for row in found.rows if row.new):
        terminal.print(_in_words(row), soft_wrap=True)
    if report is not None:
        for path in write_audit(found, report):
            terminal.print(f"wrote {path}", soft_wrap=True)
    new, known = (sum(map(len, many)) for many in zip(*((row.new, row.known) for row in found.rows), strict=True))
    absent = found.count("not here")
    terminal.print(
        f"{len(found.rows) - absent} findings; new violations: {new:,}, known and documented: {known:,}; "
        f"not checked, as the columns are not here: {absent}",
        soft_wrap=True,
    )
    if not found.passed:
        raise typer.Exit(1)


def _in_words(row: Row, most: int = 10) -> str:
    """Return a new violation in a line, with its first cells."""
    found = row.finding
    cells = [str(cell) for cell in row.new if cell >= 0]
    named = f"; cells {', '.join(cells[:most])}{' …' if len(cells) > most else ''}" if cells else ""
    return f"VIOLATED {row.check}: {found.columns} ({found.release}, {found.source}): {found.measured}{named}"


def _as_table(found: Audit, every: bool) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown = Table(title="Audit", title_justify="left")
    for heading in ("check", "columns", "cells checked", "violations", "known", "new", "verdict"):
        counts = heading not in ("check", "columns", "verdict")
        shown.add_column(heading, justify="right" if counts else "left", overflow="fold")

    def add(check: str, columns: str, rows: list[Row], verdict: str) -> None:
        counts = (
            sum(row.finding.checked for row in rows),
            sum(row.finding.violations for row in rows),
            sum(len(row.known) for row in rows),
            sum(len(row.new) for row in rows),
        )
        colour = _COLOURS.get(verdict, "dim")
        shown.add_row(check, columns, *(f"{count:,}" for count in counts), Text(verdict, colour))

    for name in dict.fromkeys(row.check for row in found.rows):
        rows = [row for row in found.rows if row.check == name]
        holding = [row for row in rows if row.verdict == "holds" and not every]
        if holding:
            add(name, f"{len(holding)} columns", holding, "holds")
        for row in rows:
            if row not in holding:
                add(name, " ".join(filter(None, (row.finding.columns, row.finding.source))), [row], row.verdict)
    return shown
