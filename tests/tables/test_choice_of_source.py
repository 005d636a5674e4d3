"""Precedence of sources: complete columns before curves of a few cells; releases are never chosen silently."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nasmeta.errors import ColumnError, NoColumnError
from nasmeta.tables import Table

VALID = {"dataset": "cifar10", "split": "valid", "epochs": 200, "seed": "mean"}
ASKS = [
    lambda table, **address: table.query(1, **address),
    lambda table, **address: table.query(6111, **address),
    lambda table, **address: table.query(1, **address, epoch=200),
    lambda table, **address: table.column(**address),
    lambda table, **address: table.info(**address),
    lambda table, **address: table.lookup(**address),
]


@pytest.mark.parametrize("ask", ASKS)
def test_curves_do_not_choose_the_release(full_table: Table, ask: Callable) -> None:
    asked = ask(full_table, **VALID), ask(full_table, **VALID, release="NATS-tss v1.0")
    first, second = (found(6111) if callable(found) else found for found in asked)
    np.testing.assert_equal(first, second)
    ask(full_table, **VALID, release="NB201 v1.1")


def test_the_end_of_a_training_is_the_complete_column(full_table: Table) -> None:
    """The curves have 200 cells; asked for epoch 200 of 200, the embedded column of 15,625 answers."""
    address = {**VALID, "release": "NATS-tss v1.0"}
    whole = full_table.column(**address, epoch=200)
    assert not np.isnan(whole).any()
    np.testing.assert_array_equal(whole, full_table.column(**address))
    assert full_table.query(6111, **address, epoch=200) == pytest.approx(91.6067, abs=5e-5)


def test_what_is_not_there_at_all_has_an_error_of_its_own(table: Table) -> None:
    with pytest.raises(NoColumnError):
        table.column(**{**VALID, "split": "test"})
    with pytest.raises(ColumnError) as several:
        table.column("cifar10", "parameters")
    assert not isinstance(several.value, NoColumnError)
