"""What an audit found, as Markdown for people and CSV for programs."""

from __future__ import annotations

import csv
from pathlib import Path

from nasmeta.errors import SettingError
from nasmeta.tables.audit._check import CHECKS
from nasmeta.tables.audit._run import Audit, Row

_ADDRESS = ("table", "check", "columns", "release", "source")
_HEADINGS = (*_ADDRESS, "cells checked", "violations", "known", "new", "documented, not seen", "verdict", "measured")


def write_audit(audit: Audit, folder: Path) -> tuple[Path, ...]:
    """Write ``README.md``, ``checks.csv``, ``violations.csv`` and ``groups.csv`` into a folder.

    The same store gives the same bytes, so that a difference between two reports is one in the data.

    Parameters
    ----------
    audit : Audit
    folder : Path
        Made where it is not there.

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    SettingError
        Where the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from nasmeta.tables.audit import run_audit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_audit(run_audit(["nb201"], ["parameters"]), Path(folder))]
    ['README.md', 'checks.csv', 'violations.csv', 'groups.csv']
    """
    paths = tuple(folder / name for name in ("README.md", "checks.csv", "violations.csv", "groups.csv"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(_markdown(audit), encoding="utf-8")
        _write_csv(paths[1], _HEADINGS, [_cells_of(row) for row in audit.rows])
        _write_csv(
            paths[2],
            (*_ADDRESS, "documented", "cells", "reason"),
            [line for row in audit.rows for line in _violations_of(row)],
        )
        _write_csv(
            paths[3],
            (*_ADDRESS, "groups"),
            [_groups_of(row) for row in audit.rows if row.finding.groups],
        )
    except OSError as reason:
        raise SettingError(f"The report cannot be written to {folder}: {reason}.") from reason
    return paths


def _address_of(row: Row) -> tuple[str, ...]:
    return row.table, row.check, row.finding.columns, row.finding.release, row.finding.source


def _cells_of(row: Row) -> tuple[object, ...]:
    found = row.finding
    known, new = len(row.known), len(row.new)
    return *_address_of(row), found.checked, found.violations, known, new, row.gone, row.verdict, found.measured


def _violations_of(row: Row) -> list[tuple[object, ...]]:
    """Return one line for the documented cells and one for the others; cells are separated by spaces."""
    return [
        (*_address_of(row), documented, " ".join("column" if cell < 0 else str(cell) for cell in cells), reason)
        for documented, cells, reason in (("yes", row.known, " ".join(row.reasons)), ("no", row.new, ""))
        if cells
    ]


def _groups_of(row: Row) -> tuple[object, ...]:
    """Return a line in which groups are separated by semicolons and their cells by spaces."""
    return *_address_of(row), "; ".join(" ".join(map(str, group)) for group in row.finding.groups)


def _write_csv(path: Path, headings: tuple[str, ...], lines: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(lines)


def _markdown(audit: Audit) -> str:
    lines = [
        "# Audit of the tables",
        "",
        f"{len(audit.rows)} findings: {audit.count('holds')} hold, {audit.count('known')} with known violations only, "
        f"{audit.count('VIOLATED')} violated, {audit.count('not here')} not checked as the columns are not here.",
        "",
        "`nasmeta data audit --report FOLDER` checks every known invariant of the benchmarks on the tables in the "
        "store, and on each source by itself. An audit shows that numbers agree with each other, not that they are "
        "right. `violations.csv` lists the documented violations with their cells; any other makes the command fail. "
        "`groups.csv` lists the groups of cells whose results are equal to the digit.",
        "",
        "## Sources",
        "",
    ]
    for table, sources in audit.sources.items():
        lines += [f"* `{table}`: " + (", ".join(f"{name} ({release})" for name, release in sources) or "none here")]
    for name in dict.fromkeys(row.check for row in audit.rows):
        rows = [row for row in audit.rows if row.check == name]
        hold = sum(row.verdict == "holds" for row in rows)
        lines += ["", f"## {name}", "", CHECKS[name].invariant, ""]
        lines += [f"<details><summary>{hold} of {len(rows)} findings hold</summary>", ""]
        lines += ["| columns | release, source | cells | violations | known | new | verdict | measured |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for row in _shortened(rows):
            found = row.finding
            of = ", ".join(part for part in (found.release, found.source) if part)
            counts = f"{found.checked:,} | {found.violations} | {len(row.known)} | {len(row.new)}"
            columns = found.columns.replace("|", "\\|")
            lines.append(f"| {columns} | {of} | {counts} | {row.verdict} | {found.measured} |")
        hidden = len(rows) - len(_shortened(rows))
        if hidden:
            lines += ["", f"{hidden} more hold; all are in `checks.csv`."]
        lines += ["", "</details>"]
        reasons = dict.fromkeys(reason for row in rows for reason in row.reasons)
        lines += ["", *(f"* Known: {reason}" for reason in reasons)] if reasons else []
    return "\n".join(lines) + "\n"


def _shortened(rows: list[Row], most: int = 12) -> list[Row]:
    """Return all rows that do not hold, and at most so many that do."""
    holding = [row for row in rows if row.verdict == "holds"][:most]
    return [row for row in rows if row.verdict != "holds" or row in holding]
