"""HW-GPT-Bench and ScAn-Bench: facts that others published, and those that were found in the files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

import nasmeta as nm
from nasmeta.errors import MissingValueError
from nasmeta.spaces import choice_one_hot
from nasmeta.tables.sources import READERS, registered_sources, scan_evaluations
from nasmeta.tasks import pareto_front

TABLES = ("hw-gpt-s", "hw-gpt-m", "hw-gpt-l", "scan-llm", "scan-vlm", "scan-tabpfn")


@pytest.fixture
def _fetched(
    _cache: None, mirror: Path, cache_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with(*TABLES)))


def evaluations(name: str) -> pd.DataFrame:
    source = registered_sources()[name]
    return scan_evaluations(source, source.required_files())


@pytest.mark.usefixtures("_fetched")
class TestHWGPT:
    @pytest.mark.parametrize(
        ("size", "networks", "perplexities", "choices"),
        [
            (
                "s",
                10_000,
                [22.16, 41.92],
                [(192, 384, 768), (10, 11, 12), (False, True), (4, 8, 12), (2, 3, 4)],
            ),
            (
                "m",
                5_245,
                [21.14, 35.67],
                [(256, 512, 1024), (22, 23, 24), (False, True), (8, 12, 16), (2, 3, 4)],
            ),
            (
                "l",
                429,
                [18.58, 29.32],
                [(320, 640, 1280), (34, 35, 36), (False, True), (8, 16, 20), (2, 3, 4)],
            ),
        ],
    )
    def test_networks(
        self, size: str, networks: int, perplexities: list[float], choices: list[object]
    ) -> None:
        table = nm.load_table(f"hw-gpt-{size}")
        found = [position.choices for position in table.space.positions]
        assert found == choices[:3] + choices[3:] * int(found[1][-1])
        assert (table.space.size, table.space.n_combinations < 2**63) == (networks, size == "s")
        values = table.column(f"gpt-{size}", "perplexity", "valid")
        assert [values.min(), values.max()] == pytest.approx(perplexities, abs=0.005)

    def test_layers_beyond_the_depth_are_inactive(self) -> None:
        space = nm.load_table("hw-gpt-s").space
        active = space.conditions.active(space.codes)
        depth = np.array([10, 11, 12])[space.codes[:, 1]]
        assert np.array_equal(active.sum(axis=1), 3 + 2 * depth)
        assert not space.codes[~active].any()
        assert space.to_string([0, 9]) == space.whole[0].to_string(space.whole[1][[0, 9]])
        assert 3 * 2 * sum(9**layers for layers in (10, 11, 12)) == pytest.approx(1.9e12, rel=0.01)

    def test_the_latency_on_a_cpu_is_recomputed(self) -> None:
        latency = nm.load_table("hw-gpt-s").column("gpt-s", "latency_cpu_milliseconds")
        assert [latency.min(), latency.max()] == pytest.approx([758, 4_167], abs=0.5)
        files = registered_sources()["hw-gpt-s"].required_files()
        rows = [
            row
            for key in files
            if key.startswith("cpu")
            for row in pickle.loads(files[key].read_bytes())
        ]
        assert sum(len({*row["unit_cpu"]}) > 1 for row in rows) == 1_593
        assert all(row["cpu_lat"] == row["cpu_lat_std"] for row in rows)

    @pytest.mark.parametrize(("device", "non_dominated"), [("h100", 127), ("a100", 129)])
    def test_latency_contradicts_perplexity(self, device: str, non_dominated: int) -> None:
        values = nm.get_task(f"hw-gpt-s/gpt-s+latency/{device}").values
        assert spearmanr(*values.T).statistic == pytest.approx(-0.99, abs=0.005)
        assert len(pareto_front(values, ["min", "min"])) == non_dominated

    def test_every_network_has_all_costs(self) -> None:
        table = nm.load_table("hw-gpt-s")
        assert [c.unit for c in table.columns] == [
            "1",
            "percent",
            "ms",
            "ms",
            "ms",
            "mJ",
            "mJ",
            "MB",
            "1",
            "1",
        ]
        assert all(
            np.isfinite(table.column(c.dataset, c.metric, c.split)).all() for c in table.columns
        )

    def test_perplexity_is_nearly_additive(self) -> None:
        table = nm.load_table("hw-gpt-s")
        space, perplexity = table.space, table.column("gpt-s", "perplexity", "valid")
        x = choice_one_hot(space.positions, space.codes).counts * 1.0
        x *= np.repeat(space.conditions.active(space.codes), space.n_choices, axis=1)
        train = np.random.default_rng(0).random(space.size) < 0.8
        weights = np.linalg.lstsq(x[train], perplexity[train], rcond=1e-8)[0]
        assert kendalltau(x[~train] @ weights, perplexity[~train]).statistic == pytest.approx(
            0.967, abs=0.003
        )


RANGES = {
    "scan-llm": {
        "d_model": (256, 1_600, None), "n_layers": (4, 30, None), "n_heads": (4, 40, None),
        "batch_size": (32, 128, None), "learning_rate": (1e-5, 1e-2, "log"), "weight_decay": (1e-3, 0.2, "log"),
        "beta1": (0.8, 0.99, "linear"), "beta2": (0.9, 0.999, "linear"), "cooldown": (1.5e-4, 0.3, "linear"),
    },
    "scan-vlm": {"text_width": (32, 512, None), "vision_width": (32, 512, None), "eps": (1e-8, 1e-6, "log")},
    "scan-tabpfn": {"learning_rate": (1e-4, 5e-2, "log")},
}  # fmt: skip


@pytest.mark.usefixtures("_fetched")
class TestScan:
    @pytest.mark.parametrize("table", RANGES)
    def test_ranges(self, table: str) -> None:
        positions = {position.name: position for position in nm.load_table(table).space.positions}
        for name, (lowest, highest, scale) in RANGES[table].items():
            ends = [positions[name].choices[0], positions[name].choices[-1]]
            assert ends == pytest.approx([lowest, highest], rel=0.04), name
            assert positions[name].scale == scale, name

    def test_moments_of_language_models(self, mirror: Path) -> None:
        rows = evaluations("scan-llm")
        assert rows.groupby("file").size().to_dict() == {"train": 3_631, "test": 893}
        assert (rows.groupby("config_id")["file"].nunique() == 1).all()
        moments = rows.groupby("config_id").size()
        assert (len(moments), moments.min(), moments.max()) == (1_194, 1, 10)
        (path,) = mirror.glob(
            "automl/scan_bench/*/scan_benchmark/llm/configs_intermediate_summary.csv"
        )
        summary = pd.read_csv(path, usecols=["valid_loss", "test_loss", "objective_to_minimize"])
        assert summary["objective_to_minimize"].equals(summary["test_loss"])
        assert np.sort(summary["valid_loss"]) == pytest.approx(
            np.sort(rows["valid_loss"]), abs=1e-12
        )

    def test_losses_of_language_models(self) -> None:
        task = nm.get_task("scan-llm/slimpajama")
        test, diverged, flops = (
            task.table.column("slimpajama", *c)
            for c in (("loss", "test"), ("diverged",), ("train_flops",))
        )
        assert task.signal.split == "valid"
        assert ((task.values > 3).sum(), (test > 3).sum(), diverged.sum()) == (126, 132, 126)
        assert np.log10(flops.max() / flops.min()) == pytest.approx(4, abs=0.1)

    def test_vision_language_models(self) -> None:
        rows = evaluations("scan-vlm")
        assert (rows["config_id"].nunique(), len(rows), rows["diverged"].sum()) == (
            1_500,
            7_674,
            134,
        )
        assert (
            len(
                rows.loc[
                    :, "vtab_caltech101_mean_per_class_recall":"fairness_utkface_acc_race_avg"
                ].columns
            )
            == 39
        )
        task = nm.get_task("scan-vlm/image-text")
        diverged = task.table.column("image-text", "diverged")
        missing = np.isnan(task.values)
        # 38 without, 9 capped
        assert (diverged.sum(), missing.sum(), missing[diverged == 1].sum()) == (
            134,
            47,
            47,
        )

    def test_tabular_transformers(self) -> None:
        frame = nm.load_table("scan-tabpfn").space.to_frame()
        assert (len(frame), frame["learning_rate"].nunique()) == (2_623, 2_623)
        frame["learning_rate"] = pd.cut(np.log(frame["learning_rate"]), 12, labels=False)
        assert len(frame.drop_duplicates()) == 2_592

    def test_compute_is_an_objective(self) -> None:
        for task in nm.task_distribution("scan/loss+train-flops"):
            assert [(part.signal.metric, part.signal.split) for part in task.parts] == [
                ("loss", "valid"), ("train_flops", None),
            ]  # fmt: skip
            flops = task.parts[1].values[task.front.architectures]
            # a loss alone would only ask for the longest training
            assert flops.max() > 1_000 * flops.min()

    def test_another_number_of_rows_is_an_error(self) -> None:
        source = registered_sources()["scan-llm"]
        files = {"test": source.required_files()["test"]}
        with pytest.raises(ValueError, match="239 rows, 239 of them distinct, not 1,194"):
            source._measured(*READERS["scan"](source, None, files))


def test_tables_that_were_not_fetched(own_cache: Path) -> None:
    tables = nm.list_tables().set_index("table")
    for name in TABLES:
        assert tables.loc[name, "architectures"] == registered_sources()[name].architectures
        with pytest.raises(MissingValueError, match=f"nasmeta data fetch {name}"):
            nm.load_table(name)
    assert not nm.list_tasks("hw-gpt-s/perplexity+cost")["here"].any()
    assert [*dict.fromkeys(tables["topic"])] == [
        "graphs",
        "hyperparameters",
        "images",
        "language models",
    ]
