"""Published results: one small file per comparison, and its audit by anyone with the tables."""

from nasmeta.publishing._audit import Audit, audit
from nasmeta.publishing._card import card
from nasmeta.publishing._publish import publish

__all__ = ["Audit", "audit", "card", "publish"]
