"""Verification: the picks of finished searches trained for real, beside random cells, and what the table says."""

from nasmeta.verification._chosen import ChosenCell as ChosenCell, choose as choose, read_searches as read_searches
from nasmeta.verification._look_up import LookUp as LookUp, look_up as look_up
from nasmeta.verification._verify import Verification as Verification, latency as latency, verify

__all__ = ["verify"]
