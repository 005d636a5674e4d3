"""What is known not to hold, with its cells and reasons: data in ``benchmarks_data/known_violations.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from nasmeta.files import shipped
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.audit._check import Finding
from nasmeta.tables.sources._base import fits


@dataclass(frozen=True)
class Known:
    """A known violation, or a known lack of values."""

    columns: str  # pattern of addresses: a part is * or several values with commas between
    reason: str
    check: str = "*"  # * is any, here and below
    release: str = "*"
    source: str = "*"
    cells: frozenset[int] = frozenset()  # empty for a statement about a column as a whole
    missing: int = 0  # how many cells have no value; only for a lack of values

    def is_about(self, check: str, address: str, release: str, source: str) -> bool:
        """Whether it is about this check and column."""
        said = ((check, self.check), (release, self.release), (source, self.source))
        parts = address.split("/")  # one where it is about all columns
        return all(fnmatchcase(value, pattern) for value, pattern in said) and fits(
            self.columns, [*parts, *[None] * (5 - len(parts))]
        )


@dataclass(frozen=True)
class KnownFacts:
    """All that the file says."""

    violations: list[Known] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)

    def of(self, check: str, finding: Finding) -> list[Known]:
        """Return the known violations that are about a finding."""
        address = (check, finding.columns, finding.release, finding.source)
        return [one for one in self.violations if one.is_about(*address)]

    def missing_of(self, info: ColumnInfo) -> int:
        """Return how many cells of a column are known to have no value."""
        address = ("*", info.address, info.release, info.source)
        return max((one.missing for one in self.missing if one.is_about(*address)), default=0)


@cache
def known_facts() -> KnownFacts:
    """Return what is known not to hold."""
    said: dict[str, list[dict[str, Any]]] = tomllib.loads(shipped("known_violations.toml").read_text(encoding="utf-8"))
    return KnownFacts(
        [Known(**one | {"cells": frozenset(one.get("cells", ()))}) for one in said["violation"]],
        [Known(**one) for one in said["missing"]],
    )
