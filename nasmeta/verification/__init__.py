"""Verification: train the best cells of searches and random cells, and compare them with the table."""

from nasmeta.verification._chosen import (
    ChosenArchitecture as ChosenArchitecture,
    choose as choose,
    read_searches as read_searches,
)
from nasmeta.verification._frames import chance_interval as chance_interval, separation_of as separation_of
from nasmeta.verification._look_up import LookUp as LookUp, look_up as look_up
from nasmeta.verification._page import plot_training_curves, write_verification_page as write_verification_page
from nasmeta.verification._verify import Verification as Verification, verify

__all__ = ["plot_training_curves", "verify"]
