"""Running the checks, judging what they find, and writing it down for people and programs."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nasmeta.files import writing
from nasmeta.registry import import_siblings
from nasmeta.tables.audit._check import CHECKS, Check, Finding, Holdings, KnownFacts, known_facts
from nasmeta.tables.sources import registered_sources, table_names

_ADDRESS = ("table", "check", "columns", "release", "source")
_HEADINGS = (*_ADDRESS, "cells checked", "violations", "known", "new", "documented, not seen", "verdict", "measured")


def write_audit(audit: Audit, folder: Path) -> tuple[Path, ...]:
    """Write ``README.md``, ``checks.csv``, ``violations.csv`` and ``groups.csv`` into a folder.

    The same store gives the same bytes, so that a difference between two reports is one in the data.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_audit(run_audit(["nb201"], ["parameters"]), Path(folder))]
    ['README.md', 'checks.csv', 'violations.csv', 'groups.csv']
    """
    paths = tuple(folder / name for name in ("README.md", "checks.csv", "violations.csv", "groups.csv"))
    with writing(f"The report cannot be written to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_text(_markdown(audit), encoding="utf-8")
        _write_csv(paths[1], _HEADINGS, [_cells_of(row) for row in audit.rows])
        _write_csv(
            paths[2],
            (*_ADDRESS, "documented", "cells", "reason"),
            [line for row in audit.rows for line in _violations_of(row)],
        )
        _write_csv(paths[3], (*_ADDRESS, "groups"), [_groups_of(row) for row in audit.rows if row.finding.groups])
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


@dataclass(frozen=True)
class Row:
    """One finding, judged."""

    table: str
    check: str
    finding: Finding
    known: tuple[int, ...] = ()  # violating cells that are documented; (-1,) where the column as a whole does
    new: tuple[int, ...] = ()  # those that are not
    gone: int = 0  # how many documented cells do not violate, of a column over most cells
    reasons: tuple[str, ...] = ()  # why the known ones are as they are

    @property
    def verdict(self) -> str:
        """``holds``, ``known``, ``VIOLATED`` or, with the commands that would help, ``not here``."""
        if self.finding.needs:
            return f"not here: {self._helps()}"
        return "VIOLATED" if self.new else "known" if self.known else "holds"

    def _helps(self) -> str:
        fetched = [name for name in self.finding.needs if name in registered_sources() or name == self.table]
        commands = [f"nasmeta data fetch {name}" for name in fetched]
        commands += ["nasmeta data import PATH"] if len(fetched) < len(self.finding.needs) else []
        return " or ".join(commands)


@dataclass(frozen=True)
class Audit:
    """What an audit found."""

    rows: tuple[Row, ...]
    sources: dict[str, tuple[tuple[str, str], ...]]  # (name, release) of those on this machine, by table

    @property
    def passed(self) -> bool:
        """Whether every violation is known and documented."""
        return not any(row.new for row in self.rows)

    def count(self, verdict: str) -> int:
        """Return how many rows have a verdict that begins so."""
        return sum(row.verdict.startswith(verdict) for row in self.rows)


def run_audit(
    tables: Iterable[str] | None = None, checks: Iterable[str] | None = None, known: KnownFacts | None = None
) -> Audit:
    """Check every invariant on what the store holds; whatever is built or can be built is checked.

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
        here = {name for name, _ in sources[table]}
        for one in chosen:
            if table in one.tables:
                findings = list(one.run(held)) or [_nothing_to_check(one, table, here)]
                rows += [_judged(table, one.name, finding, facts, held.space.size) for finding in findings]
    return Audit(tuple(rows), sources)


def _nothing_to_check(one: Check, table: str, here: set[str]) -> Finding:
    needs = [name for name in one.needs if name not in here]
    return Finding("all", needs=tuple(needs or one.needs or [table]))


def _judged(table: str, check: str, finding: Finding, facts: KnownFacts, n_cells: int) -> Row:
    about = facts.of(check, finding)
    documented = frozenset[int]().union(*(one.cells for one in about))
    most = finding.checked > n_cells // 2  # of a few imported cells nobody expects all that is documented
    reasons = tuple(dict.fromkeys(one.reason for one in about)) if finding.violations else ()
    if not finding.cells:
        whole = () if finding.holds else (-1,)
        excused = any(not one.cells for one in about)
        gone = len(documented) if most else 0
        return Row(table, check, finding, whole if excused else (), () if excused else whole, gone, reasons)
    known = tuple(cell for cell in finding.cells if cell in documented)
    new = tuple(cell for cell in finding.cells if cell not in documented)
    gone = len(documented) - len(known) if most else 0
    return Row(table, check, finding, known, new, gone, reasons)
