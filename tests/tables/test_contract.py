"""The tables of the package do what every table must do."""

import pytest

from nasmeta.tables import Table, load_table
from nasmeta.testing import TableContract


class TestNb201(TableContract):
    @pytest.fixture
    def table(self) -> Table:
        return load_table("nb201")


class TestNb201WithAllSources(TableContract):
    @pytest.fixture
    def table(self, full_table: Table) -> Table:
        return full_table


class TestTnb101(TableContract):
    @pytest.fixture
    def table(self, full_table: Table) -> Table:
        return load_table("tnb101")
