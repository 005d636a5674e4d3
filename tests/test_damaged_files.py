"""Altered files: single flipped bits in every kind of file with a checksum, and a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.archives import ArchiveKind
from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError, FullDiskError
from nasmeta.experiments import read_specification, run_specification
from nasmeta.files import write_atomically
from nasmeta.meta import SavedMetaModel
from nasmeta.runs import Journal
from nasmeta.surrogates import Surrogate

FLIPS = 20
SPECIFICATION = """\
title = "Two searchers"
tasks = ["nb201/cifar10"]
repeats = 1
budget = {evaluations = 5}
searchers = ["random", "evolution"]
"""
KIND = ArchiveKind("made-up", 1, "archive", "Write it again.", largest=2**20, compressed=False)
READERS = {
    "results/results.parquet": lambda path: nm.report(path.parent, formats=()),
    "results/specification.json": lambda path: nm.report(path.parent, formats=()),
    "results/provenance.json": lambda path: nm.report(path.parent, formats=()),
    "results/runs/nb201_cifar10/random/0.jsonl": Journal.read,
    "training/result.json": lambda path: nm.training.read_result(path.parent),
    "training/network.safetensors": lambda path: nm.training.CellNetwork.load(path),
    "training/checkpoint.safetensors": lambda path: train(path.parent),
    "surrogate.npz": Surrogate.load,
    "model.npz": SavedMetaModel.load,
    "archive.npz": lambda path: KIND.decode(path.read_bytes(), path),
}


def train(folder: Path) -> None:
    from nasmeta.training import ImageDataset, Recipe

    nm.train(
        0,
        ImageDataset.load("digits").subset(8),
        Recipe.load("tiny", epochs=1),
        folder=folder,
        device="cpu",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of each kind."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("files")
    (folder / "two.toml").write_text(SPECIFICATION)
    run_specification(read_specification(folder / "two.toml"), folder / "results")
    train(folder / "training")
    of = Surrogate.load("nb201/cifar10")
    Surrogate(of.card, of.model, of.trained, of.noise, of.cost_coefficients).save(
        folder / "surrogate.npz"
    )
    nm.meta_train("source-order", leave_out="cifar10", n_labels=20, output=folder / "model.npz")
    (folder / "archive.npz").write_bytes(KIND.encode({"step": 1}, {"weights": np.arange(24.0)}))
    return folder


@pytest.mark.parametrize("name", READERS)
def test_a_flipped_bit_is_noticed(folder: Path, name: str) -> None:
    path, read = folder / name, READERS[name]
    whole = path.read_bytes()
    read(path)
    seal = whole.find(b"crc32:")  # -1 for journals: there it is a position of the last line
    bits = [
        *np.random.default_rng(0).integers(8 * len(whole), size=FLIPS).tolist(),
        8 * seal,
        8 * (seal + 7),
    ]
    try:
        for bit in bits:
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(DamagedFileError, match=path.name):
                read(path)
    finally:
        path.write_bytes(whole)


def test_numbers_in_an_array_without_checksum_are_noticed(tmp_path: Path) -> None:
    """The shape in an entry of a zip archive is altered so that fewer numbers are read."""
    content = bytearray(KIND.encode({}, {"weights": np.arange(25.0)}))
    del content[content.rindex(b"checksum") :]
    content[-2:] = b"\0\0"
    assert KIND.decode(bytes(content), tmp_path)[1]["weights"].shape == (25,)
    content[content.index(b"(25,)") + 2] ^= 1
    with pytest.raises(DamagedFileError):
        KIND.decode(bytes(content), tmp_path)


def test_files_without_a_checksum_are_read(folder: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(folder / "results" / "results.parquet")
    frame.assign(note="OSError: checksum of the image differs").to_parquet(
        tmp_path / "results.parquet"
    )
    found, due = (nm.report(of, formats=()).findings.results for of in (tmp_path, frame))
    assert found["nb201/cifar10"].equals(due["nb201/cifar10"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda frame: frame.assign(regret=0.0),
            "regrets on nb201/cifar10 are not those of its table",
        ),
        (
            lambda frame: frame.assign(regret=-frame["regret"]),
            "regrets on nb201/cifar10 are below 0",
        ),
        (
            lambda frame: frame.assign(incumbent_value=99.0),
            "best values on nb201/cifar10 are not those of its table",
        ),
        (
            lambda frame: frame[(frame["searcher"] == "random") | (frame["evaluation"] < 3)],
            "have 2 to 5 evaluations",
        ),
    ],
)
def test_a_report_refuses_results_of_another_program_that_are_impossible(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    frame = nm.compare(["random", "evolution"], "nb201/cifar10", repeats=2, evaluations=5)
    change(frame).to_parquet(tmp_path / "results.parquet")
    with pytest.raises(DamagedFileError, match=message):
        nm.report(tmp_path, formats=())


def test_a_report_of_results_of_another_program_is_marked(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="Needs the extra report.")
    frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=5, folder=tmp_path)
    marked = []
    for _ in range(2):
        page = nm.report(tmp_path, formats=()).files[0]
        marked.append("from an unverified file" in page.read_text(encoding="utf-8"))
        frame.to_parquet(tmp_path / "results.parquet")
    assert marked == [False, True]


def test_the_command_line_names_the_damaged_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "results.parquet").write_bytes(
        (folder / "results" / "results.parquet").read_bytes()[:-9]
    )
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 2
    assert "results.parquet" in done.output
    assert isinstance(done.exception, SystemExit)


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        FullDiskError, match=r"results\.parquet\. Free some space; the same command resumes"
    ):
        write_atomically(tmp_path / "results.parquet", b"some")
    assert not [*tmp_path.iterdir()]
