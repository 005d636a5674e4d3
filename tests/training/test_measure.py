"""Measuring many cells: journal, resume, file, and the file that is shipped."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError, SettingError, UnknownNameError
from nasmeta.files import shipped
from nasmeta.spaces import get_space, move_cells
from nasmeta.tables import load_table
from nasmeta.training import load_images, measured_proxies, read_proxies
from nasmeta.training.proxies import compute_proxies, measure_proxies

SPACE = get_space("nb201")
SHIPPED = shipped("proxies/nb201-digits.npz")
BATCH = load_images("digits", n=4, size=8)
SETTINGS: dict[str, Any] = {"proxies": ("synflow", "nwot"), "channels": 2}
CELLS = list(range(20))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return measure_proxies(tmp_path / "whole.npz", BATCH, **SETTINGS, cells=CELLS)


def test_the_file_holds_what_was_computed(whole: Path) -> None:
    file = read_proxies(whole)
    representatives = np.unique(SPACE.canonical(CELLS))
    assert file.cells.tolist() == representatives.tolist()
    expected = compute_proxies(representatives, BATCH, **SETTINGS)
    for name, values in expected.items():
        np.testing.assert_array_equal(file.values[name], values)
    assert file.facts["network"]["channels"] == 2
    assert file.facts["images"]["sha256"] == BATCH.sha256()
    everywhere = file.of_all_cells()["nwot"]
    measured = np.isin(SPACE.canonical(np.arange(SPACE.n_architectures)), file.cells)
    assert np.isfinite(everywhere[measured]).all()
    assert np.isnan(everywhere[~measured]).all()


@pytest.mark.parametrize("cut", [0, 5])
def test_resumed_is_uninterrupted(whole: Path, tmp_path: Path, cut: int) -> None:
    def stop(done: int, of: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    path = tmp_path / "part.npz"
    with pytest.raises(KeyboardInterrupt):
        measure_proxies(path, BATCH, **SETTINGS, cells=CELLS, progress=stop)
    journal = tmp_path / "part.npz.journal"
    content = journal.read_bytes()
    assert content.count(b"\n") == 1 + 7
    journal.write_bytes(content[: len(content) - cut])  # what a kill leaves of a line
    counts = []
    measure_proxies(
        path, BATCH, **SETTINGS, cells=CELLS, progress=lambda done, of: counts.append(done)
    )
    assert counts[0] == (7 if cut else 8)
    assert path.read_bytes() == whole.read_bytes()
    assert not journal.exists()


def test_bad_input(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        measure_proxies(whole, BATCH, **SETTINGS, cells=CELLS)
    with pytest.raises(UnknownNameError):
        compute_proxies([1], "no-folder")
    with pytest.raises(UnknownNameError):
        compute_proxies([1], BATCH, ["nwot", "snipp"])


def test_a_damaged_file_is_told(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    (tmp_path / "short.npz").write_bytes(content[: len(content) // 2])
    np.savez(tmp_path / "pickle.npz", facts=np.array({"a": 1}, dtype=object))
    np.savez(tmp_path / "future.npz", facts=np.array(json.dumps({"nasmeta_proxies": 2})))
    for name in ("short", "pickle", "future"):
        with pytest.raises(DamagedFileError):
            read_proxies(tmp_path / f"{name}.npz")
    other = read_proxies(
        measure_proxies(tmp_path / "tnb101.npz", BATCH, **SETTINGS, space="tnb101", cells=[5])
    )
    with pytest.raises(SettingError):
        other.of_all_cells("nb201")


def test_command(tmp_path: Path) -> None:
    output = tmp_path / "out" / "found.npz"
    asked = [
        "proxies",
        "compute",
        "--output",
        str(output),
        "--n-images",
        "4",
        "--size",
        "8",
        "--channels",
        "2",
    ]
    done = CliRunner().invoke(app, [*asked, "--cells", "6111,0", "--proxies", "grad_norm,nwot"])
    assert done.exit_code == 0, done.output
    assert set(read_proxies(output).values) == {"grad_norm", "nwot"}
    again = CliRunner().invoke(app, [*asked, "--cells", "6111,0"])
    assert again.exit_code == 2
    wrong = CliRunner().invoke(app, [*asked[:-2], "--cells", "6111,zero"])
    assert wrong.exit_code == 2


def test_without_torch_measured_proxies_are_there_and_networks_say_what_to_install() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import nasmeta.training as t\n"
        "from nasmeta.errors import NasmetaError\n"
        "assert len(t.measured_proxies()['nwot']) == 15625\n"
        "for name in ('CellNetwork', 'compute_proxies'):\n"
        "    try: getattr(t, name)\n"
        "    except NasmetaError as error: assert 'pip install torch' in str(error)\n"
        "    else: raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestShipped:
    def test_all_cells_have_all_proxies(self) -> None:
        found = measured_proxies()
        assert len(read_proxies(SHIPPED).cells) == 6_466
        assert SHIPPED.stat().st_size < 1_000_000
        for name, values in found.items():
            assert values.shape == (SPACE.n_architectures,)
            assert np.isfinite(values).all(), name

    def test_it_can_be_measured_again(self) -> None:
        file = read_proxies(SHIPPED)
        facts = file.facts
        batch = load_images("digits", facts["images"]["n"], facts["images"]["size"])
        network = facts["network"]
        at = [10, 5_000]
        again = compute_proxies(
            file.cells[at],
            batch,
            channels=network["channels"],
            cells_per_stage=network["cells_per_stage"],
            seed=facts["seed"],
        )
        for name in ("synflow", "grad_norm", "nwot"):  # another processor may sum in another order
            np.testing.assert_allclose(again[name], file.values[name][at], rtol=1e-2, err_msg=name)

    def test_they_tell_good_cells_from_bad_ones(self) -> None:
        table, found = load_table("nb201"), measured_proxies()
        accuracy = table.column(
            dataset="cifar10", metric="accuracy", split="valid", epochs=200, seed="mean"
        )
        for name, least in {"synflow": 0.7, "nwot": 0.7, "jacob_cov": 0.6}.items():
            assert spearmanr(found[name], accuracy).statistic > least, name

    def test_cells_of_the_other_space_have_those_of_their_twins(self) -> None:
        other = get_space("tnb101")
        twins = move_cells(np.arange(other.n_architectures), other, SPACE)[0]
        np.testing.assert_array_equal(
            measured_proxies("tnb101")["nwot"], measured_proxies()["nwot"][twins]
        )


@pytest.mark.slow
def test_workers_change_nothing(whole: Path, tmp_path: Path) -> None:
    path = measure_proxies(tmp_path / "two.npz", BATCH, **SETTINGS, cells=CELLS, workers=2)
    assert path.read_bytes() == whole.read_bytes()
