"""HW-GPT-Bench and ScAn-Bench: the facts that others published or that were checked in the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

import nasmeta as nm
from nasmeta.errors import MissingValueError
from nasmeta.pickles import NUMPY_NUMBERS, restricted_load
from nasmeta.spaces import SearchSpace, choice_one_hot
from nasmeta.tables.sources import registered_sources
from nasmeta.tables.sources._scan import scan_evaluations
from nasmeta.tasks import get_task, pareto_front

TABLES = ("hw-gpt-s", "hw-gpt-m", "hw-gpt-l", "scan-llm", "scan-vlm", "scan-tabpfn")


@pytest.fixture
def space_of(cache_with: Callable[..., Path], mirror: Path) -> Callable[[str], SearchSpace]:
    def space_of(name: str) -> SearchSpace:
        source = registered_sources()[name]
        return source.open(cache_with(name) / "tables" / "v1" / source.table / f"{name}.arrow").search_space

    return space_of


@pytest.fixture
def raw_files(cache_with: Callable[..., Path], mirror: Path) -> Callable[[str], dict[str, Path]]:
    def raw_files(name: str) -> dict[str, Path]:
        folder = cache_with(name) / "downloads"
        return {file.key: folder / file.path for file in registered_sources()[name].files}

    return raw_files


class TestHWGPT:
    @pytest.mark.parametrize(
        ("size", "networks", "lowest", "highest", "widths", "depths", "heads"),
        [
            ("s", 10_000, 22.16, 41.92, (192, 384, 768), (10, 11, 12), (4, 8, 12)),
            ("m", 5_245, 21.14, 35.67, (256, 512, 1024), (22, 23, 24), (8, 12, 16)),
            ("l", 429, 18.58, 29.32, (320, 640, 1280), (34, 35, 36), (8, 16, 20)),
        ],
    )
    def test_networks_and_perplexities(
        self,
        read_source: Callable[[str], Any],
        space_of: Callable[[str], SearchSpace],
        size: str,
        networks: int,
        lowest: float,
        highest: float,
        widths: tuple[int, ...],
        depths: tuple[int, ...],
        heads: tuple[int, ...],
    ) -> None:
        space = space_of(f"hw-gpt-{size}")
        choices = {position.name: position.choices for position in space.positions}
        assert (choices["embed_dim"], choices["n_layer"], choices["bias"]) == (widths, depths, (False, True))
        assert (choices[f"n_head_{depths[-1]}"], choices["mlp_ratio_1"]) == (heads, (2, 3, 4))
        assert (space.size, space.n_combinations < 2**63) == (networks, size == "s")
        info, perplexities = read_source(f"hw-gpt-{size}")[f"gpt-{size}/perplexity/valid/-/-"]
        assert (perplexities.min(), perplexities.max()) == (
            pytest.approx(lowest, abs=0.005),
            pytest.approx(highest, abs=0.005),
        )
        assert (info.split, info.direction, len(info.source_sha256.split(" + "))) == ("valid", "min", 10)

    def test_layers_beyond_the_depth_are_inactive(self, space_of: Callable[[str], SearchSpace]) -> None:
        space = space_of("hw-gpt-s")
        depth = np.array([10, 11, 12])[space.codes[:, 1]]
        assert all(len(space.choices(network)) == 3 + 2 * depth[network] for network in range(0, 10_000, 500))
        assert not space.codes[depth == 10, -4:].any()
        assert space.codes[depth == 12, -1].any()
        networks = 3 * 2 * sum(9**layers for layers in (10, 11, 12))
        assert networks == pytest.approx(1.9e12, rel=0.01)

    def test_the_latency_on_a_cpu_is_recomputed(
        self, read_source: Callable[[str], Any], raw_files: Callable[[str], dict[str, Path]]
    ) -> None:
        milliseconds = read_source("hw-gpt-s")["gpt-s/latency_cpu_milliseconds/-/-/-"][1]
        assert (milliseconds.min(), milliseconds.max()) == (pytest.approx(758, abs=0.5), pytest.approx(4_167, abs=0.5))
        rows: list[Any] = []
        for key, path in raw_files("hw-gpt-s").items():
            if key.startswith("cpu"):
                with path.open("rb") as file:
                    rows += restricted_load(file, NUMPY_NUMBERS)
        assert sum(len({*row["unit_cpu"]}) > 1 for row in rows) == 1_593
        assert all(row["cpu_lat"] == row["cpu_lat_std"] for row in rows)

    @pytest.mark.parametrize(("device", "non_dominated"), [("h100", 127), ("a100", 129)])
    def test_latency_contradicts_perplexity(
        self, read_source: Callable[[str], Any], device: str, non_dominated: int
    ) -> None:
        columns = read_source("hw-gpt-s")
        perplexities = columns["gpt-s/perplexity/valid/-/-"][1]
        info, latencies = columns[f"gpt-s/latency_{device}_milliseconds/-/-/-"]
        assert (info.kind, info.device, info.unit) == ("latency", device, "ms")
        assert spearmanr(perplexities, latencies).statistic == pytest.approx(-0.99, abs=0.005)
        both = np.stack([perplexities, latencies], axis=1)
        assert len(pareto_front(both, ["min", "min"])) == non_dominated

    def test_every_network_has_all_costs(self, read_source: Callable[[str], Any]) -> None:
        columns = read_source("hw-gpt-s")
        assert len(columns) == 10
        assert all(np.isfinite(values).all() for _, values in columns.values())
        memory = columns["gpt-s/memory_a100_megabytes/-/-/-"][1]
        assert (memory.min(), memory.max()) == (pytest.approx(137.2, abs=0.1), pytest.approx(1_006.2, abs=0.1))
        energy = columns["gpt-s/energy_h100_millijoules/-/-/-"][1] / 3.6e6  # watt-hours
        assert (energy.min(), energy.max()) == (pytest.approx(0.00272, rel=0.01), pytest.approx(0.0138, rel=0.01))

    def test_perplexity_is_nearly_additive(
        self, read_source: Callable[[str], Any], space_of: Callable[[str], SearchSpace]
    ) -> None:
        space, perplexities = space_of("hw-gpt-s"), read_source("hw-gpt-s")["gpt-s/perplexity/valid/-/-"][1]
        one_hot = choice_one_hot(space.positions, space.codes).counts.astype(float)
        one_hot *= np.repeat(space.conditions.active(space.codes), space.n_choices, axis=1)
        train = np.random.default_rng(0).random(space.size) < 0.8
        centred = perplexities[train] - perplexities[train].mean()
        weights = np.linalg.solve(
            one_hot[train].T @ one_hot[train] + np.eye(one_hot.shape[1]), one_hot[train].T @ centred
        )
        tau = kendalltau(one_hot[~train] @ weights, perplexities[~train]).statistic
        assert tau == pytest.approx(0.967, abs=0.003)


class TestScan:
    def test_moments_of_language_models(self, raw_files: Callable[[str], dict[str, Path]], mirror: Path) -> None:
        files = raw_files("scan-llm")
        rows = scan_evaluations(registered_sources()["scan-llm"], files)
        assert rows.groupby("file").size().to_dict() == {"train": 3_631, "test": 893}
        assert (rows.groupby("config_id")["file"].nunique() == 1).all()
        moments = rows.groupby("config_id").size()
        assert (len(moments), len(rows), moments.min(), moments.max()) == (1_194, 4_524, 1, 10)
        (path,) = mirror.glob("automl/scan_bench/*/scan_benchmark/llm/configs_intermediate_summary.csv")
        summary = pd.read_csv(path, usecols=["config_id", "valid_loss", "test_loss", "objective_to_minimize"])
        assert summary["objective_to_minimize"].equals(summary["test_loss"])
        for loss in ("valid_loss", "test_loss"):
            assert np.sort(summary[loss]) == pytest.approx(np.sort(rows[loss]), abs=1e-12)

    def test_losses_of_language_models(self, read_source: Callable[[str], Any]) -> None:
        columns = read_source("scan-llm")
        valid, test, flops, diverged = (
            columns[f"slimpajama/{column}"][1]
            for column in ("loss/valid/-/-", "loss/test/-/-", "train_flops/-/-/-", "diverged/-/-/-")
        )
        assert ((valid > 3).sum(), (test > 3).sum(), diverged.sum()) == (126, 132, 126)
        assert 3.9 < np.log10(flops.max() / flops.min()) < 4.1
        assert get_task("scan-llm/slimpajama").signal.split == "valid"

    @pytest.mark.parametrize(
        ("table", "position", "lowest", "highest", "scale"),
        [
            ("scan-llm", "d_model", 256, 1_600, None),
            ("scan-llm", "n_layers", 4, 30, None),
            ("scan-llm", "n_heads", 4, 40, None),
            ("scan-llm", "learning_rate", 1e-5, 1e-2, "log"),
            ("scan-llm", "weight_decay", 1e-3, 0.2, "log"),
            ("scan-llm", "beta1", 0.8, 0.99, "linear"),
            ("scan-llm", "beta2", 0.9, 0.999, "linear"),
            ("scan-llm", "cooldown", 0, 0.3, "linear"),
            ("scan-llm", "batch_size", 32, 128, None),
            ("scan-vlm", "text_width", 32, 512, None),
            ("scan-vlm", "vision_width", 32, 512, None),
            ("scan-vlm", "eps", 1e-8, 1e-6, "log"),
            ("scan-tabpfn", "learning_rate", 1e-4, 5e-2, "log"),
        ],
    )
    def test_ranges(
        self,
        space_of: Callable[[str], SearchSpace],
        table: str,
        position: str,
        lowest: float,
        highest: float,
        scale: str | None,
    ) -> None:
        (found,) = (each for each in space_of(table).positions if each.name == position)
        assert found.scale == scale
        assert (found.choices[0], found.choices[-1]) == (
            pytest.approx(lowest, rel=0.02, abs=2e-4 * (not lowest)),
            pytest.approx(highest, rel=0.02),
        )

    def test_vision_language_models(
        self, read_source: Callable[[str], Any], raw_files: Callable[[str], dict[str, Path]]
    ) -> None:
        rows = scan_evaluations(registered_sources()["scan-vlm"], raw_files("scan-vlm"))
        assert (rows["config_id"].nunique(), len(rows), rows["diverged"].sum()) == (1_500, 7_674, 134)
        zero_shot = rows.columns[rows.columns.get_loc("vtab_caltech101_mean_per_class_recall") :].drop(
            ["file", "diverged"]
        )
        assert len(zero_shot) == 39
        columns = read_source("scan-vlm")
        loss, diverged = (columns[f"image-text/{name}"][1] for name in ("loss/valid/-/-", "diverged/-/-/-"))
        assert diverged.sum() == 134
        assert np.isnan(loss).sum() == np.isnan(loss[diverged == 1]).sum() == 38 + 9  # no value, and the cap of 5

    def test_tabular_transformers(self, space_of: Callable[[str], SearchSpace]) -> None:
        space = space_of("scan-tabpfn")
        frame = space.to_frame()
        assert (space.size, frame["learning_rate"].nunique()) == (2_623, 2_623)
        frame["learning_rate"] = pd.cut(np.log(frame["learning_rate"]), 12, labels=False)
        assert len(frame.drop_duplicates()) == 2_592

    def test_compute_is_an_objective(
        self, cache_with: Callable[..., Path], mirror: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NASMETA_CACHE", str(cache_with(*TABLES)))
        for task in nm.task_distribution("scan/loss+train-flops"):
            assert [(part.signal.metric, part.signal.split) for part in task.parts] == [
                ("loss", "valid"),
                ("train_flops", None),
            ]
            flops = task.parts[1].values[task.front.architectures]
            assert flops.max() > 1_000 * flops.min()  # a loss alone would only ask for the longest training


def test_tables_that_were_not_fetched(own_cache: Path) -> None:
    tables = nm.list_tables().set_index("table")
    for name in TABLES:
        assert tables.loc[name, "architectures"] == registered_sources()[name].architectures
        with pytest.raises(MissingValueError, match=f"nasmeta data fetch {name}"):
            nm.load_table(name)
    assert not nm.list_tasks("hw-gpt-s/perplexity+cost")["here"].any()
    assert [*dict.fromkeys(tables["topic"])] == ["graphs", "hyperparameters", "images", "language models"]


def test_another_number_of_rows_is_an_error(raw_files: Callable[[str], dict[str, Path]]) -> None:
    source, files = registered_sources()["scan-llm"], raw_files("scan-llm")
    with pytest.raises(ValueError, match="239 rows, 239 of them distinct, not 1,194"):
        source._measured(*nm.tables.sources.READERS["scan"](source, None, {"test": files["test"]}))
