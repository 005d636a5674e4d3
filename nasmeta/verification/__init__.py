"""Verification: the picks of finished searches trained for real, beside random cells, and what the table says."""

from nasmeta.verification._chosen import ChosenCell, choose, read_searches
from nasmeta.verification._latency import latency
from nasmeta.verification._look_up import LookUp, look_up
from nasmeta.verification._verify import Verification, verify

__all__ = ["ChosenCell", "LookUp", "Verification", "choose", "latency", "look_up", "read_searches", "verify"]
