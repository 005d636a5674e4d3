"""Does the store hold what is known about the benchmarks? Every invariant that the facts give, checked on all columns.

The modules beside this one register their checks in ``CHECKS``; they are imported when an audit runs.
"""

from nasmeta.tables.audit._check import (
    CHECKS as CHECKS,
    Finding as Finding,
    Known as Known,
    KnownFacts as KnownFacts,
    known_facts as known_facts,
)
from nasmeta.tables.audit._run import Audit as Audit, Row as Row, run_audit as run_audit, write_audit as write_audit

__all__: list[str] = []  # `nasmeta data audit` runs it
