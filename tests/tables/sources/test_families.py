"""The families that the package brings: optima, sizes and correlations that others published or that were known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.spaces import get_space
from nasmeta.tables.sources import registered_sources

FAMILIES = (
    "fcnet",
    "graphgym",
    "hpobench-mlp",
    "nas-bench-graph",
    "nas-bench-macro",
    "step-law",
    "transnas-macro",
)


def correlations(columns: list[np.ndarray]) -> np.ndarray:
    matrix = spearmanr(np.stack(columns, axis=1)).statistic
    return matrix[np.triu_indices(len(columns), 1)]


# best validation, its key, its test, the best test, in percent
GRAPH = {
    "cora": (81.93, "87072", 82.63, 83.13),
    "citeseer": (72.80, "31144", 71.03, 71.57),
    "pubmed": (81.13, "30224", 75.60, 78.60),
    "cs": (92.13, "26503", 90.59, 91.26),
    "physics": (94.00, "60717", 91.35, 93.00),
    "photo": (94.07, "30743", 92.08, 92.79),
    "computers": (91.90, "73033", 82.03, 85.58),
    "arxiv": (73.67, "83533", 71.95, 72.39),
    "proteins": (85.33, "74578", 76.11, 79.26),
}


@pytest.fixture(scope="module")
def columns(read_source: Callable) -> dict[str, np.ndarray]:
    return {address: values for address, (_, values) in read_source("nas-bench-graph").items()}


class TestGraph:
    @pytest.mark.parametrize("dataset", GRAPH)
    def test_optima(self, columns: dict[str, np.ndarray], dataset: str) -> None:
        valid, test = (columns[f"{dataset}/accuracy/{split}/-/mean"] for split in ("valid", "test"))
        best, key, its_test, best_test = GRAPH[dataset]
        network = get_space("graph").index_of(key)
        assert valid[network] == np.nanmax(valid) == pytest.approx(best, abs=0.005)
        assert test[network] == pytest.approx(its_test, abs=0.0051)
        assert np.nanmax(test) == pytest.approx(best_test, abs=0.0051)

    def test_the_keys_of_the_files_are_the_architectures_in_order(
        self, columns: dict[str, np.ndarray]
    ) -> None:
        digits = get_space("graph").codes.astype(int) @ [10000, 1000, 100, 10, 1]
        assert (np.diff(digits) > 0).all()  # and the reader has found each key of each file once
        assert np.isfinite(columns["cora/accuracy/valid/-/mean"]).all()

    def test_rank_correlations(self, columns: dict[str, np.ndarray]) -> None:
        names = [name for name in GRAPH if name != "proteins"]
        valid = [columns[f"{name}/accuracy/valid/-/mean"] for name in names]
        found = dict(zip(combinations(names, 2), correlations(valid), strict=True))
        assert max(found, key=lambda pair: found[pair]) == ("computers", "arxiv")
        assert found["computers", "arxiv"] == pytest.approx(0.62, abs=0.005)
        assert min(found.values()) == pytest.approx(0.01, abs=0.005)
        assert set(min(found, key=lambda pair: found[pair])) & {"pubmed", "physics"}
        # ties: pubmed; 223 as the doubles of the file, which differ in rounding
        assert len(np.unique(valid[2])) == 191


MACRO = {
    "class_object/accuracy/valid/25/-": (47.96, "21231"),
    "class_scene/accuracy/valid/25/-": (57.48, "224131"),
    "jigsaw/accuracy/valid/10/-": (97.02, "2243"),
    "autoencoder/ssim/valid/30/-": (0.7688, "221113"),
    "normal/ssim/valid/30/-": (0.6435, "224111"),
    "segmentsemantic/miou/valid/30/-": (29.66, "211314"),
    "room_layout/loss/valid/25/-": (0.5628, "22333"),
}


class TestTransNasMacro:
    @pytest.mark.parametrize("address", MACRO)
    def test_optima(self, read_source: Callable, address: str) -> None:
        info, values = read_source("transnas-macro")[address]
        best = int(np.argmax(values) if info.direction == "max" else np.argmin(values))
        value, network = MACRO[address]
        assert get_space("tnb101-macro").to_string(best) == network
        assert values[best] == pytest.approx(value, abs=10.0 ** -(2 if value > 1 else 4) / 2)

    def test_it_is_read_from_the_files_of_the_micro_space(self) -> None:
        assert (
            registered_sources()["transnas-macro"].files == registered_sources()["transnas"].files
        )


class TestNasBenchMacro:
    def test_the_best_network_and_the_copies(self, read_source: Callable) -> None:
        space, columns = get_space("nbmacro"), read_source("nas-bench-macro")
        info, accuracy = columns["cifar10/accuracy/test/50/mean"]
        assert space.canonical(int(accuracy.argmax())) == space.canonical("22212220")
        assert accuracy.max() == pytest.approx(93.13, abs=0.005)
        assert "no validation split" in info.note
        canonical = space.canonical(np.arange(space.size))
        assert np.array_equal(accuracy, accuracy[canonical])
        seeds = np.stack(
            [columns[f"cifar10/accuracy/test/50/{seed}"][1] for seed in range(3)], axis=1
        )
        costs = np.stack(
            [columns[f"cifar10/{metric}/-/-/-"][1] for metric in ("parameters", "flops")], axis=1
        )
        assert (
            len(np.unique(np.hstack([seeds, costs]), axis=0)) == 3_969 == len(np.unique(canonical))
        )


class TestGraphGym:
    def test_32_tasks_of_96_designs_that_disagree(self, read_source: Callable) -> None:
        columns = read_source("graphgym")
        accuracies = [
            values for info, values in (columns[a] for a in columns) if info.metric == "accuracy"
        ]
        assert len(accuracies) == 32
        assert all(
            values.shape == (96,) and np.isfinite(values).all() and values.max() > 1
            for values in accuracies
        )
        found = correlations(accuracies)
        assert (found.min(), found.max()) == (
            pytest.approx(-0.81, abs=0.005),
            pytest.approx(0.99, abs=0.005),
        )
        assert (found < 0).mean() == pytest.approx(0.39, abs=0.005)
        assert all(info.kind != "seconds" for info, _ in columns.values()), (
            "no column is the cost of a training"
        )


class TestDesignTables:
    @pytest.mark.parametrize(
        ("name", "metric", "n_datasets", "seeds", "lowest", "highest"),
        [
            pytest.param("hpobench-mlp", "accuracy", 8, 5, 0.86, 0.96, marks=pytest.mark.slow),
            ("fcnet", "loss", 4, 4, 0.76, 0.90),
        ],
    )
    def test_sizes_and_correlations(
        self,
        read_source: Callable,
        name: str,
        metric: str,
        n_datasets: int,
        seeds: int,
        lowest: float,
        highest: float,
    ) -> None:
        columns = read_source(name)
        of_metric = {a: values for a, (info, values) in columns.items() if info.metric == metric}
        assert len(of_metric) == n_datasets * (seeds + 1)
        means = [values for address, values in of_metric.items() if address.endswith("/mean")]
        found = correlations(means)
        assert (found.min(), found.max()) == (
            pytest.approx(lowest, abs=0.005),
            pytest.approx(highest, abs=0.005),
        )
        first = next(iter(of_metric)).rpartition("/")[0]
        mean = np.mean([of_metric[f"{first}/{seed}"] for seed in range(seeds)], axis=0)
        assert of_metric[f"{first}/mean"] == pytest.approx(mean, rel=1e-5)


class TestStepLaw:
    @pytest.mark.parametrize(
        ("dataset", "best", "learning_rate", "batch_size"),
        [
            ("1.07b-100b", 2.0762, 0.001381, 512),
            ("215m-100b", 2.3420, 0.007812, 1024),
            ("537m-10b", 2.3833, 0.0009766, 128),
        ],
    )
    def test_optima(
        self,
        read_source: Callable,
        dataset: str,
        best: float,
        learning_rate: float,
        batch_size: int,
    ) -> None:
        info, losses = read_source("step-law")[f"{dataset}/loss/-/-/-"]
        setting = f"learning_rate={learning_rate},batch_size={batch_size}"
        assert (info.unit, info.direction) == ("nats", "min")
        assert np.nanmin(losses) == pytest.approx(best, abs=5e-5)
        assert get_space("step-law").to_string(int(np.nanargmin(losses))) == setting

    def test_every_training_has_a_place_of_its_own(self, read_source: Callable) -> None:
        columns = read_source("step-law")
        losses = {
            info.dataset: values for info, values in columns.values() if info.metric == "loss"
        }
        trained = {dataset: int(np.isfinite(values).sum()) for dataset, values in losses.items()}
        assert (len(trained), sum(trained.values()), trained["1.07b-100b"]) == (
            42,
            2_702 + 117,
            117,
        )
        dense = {name.partition("/")[2] for name in nm.task_distribution("step-law/dense").names}
        assert dense == {dataset for dataset, n in trained.items() if n >= 88}
        assert sorted(n for dataset, n in trained.items() if dataset not in dense)[::24] == [34, 54]
        assert (
            np.isfinite(list(losses.values())).any(axis=0).sum()
            < get_space("step-law").size
            == 16 * 18
        )

    def test_flops_of_the_largest_training(self, read_source: Callable) -> None:
        info, flops = read_source("step-law")["1.07b-100b/train_flops/-/-/-"]
        assert info.kind == "size"
        assert set(flops[np.isfinite(flops)]) == {np.float32(6 * 1_073_741_824 * 100e9)}


class TestTheRegistry:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_tasks_are_declared_of_columns_that_are_declared(self, name: str) -> None:
        entry = registered_sources()[name]
        assert entry.tasks
        for task in entry.tasks:
            assert task["name"].startswith(f"{entry.table}/")
            for dataset in task["dataset"]:
                parts = {part: task.get(part, "-") for part in ("split", "epochs", "seed")}
                assert entry.declares(dataset=dataset, metric=task["metric"], **parts)
                assert "cost" not in task or entry.declares(dataset=dataset, metric=task["cost"])
