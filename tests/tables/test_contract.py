"""The embedded table does what every table must do."""

import pytest

from nasmeta.tables import Table, load_table
from nasmeta.testing import TableContract


class TestNb201(TableContract):
    @pytest.fixture
    def table(self) -> Table:
        return load_table("nb201")
