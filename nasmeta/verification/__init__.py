"""Verification: train the best cells of searches and random cells, and compare them with the table."""

from nasmeta.verification._chosen import choose, read_searches
from nasmeta.verification._figures import plot_training_curves
from nasmeta.verification._look_up import LookUp, look_up
from nasmeta.verification._page import write_verification_page
from nasmeta.verification._verify import Verification, verify

__all__ = [
    "LookUp",
    "Verification",
    "choose",
    "look_up",
    "plot_training_curves",
    "read_searches",
    "verify",
    "write_verification_page",
]
