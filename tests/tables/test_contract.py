"""Every table, of the package and from a frame: its columns and what queries return."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nasmeta.errors import ArchitectureError, ColumnError, MissingValueError
from nasmeta.spaces import SearchSpace
from nasmeta.tables import ColumnInfo, table_names
from nasmeta.tasks import Table, get_task, load_table

SPACE = SearchSpace("toy", {"width": [16, 32, 64], "depth": [1, 2, 3], "act": ["relu", "tanh"]})


def from_a_frame() -> Table:
    rng = np.random.default_rng(0)
    rows = pd.MultiIndex.from_product(
        [["Pets", "x-rays"], ["valid", "test"], [1, 2], range(SPACE.size)],
        names=["dataset", "split", "seed", "architecture"],
    ).to_frame(index=False)
    rows["acc"] = rng.random(len(rows))
    return Table.from_frame(rows[rng.random(len(rows)) < 0.9], SPACE, epochs=12)


@pytest.fixture(params=["nb201", "nb201 with all sources", "tnb101", "frame"])
def table(request: pytest.FixtureRequest) -> Table:
    if request.param == "frame":
        request.getfixturevalue("own_cache")
        return from_a_frame()
    if request.param == "nb201":
        return load_table("nb201")
    full = request.getfixturevalue("full_table")
    return load_table("tnb101") if request.param == "tnb101" else full


def address_of(info: ColumnInfo, **changes: Any) -> dict:
    """Return the address of a column, or of one that differs in some parts."""
    parts = ("dataset", "metric", "split", "epochs", "seed", "release")
    return {part: getattr(info, part) for part in parts} | changes


def test_each_column_has_an_address_facts_and_read_only_values(table: Table) -> None:
    assert len({(info.address, info.release) for info in table.columns}) == len(table.columns) > 0
    for info in table.columns:
        assert info.direction in ("max", "min")
        assert all((info.unit, info.release, info.source, info.licence))
        assert table.info(**address_of(info)) == info
        column = table.column(**address_of(info))
        assert (column.shape, column.dtype) == ((table.space.size,), np.float32)
        assert not np.isinf(column).any()
        assert not np.isnan(column).all()
        assert not column.flags.writeable
        assert np.shares_memory(column, table.column(**address_of(info)))


def test_means_are_over_the_measured_seeds(table: Table) -> None:
    for info in table.columns:
        others = [one for one in table.columns if isinstance(one.seed, int)]
        alike = [one for one in others if address_of(one, seed="mean") == address_of(info)]
        if not alike:
            continue
        seeds = np.array([table.column(**address_of(one)) for one in alike], dtype=np.float64)
        measured = ~np.isnan(seeds).all(axis=0)  # only the mean is known for other architectures
        means = np.nanmean(seeds[:, measured], axis=0)
        np.testing.assert_allclose(table.column(**address_of(info))[measured], means, rtol=1e-6)


def test_queries_return_the_values_of_the_column(table: Table) -> None:
    rng = np.random.default_rng(0)
    for info in table.columns:
        address, column = address_of(info), table.column(**address_of(info))
        architectures = rng.choice(np.flatnonzero(~np.isnan(column)), size=20)
        for form in (architectures, architectures.tolist(), table.space.to_string(architectures)):
            np.testing.assert_array_equal(
                table.query(form, **address), column[architectures].astype(np.float64)
            )
        look_up = table.lookup(**address)
        assert [look_up(architecture) for architecture in architectures[:3].tolist()] == column[
            architectures[:3]
        ].tolist()
        assert look_up(table.space.to_string(int(architectures[0]))) == table.query(
            int(architectures[0]), **address
        )


def test_missing_values_raise(table: Table) -> None:
    for info in table.columns:
        missing = np.flatnonzero(np.isnan(table.column(**address_of(info))))
        for architectures in (missing[:1], missing[:5]) if missing.size else ():
            with pytest.raises(MissingValueError):
                table.query(architectures, **address_of(info))
            with pytest.raises(MissingValueError):
                table.lookup(**address_of(info))(int(architectures[-1]))


def test_a_generator_draws_measured_seeds(table: Table) -> None:
    of_seeds = [info for info in table.columns if isinstance(info.seed, int)]
    for info in {(one.dataset, one.metric): one for one in of_seeds}.values():
        alike = [one for one in of_seeds if address_of(one, seed=info.seed) == address_of(info)]
        values = np.stack([table.column(**address_of(one)) for one in alike])
        architectures = np.flatnonzero(~np.isnan(values).all(axis=0))
        drawn, again = (
            table.query(architectures, **address_of(info, seed=np.random.default_rng(1)))
            for _ in range(2)
        )
        np.testing.assert_array_equal(drawn, again)
        assert (drawn == values[:, architectures]).any(axis=0).all()
        architecture = int(architectures[np.nanargmax(np.nanstd(values[:, architectures], axis=0))])
        look_up = table.lookup(**address_of(info, seed=np.random.default_rng(1)))
        measured = values[:, architecture]
        assert {look_up(architecture) for _ in range(60)} == set(
            measured[~np.isnan(measured)].tolist()
        )


def test_unknown_addresses_and_architectures_raise(table: Table) -> None:
    info = table.columns[0]
    for change in (
        {"dataset": "no-such-data"},
        {"metric": "beauty"},
        {"split": "nosuch"},
        {"epochs": 7},
        {"seed": 31},
    ):
        with pytest.raises(ColumnError):
            table.query(0, **address_of(info, **change))
    for wrong in (-1, table.space.size, 1.0, True, "no architecture"):
        for look_up in (
            table.query,
            lambda architecture, **address: table.lookup(**address)(architecture),
        ):
            with pytest.raises(ArchitectureError):
                look_up(wrong, **address_of(info))
    assert table.query([], **address_of(info)).shape == (0,)


def test_a_pickled_table_opens_again(table: Table) -> None:
    again = pickle.loads(pickle.dumps(table))
    assert again.columns == table.columns
    address = address_of(table.columns[0])
    np.testing.assert_array_equal(again.column(**address), table.column(**address))


def test_a_name_determines_its_column(full_table: Table) -> None:
    for name in table_names():
        opened = load_table(name)
        tasks = [opened.task(**address_of(info)) for info in opened.columns]
        for task in [*tasks, *opened.tasks()]:
            assert get_task(task.name).signal == task.signal
