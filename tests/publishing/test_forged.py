"""Forged results of each kind are found at the stated level."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.errors import DamagedFileError
from nasmeta.experiments import read_published
from nasmeta.experiments._folder import write_results
from nasmeta.publishing import Audit
from nasmeta.publishing._audit import _Pair
from nasmeta.publishing._publish import summary_of
from nasmeta.runs import Journal, require_journal, results_frame

CASES = [pytest.param(case, marks=[pytest.mark.slow] if case > 1 else []) for case in range(20)]
BEST = {"nb201/cifar10": 6111, "nb201/cifar100": 9930}


def written(content: dict[str, Any], path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


def summarised(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content with the summary of its proposals, as a careful forger would."""
    pairs = [_Pair(entry, content["seeds"], Audit("", 0)) for entry in content["pairs"]]
    return content | {"summary": summary_of(results_frame([run for pair in pairs for run in pair.histories]))}


def one_of(content: dict[str, Any], rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    pair = content["pairs"][rng.integers(len(content["pairs"]))]
    return pair, pair["runs"][rng.integers(len(pair["runs"]))]


def not_proposed(content: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    pair, run = one_of(content, rng)
    best = BEST[pair["identity"]["task"]]
    if best not in run["architectures"]:
        run["architectures"][rng.integers(20, 60)] = best
    else:
        run["architectures"][:2] = run["architectures"][1::-1]
    return summarised(content)


def dropped(content: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    pair, run = one_of(content, rng)
    pair["runs"].remove(run)
    return content


def other_settings(content: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    for pair in content["pairs"]:
        if pair["label"] == "evolution":
            pair["identity"]["settings"]["population"] = int(rng.integers(5, 30))
    return content


def wrong_summary(content: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    pair, _ = one_of(content, rng)
    row = content["summary"][f"{pair['label']} on {pair['identity']['task']}"]
    numbers = [name for name, number in row.items() if isinstance(number, float)]
    row[numbers[rng.integers(len(numbers))]] += 0.01
    return content


def shortened(content: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    _, run = one_of(content, rng)
    del run["architectures"][rng.integers(1, 60) :]
    return content


@pytest.mark.parametrize(
    ("forge", "level"),
    [(not_proposed, 1), (dropped, 0), (other_settings, 1), (wrong_summary, 0), (shortened, 0)],
)
@pytest.mark.parametrize("case", CASES)
def test_forged_files(forge: Callable[..., dict[str, Any]], level: int, case: int, file: Path, tmp_path: Path) -> None:
    content = forge(read_published(file), np.random.default_rng(case))
    forged = written(content, tmp_path / "forged.json.gz")
    if level:
        assert nm.audit(forged, level=level - 1).verdict == "verified"
    assert nm.audit(forged, level=level).verdict == "not reproduced"


@pytest.mark.parametrize("column", [1, 2], ids=["value", "cost"])
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_number_in_a_journal_with_a_new_checksum(column: int, case: int, folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(case)
    home = tmp_path / "runs"
    shutil.copytree(folder, home)
    journals = sorted(home.glob("runs/*/*/*.jsonl"))
    path = journals[rng.integers(len(journals))]
    header, trace = require_journal(path)
    rows = [list(row[:3]) for row in trace.rows]
    rows[rng.integers(len(rows))][column] += 0.01
    path.unlink()
    with Journal(path, {key: fact for key, fact in header.items() if key != Journal.mark}) as journal:
        for row in rows:
            journal.append(*row)
    assert nm.audit(home, level=0).verdict == "not reproduced"


@pytest.mark.parametrize("column", ["regret", "value"])
@pytest.mark.parametrize("case", CASES)
def test_edited_results_with_a_new_checksum(column: str, case: int, folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "runs"
    shutil.copytree(folder, home)
    frame = pd.read_parquet(home / "results.parquet")
    frame.loc[frame["seed"] == case % 5, column] = 0.0
    write_results(home / "results.parquet", frame)
    assert nm.audit(home, level=0).verdict == "not reproduced"


@pytest.mark.parametrize("case", CASES)
def test_damaged_bytes(case: int, file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[np.random.default_rng(case).integers(10, len(content))] ^= 1 << case % 8  # after the header of gzip
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(DamagedFileError):
        nm.audit(tmp_path / "damaged")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the content of 200 honest runs of each of two searchers."""
    folder = tmp_path_factory.mktemp("chosen")
    nm.compare(["random", "evolution"], "nb201/cifar10", repeats=200, evaluations=60, folder=folder)
    return read_published(nm.publish(folder, folder / "all.json.gz"))


@pytest.mark.parametrize("case", CASES)
def test_seeds_that_were_chosen(case: int, chosen: dict[str, Any], tmp_path: Path) -> None:
    """Each searcher in turn has the best 30 of 200 seeds; the file has all its runs with these seeds."""
    pair = _Pair(chosen["pairs"][case % 2], chosen["seeds"], Audit("", 0))
    rng = np.random.default_rng(case)
    offered = rng.permutation(200)[:190]  # another choice in each case
    last = [pair.histories[seed].frame()["regret"].iloc[-1] for seed in offered]
    seeds = sorted(offered[np.argsort(last, kind="stable")[:30]].tolist())
    pairs = [{**entry, "runs": [entry["runs"][seed] for seed in seeds]} for entry in chosen["pairs"]]
    forged = written(summarised({**chosen, "seeds": seeds, "pairs": pairs}), tmp_path / "chosen.json.gz")
    assert nm.audit(forged, runs=10).verdict == "verified"
    found = nm.audit(forged, level=2, runs=20)
    assert found.verdict == "not reproduced"
    assert all(f"{pair}".partition(" ")[0] in reason for reason in found.reasons)
