"""Published results: one small file per comparison, and its audit by anyone with the tables."""

from nasmeta.publishing._audit import (
    FRESH_RUNS as FRESH_RUNS,
    Audit,
    RecomputedPair as RecomputedPair,
    audit,
    compare_ranks as compare_ranks,
)
from nasmeta.publishing._card import card
from nasmeta.publishing._publish import label_of as label_of, publish

__all__ = ["Audit", "audit", "card", "publish"]
