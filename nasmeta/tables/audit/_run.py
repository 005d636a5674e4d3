"""Runs the checks, compares their findings with the known violations, and writes a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.files import writing
from nasmeta.registry import import_siblings
from nasmeta.tables.audit._check import CHECKS, Finding, Holdings, KnownFacts, known_facts
from nasmeta.tables.sources import table_names

if TYPE_CHECKING:
    import pandas as pd

_ADDRESS = ["table", "check", "columns", "release", "source"]
_SHOWN = 12  # findings that hold, per check, in the Markdown file


def write_audit(audit: Audit, folder: Path) -> tuple[Path, ...]:
    """Write ``README.md``, ``checks.csv``, ``violations.csv`` and ``groups.csv`` into a folder.

    The same store gives the same bytes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_audit(run_audit(["nb201"], ["parameters"]), Path(folder))]
    ['README.md', 'checks.csv', 'violations.csv', 'groups.csv']
    """
    import pandas as pd

    violations = []
    for row in audit.rows:
        for documented, cells, reason in (("yes", row.known, " ".join(row.reasons)), ("no", row.new, "")):
            if cells:
                listed = " ".join("column" if cell < 0 else str(cell) for cell in cells)
                violations.append((*row.address, documented, listed, reason))
    groups = [
        (*row.address, "; ".join(" ".join(map(str, group)) for group in row.finding.groups))
        for row in audit.rows
        if row.finding.groups
    ]
    frames = {
        "checks.csv": audit.frame(),
        "violations.csv": pd.DataFrame(violations, columns=[*_ADDRESS, "documented", "cells", "reason"]),
        "groups.csv": pd.DataFrame(groups, columns=[*_ADDRESS, "groups"]),
    }
    with writing(f"The report cannot be written to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(_markdown(audit), encoding="utf-8")
        for name, frame in frames.items():
            frame.to_csv(folder / name, index=False, lineterminator="\n")
    return tuple(folder / name for name in ("README.md", *frames))


def _markdown(audit: Audit) -> str:
    lines = [
        "# Audit of the tables",
        "",
        f"{len(audit.rows)} findings: {audit.count('holds')} hold, {audit.count('known')} with known violations only, "
        f"{audit.count('VIOLATED')} violated.",
        "",
        "`nasmeta data audit --report FOLDER` checks every known invariant of the benchmarks on the tables in the "
        "store, and on each source. An audit shows that numbers agree with each other, not that they are right. "
        "`violations.csv` lists the documented violations with their cells; others make the command fail. "
        "`groups.csv` lists groups of cells with equal results.",
        "",
        "## Sources",
        "",
    ]
    for table, sources in audit.sources.items():
        lines += [f"* `{table}`: " + (", ".join(f"{name} ({release})" for name, release in sources) or "none here")]
    for name in dict.fromkeys(row.check for row in audit.rows):
        rows = [row for row in audit.rows if row.check == name]
        holding = [row for row in rows if row.verdict == "holds"]
        lines += ["", f"## {name}", "", CHECKS[name].invariant, ""]
        lines += [f"<details><summary>{len(holding)} of {len(rows)} findings hold</summary>", ""]
        lines += ["| columns | release, source | cells | violations | known | new | verdict | measured |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for row in rows:
            if row in holding[_SHOWN:]:
                continue
            found = row.finding
            of = ", ".join(part for part in (found.release, found.source) if part)
            counts = f"{found.checked:,} | {found.violations} | {len(row.known)} | {len(row.new)}"
            columns = found.columns.replace("|", "\\|")
            lines.append(f"| {columns} | {of} | {counts} | {row.verdict} | {found.measured} |")
        if len(holding) > _SHOWN:
            lines += ["", f"{len(holding) - _SHOWN} more hold; all are in `checks.csv`."]
        lines += ["", "</details>"]
        reasons = dict.fromkeys(reason for row in rows for reason in row.reasons)
        lines += ["", *(f"* Known: {reason}" for reason in reasons)] if reasons else []
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Row:
    """A finding, compared with the known violations."""

    table: str
    check: str
    finding: Finding
    known: tuple[int, ...] = ()  # documented cells that violate the check; (-1,) for a whole column
    new: tuple[int, ...] = ()  # other cells that violate the check
    gone: int = 0  # number of documented cells that do not violate the check, of a column with most cells
    reasons: tuple[str, ...] = ()  # of the known violations

    @property
    def address(self) -> tuple[str, ...]:
        """Table, check, columns, release and source."""
        return self.table, self.check, self.finding.columns, self.finding.release, self.finding.source

    @property
    def verdict(self) -> str:
        """``holds``, ``known`` or ``VIOLATED``."""
        return "VIOLATED" if self.new else "known" if self.known else "holds"


@dataclass(frozen=True)
class Audit:
    """The result of an audit."""

    rows: tuple[Row, ...]
    sources: dict[str, tuple[tuple[str, str], ...]]  # (name, release) of those on this machine, by table

    @property
    def passed(self) -> bool:
        """Whether every violation is known."""
        return not any(row.new for row in self.rows)

    def frame(self) -> pd.DataFrame:
        """Return one row per finding."""
        import pandas as pd

        counts = ["cells checked", "violations", "known", "new", "documented, not seen"]
        rows = [
            (*row.address, row.finding.checked, row.finding.violations, len(row.known), len(row.new), row.gone,
             row.verdict, row.finding.measured)
            for row in self.rows
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=[*_ADDRESS, *counts, "verdict", "measured"])

    def count(self, verdict: str) -> int:
        """Return the number of rows with a verdict."""
        return sum(row.verdict == verdict for row in self.rows)


def run_audit(
    tables: Iterable[str] | None = None, checks: Iterable[str] | None = None, known: KnownFacts | None = None
) -> Audit:
    """Check the known invariants on all columns in the store, of all or some tables.

    >>> audit = run_audit(["nb201"], ["parameters"])
    >>> audit.passed, audit.rows[0].verdict, len(audit.rows[0].known)
    (True, 'known', 150)
    """
    import_siblings(__name__)
    facts = known if known is not None else known_facts()
    chosen = [CHECKS[name] for name in (CHECKS if checks is None else checks)]
    rows: list[Row] = []
    sources: dict[str, tuple[tuple[str, str], ...]] = {}
    for table in table_names() if tables is None else tables:
        held = Holdings(table)
        sources[table] = tuple((source.name, source.release) for source in held.sources)
        rows += [
            _judged(table, one.name, finding, facts, held.space.size)
            for one in chosen
            if table in one.tables
            for finding in one.run(held)
        ]
    return Audit(tuple(rows), sources)


def _judged(table: str, check: str, finding: Finding, facts: KnownFacts, n_cells: int) -> Row:
    address = (check, finding.columns, finding.release, finding.source)
    about = [one for one in facts.violations if one.fits(*address)]
    documented = {cell for one in about for cell in one.cells or ([] if finding.cells else [-1])}
    cells = finding.cells or (() if finding.holds else (-1,))
    known = tuple(cell for cell in cells if cell in documented)
    new = tuple(cell for cell in cells if cell not in documented)
    most = finding.checked > n_cells // 2  # an import of few cells lacks documented violations
    gone = len(documented - {-1} - {*known}) if most else 0
    reasons = tuple(dict.fromkeys(one.reason for one in about)) if finding.violations else ()
    return Row(table, check, finding, known, new, gone, reasons)
