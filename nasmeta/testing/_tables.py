"""The contract of tables."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import ArchitectureError, ColumnError, MissingValueError
from nasmeta.tables import ColumnInfo, Table


def _address_of(info: ColumnInfo) -> dict[str, Any]:
    """Return the address of a column as keyword arguments."""
    return {part: getattr(info, part) for part in ("dataset", "metric", "split", "epochs", "seed", "release")}


class TableContract:
    """Tests of a table over any space: inherit it and override the fixture ``table``.

    Examples
    --------
    >>> import pytest
    >>> from nasmeta.tables import load_table
    >>> from nasmeta.testing import TableContract
    >>> class TestMine(TableContract):
    ...     @pytest.fixture
    ...     def table(self):
    ...         return load_table("nb201")
    """

    @pytest.fixture
    def table(self) -> Table:
        raise NotImplementedError("Override the fixture `table`: return the table under test.")

    def test_columns_have_different_addresses(self, table: Table) -> None:
        addresses = [(info.address, info.release) for info in table.columns]
        assert addresses
        assert len(set(addresses)) == len(addresses)

    def test_columns_say_what_they_are(self, table: Table) -> None:
        for info in table.columns:
            assert info.dataset == info.dataset.lower()
            assert info.direction in ("max", "min")
            assert info.unit
            assert info.release
            assert info.source
            assert info.licence
            assert info.seed == "mean" or info.seed is None or type(info.seed) is int

    def test_every_column_is_found_by_its_address(self, table: Table) -> None:
        for info in table.columns:
            assert table.info(**_address_of(info)) == info
            column = table.column(**_address_of(info))
            assert column.shape == (table.space.size,)
            assert column.dtype == np.float32
            assert not np.isinf(column).any()
            assert not np.isnan(column).all()

    def test_columns_are_read_only_and_not_copied(self, table: Table) -> None:
        address = _address_of(table.columns[0])
        column = table.column(**address)
        assert not column.flags.writeable
        assert np.shares_memory(column, table.column(**address))

    def test_means_are_over_the_measured_seeds(self, table: Table) -> None:
        for info in table.columns:
            seeds = [
                table.column(**_address_of(other))
                for other in table.columns
                if isinstance(other.seed, int) and {**_address_of(other), "seed": "mean"} == _address_of(info)
            ]
            if info.seed == "mean" and seeds:
                named = ~np.isnan(seeds).all(axis=0)  # for other cells only the mean is known
                means = np.nanmean(np.array(seeds, dtype=np.float64)[:, named], axis=0)
                np.testing.assert_allclose(table.column(**_address_of(info))[named], means, rtol=1e-6)

    def test_query_gives_what_the_column_holds(self, table: Table) -> None:
        rng = np.random.default_rng(0)
        for info in table.columns:
            column = table.column(**_address_of(info))
            cells = rng.choice(np.flatnonzero(~np.isnan(column)), size=20)
            values = table.query(cells, **_address_of(info))
            assert values.dtype == np.float64
            np.testing.assert_array_equal(values, column[cells].astype(np.float64))
            np.testing.assert_array_equal(table.query(table.space.to_string(cells), **_address_of(info)), values)
            np.testing.assert_array_equal(table.query(cells.tolist(), **_address_of(info)), values)
            look_up = table.lookup(**_address_of(info))
            for cell, value in zip(cells, values, strict=True):
                one = table.query(cell, **_address_of(info))
                assert type(one) is float
                assert one == value == look_up(cell) == look_up(int(cell)) == look_up(table.space.to_string(cell))

    def test_nothing_is_imputed(self, table: Table) -> None:
        for info in table.columns:
            missing = np.flatnonzero(np.isnan(table.column(**_address_of(info))))
            if not missing.size:
                continue
            for cells in (missing[0], missing[:5], np.arange(table.space.size)):
                with pytest.raises(MissingValueError):
                    table.query(cells, **_address_of(info))
            with pytest.raises(MissingValueError):
                table.lookup(**_address_of(info))(int(missing[-1]))

    def test_a_generator_draws_measured_seeds(self, table: Table) -> None:
        for dataset, metric in sorted({(i.dataset, i.metric) for i in table.columns if isinstance(i.seed, int)}):
            info = next(i for i in table.columns if (i.dataset, i.metric) == (dataset, metric))
            address = _address_of(info)
            addresses = [_address_of(i) for i in table.columns if isinstance(i.seed, int)]
            held = np.stack([table.column(**a) for a in addresses if {**a, "seed": address["seed"]} == address])
            cells = np.flatnonzero(~np.isnan(held).all(axis=0))
            drawn = table.query(cells, **{**address, "seed": np.random.default_rng(1)})
            again = table.query(cells, **{**address, "seed": np.random.default_rng(1)})
            np.testing.assert_array_equal(drawn, again)
            assert (drawn == held[:, cells]).any(axis=0).all()
            look_up = table.lookup(**{**address, "seed": np.random.default_rng(1)})
            cell = int(cells[np.nanargmax(np.nanstd(held[:, cells], axis=0))])
            measured = set(held[:, cell][~np.isnan(held[:, cell])].tolist())
            assert {look_up(cell) for _ in range(60)} == measured
            assert len(table.available_seeds(cell, dataset, metric, info.split, info.epochs)) >= len(measured)

    def test_unknown_addresses_raise(self, table: Table) -> None:
        address = _address_of(table.columns[0])
        for part, value in [("dataset", "no-such-data"), ("metric", "beauty"), ("split", "nosuch"), ("epochs", 7),
                            ("seed", 31), ("release", "v0")]:  # fmt: skip
            with pytest.raises(ColumnError):
                table.query(0, **{**address, part: value})

    def test_other_objects_are_no_architectures(self, table: Table) -> None:
        address = _address_of(table.columns[0])
        others: list[Any] = [-1, table.space.size, 1.0, True, "no architecture"]
        for wrong in others:
            with pytest.raises(ArchitectureError):
                table.query(wrong, **address)
            with pytest.raises(ArchitectureError):
                table.lookup(**address)(wrong)

    def test_no_cells_have_no_values(self, table: Table) -> None:
        assert table.query([], **_address_of(table.columns[0])).shape == (0,)

    def test_a_pickled_table_opens_again(self, table: Table) -> None:
        again = pickle.loads(pickle.dumps(table))
        assert again.columns == table.columns
        address = _address_of(table.columns[0])
        np.testing.assert_array_equal(again.column(**address), table.column(**address))
        assert len(pickle.dumps(table)) < 1000
