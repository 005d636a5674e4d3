"""Running the checks and judging what they find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nasmeta.registry import import_siblings
from nasmeta.tables.audit._check import CHECKS, Check, Finding
from nasmeta.tables.audit._holdings import Holdings
from nasmeta.tables.audit._known import KnownFacts, known_facts
from nasmeta.tables.sources import registered_sources, table_names


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

    Parameters
    ----------
    tables : iterable of str, optional
        All by default.
    checks : iterable of str, optional
        All by default.
    known : KnownFacts, optional
        The file's by default.

    Returns
    -------
    Audit

    Raises
    ------
    UnknownNameError
    SettingError
        Where the cache folder (``NASMETA_CACHE``) cannot be used.

    Examples
    --------
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
