"""The result of an audit, and how a reason changes its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Audit:
    """The result of an audit.

    Examples
    --------
    >>> from nasmeta.publishing import Audit
    >>> Audit("mine.json.gz", level=1).verdict
    'verified'
    """

    file: str
    level: int
    verdict: str = "verified"  # or "not reproduced", or "cannot be checked"
    reasons: list[str] = field(default_factory=list)
    author: str = ""
    # tasks on which settings were tuned, as the author declares
    tuned_on: list[str] = field(default_factory=list)
    sha256: str = ""  # of the file, or of the content of a folder
    # labels, with searcher and settings if they differ
    searchers: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    runs: int = 0  # in the file
    seed: int = 0  # of the selection of runs
    repeated: int = 0  # runs of level 1
    fresh: int = 0  # runs of level 2
    chances: list[str] = field(default_factory=list)  # to find forged runs and selected seeds

    @property
    def status(self) -> int:
        """The exit status of the command: 0 if verified, else 1."""
        return int(self.verdict != "verified")


def reject(audit: Audit, reason: str) -> None:
    """Record a contradiction between the file and the tables or repeated runs."""
    audit.reasons.append(reason.rstrip("."))
    audit.verdict = "not reproduced"


def skip(audit: Audit, reason: str) -> None:
    """Record a part that cannot be checked here; a contradiction takes precedence."""
    audit.reasons.append(reason.rstrip("."))
    if audit.verdict != "not reproduced":
        audit.verdict = "cannot be checked"
