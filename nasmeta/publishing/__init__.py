"""Published results: one small file per comparison, and its audit by anyone with the tables."""

from nasmeta.publishing._audit import audit
from nasmeta.publishing._card import card
from nasmeta.publishing._fresh_runs import (
    FRESH_RUNS as FRESH_RUNS,
    compare_ranks as compare_ranks,
)
from nasmeta.publishing._publish import label_of as label_of, publish
from nasmeta.publishing._recompute import RecomputedPair as RecomputedPair
from nasmeta.publishing._verdict import Audit

__all__ = ["Audit", "audit", "card", "publish"]
