"""Does the store hold what is known about the benchmarks? Every invariant that the facts give, checked on all columns.

The modules beside this one register their checks in ``CHECKS``; they are imported when an audit runs.
"""

from nasmeta.tables.audit._check import CHECKS, Check, Finding, check
from nasmeta.tables.audit._holdings import Held, Holdings
from nasmeta.tables.audit._known import Known, KnownFacts, known_facts
from nasmeta.tables.audit._run import Audit, Row, run_audit, write_audit

__all__ = [
    "CHECKS",
    "Audit",
    "Check",
    "Finding",
    "Held",
    "Holdings",
    "Known",
    "KnownFacts",
    "Row",
    "check",
    "known_facts",
    "run_audit",
    "write_audit",
]
