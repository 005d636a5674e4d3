"""Verification: train the best cells of searches and random cells, and compare them with the table."""

from nasmeta.verification._figures import plot_training_curves
from nasmeta.verification._verify import Verification, verify

__all__ = ["Verification", "plot_training_curves", "verify"]
