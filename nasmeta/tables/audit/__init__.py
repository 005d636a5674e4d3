"""The audit: checks of known invariants of the benchmarks on all columns of the store.

The modules of this package register checks in ``CHECKS``; they are imported when an audit runs.
"""

from nasmeta.tables.audit._check import CHECKS as CHECKS, KnownFacts as KnownFacts, known_facts as known_facts
from nasmeta.tables.audit._run import Audit as Audit, Row as Row, run_audit as run_audit, write_audit as write_audit

__all__: list[str] = []  # `nasmeta data audit` runs it
