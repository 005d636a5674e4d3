"""What a specification, and a comparison, says of sources: learned spaces, first cells, sources and meta-models."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import JournalError, LeakageError, NasmetaError, SettingError
from nasmeta.experiments import read_specification, run_specification
from nasmeta.meta import SavedMetaModel, SourceOrder

GOOD = """\
tasks = ["nb201/cifar100", "nb201/cifar10"]
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
meta_model = "model.npz"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    sources = [nm.get_task("nb201/imagenet16-120").as_source(100, np.random.default_rng(0))]
    learnt = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(sources)
    (tmp_path / "specs").mkdir()
    SavedMetaModel.write(tmp_path / "specs" / "model.npz", learnt)
    found = tmp_path / "specs" / "spec.toml"
    found.write_text(GOOD, encoding="utf-8")
    return found


def cells(frame: pd.DataFrame, searcher: str, task: str = "nb201/cifar100", seed: int = 1) -> list[int]:
    rows = frame[(frame["searcher"] == searcher) & (frame["task"] == task) & (frame["seed"] == seed)]
    return rows["cell"].tolist()


def test_they_search_as_search_does_and_the_folder_says_so(path: Path, tmp_path: Path) -> None:
    frame = run_specification(path, tmp_path / "out")
    inside = nm.search("random", "nb201/cifar100", prune_space=0.1, warm_start=3, evaluations=8, seed=1)
    assert cells(frame, "inside") == inside.cells.tolist()
    few = nm.search("source-order", "nb201/cifar100", sources=["nb201/imagenet16-120"], evaluations=8, seed=1)
    assert cells(frame, "few") == few.cells.tolist()
    kept = nm.search("source-order", "nb201/cifar100", meta_model=path.with_name("model.npz"), evaluations=8, seed=1)
    assert cells(frame, "kept") == kept.cells.tolist() != few.cells.tolist()
    of_inside = frame[frame["searcher"] == "inside"]
    assert (set(of_inside["space"]), set(of_inside["warm_start"])) == ({"learned:0.1"}, {"3"})
    said = json.loads((tmp_path / "out" / "provenance.json").read_text())["learnt_from"]
    assert list(said["few"]["nb201/cifar10"]) == ["nb201/imagenet16-120"]
    assert set(said["inside"]["nb201/cifar100"]) == {"nb201/cifar10", "nb201/imagenet16-120"}
    assert said["inside"]["nb201/cifar100"]["nb201/cifar10"]["release"] == "NATS-tss v1.0"
    assert len(said["kept"]["nb201/cifar100"]["meta_model"]["sha256"]) == 64


@pytest.mark.slow
def test_it_goes_on_and_other_sources_or_another_model_are_another_comparison(path: Path, tmp_path: Path) -> None:
    run_specification(path, tmp_path / "out")
    kept = tmp_path / "out" / "specification.toml"
    assert 'meta_model = "../specs/model.npz"' in kept.read_text()
    run_specification(kept, tmp_path / "out")
    path.write_text(GOOD.replace("repeats = 2", "repeats = 3"), encoding="utf-8")
    whole = run_specification(path, tmp_path / "out")
    assert_frame_equal(whole, run_specification(path, tmp_path / "anew"))
    path.write_text(GOOD.replace('"nb201/imagenet16-120"', '"nb201/imagenet16-120#777"'), encoding="utf-8")
    with pytest.raises(JournalError, match="sources"):
        run_specification(path, tmp_path / "out")
    path.write_text(GOOD.replace("prune_space = 0.1", "prune_space = 0.2"), encoding="utf-8")
    with pytest.raises(SettingError, match="holds another comparison"):
        run_specification(path, tmp_path / "out")
    path.write_text(GOOD, encoding="utf-8")
    other = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit([nm.get_task("nb201/imagenet16-120")])
    SavedMetaModel.write(path.with_name("model.npz"), other)
    with pytest.raises(JournalError, match="meta_model"):
        run_specification(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("prune_space = 0.1", "prune_space = 1.1", 9, "prune_space"),
        ("warm_start = 3", 'warm_start = "3/minute"', 10, "warm_start"),
        ('["nb201/imagenet16-120"]', '["nb201/imagenets"]', 14, "Unknown task 'nb201/imagenets'. Did you mean"),
        ('["nb201/imagenet16-120"]', "3", 14, "sources are a name or a list of names"),
        ('["nb201/imagenet16-120"]', "[]", 14, "sources are a name or a list of names"),
        ('["nb201/imagenet16-120"]', '["nb201/cifar10#777"]', 14, "both are on cifar10"),
        (
            '["nb201/imagenet16-120"]',
            '["graph/cora"]',
            14,
            "Source graph/cora lives in space graph, but source-order in",
        ),
        ('["nb201/imagenet16-120"]', '"graph"', 14, "it learns only from sources of its own space"),
        ('["nb201/imagenet16-120"]', '[\n"nb201/imagenet16-120",\n"nb201/imagenets",\n]', 16, "Unknown task"),
        ('["nb201/imagenet16-120"]', '[\n"nb201/imagenet16-120",\n"nb201/cifar10#777",\n]', 16, "both are on cifar10"),
        ("warm_start = 3", "warm_start = 20_000", 10, "warm_start must be a whole number from 1 to 15625"),
        (
            "prune_space = 0.1",
            'sources = ["graph/cora"]',
            9,
            "None of the labelled cells of graph/cora is a cell of nb201",
        ),
        (
            '"source-order"\nsources = ["nb201/imagenet16-120"]',
            '"rgpe"\nsources = "graph"',
            14,
            "These spaces do not fit",
        ),
        ('"model.npz"', '"no-such.npz"', 18, "There is no meta-model to read"),
        ('"model.npz"', '"no-such"', 18, "Shipped: meta-nas-nb201-without-cifar10"),
        ('"model.npz"', "3", 18, "meta_model is a file"),
        ('"model.npz"', '"model.npz"\nsources = "nb201"', 18, "sources or a meta-model, not both"),
        ("warm_start = 3", "warm_stat = 3", 7, "there are: prune_space, warm_start, sources, meta_model"),
        ("prune_space = 0.1\nwarm_start = 3", 'sources = "nb201"', 9, "random learns from no source task"),
        ("prune_space = 0.1\nwarm_start = 3", 'meta_model = "shipped"', 9, "random learns from no source task"),
    ],
)
def test_errors_name_the_line(path: Path, before: str, after: str, line: int, message: str) -> None:
    assert before in GOOD
    path.write_text(GOOD.replace(before, after), encoding="utf-8")
    with pytest.raises(NasmetaError, match=re.escape(message)) as caught:
        read_specification(path)
    assert str(caught.value).startswith(f"spec.toml, line {line}: "), caught.value


def test_compare_takes_sources_for_all_that_learn_or_by_label() -> None:
    both = nm.compare(
        ["random", "source-order"], "nb201/cifar100", repeats=1, evaluations=5, sources="nb201/imagenet16-120#777"
    )
    one = nm.search("source-order", "nb201/cifar100", evaluations=5, sources="nb201/imagenet16-120#777")
    assert cells(both, "source-order", seed=0) == one.cells.tolist()
    assert cells(both, "random", seed=0) == nm.search("random", "nb201/cifar100", evaluations=5).cells.tolist()
    with pytest.raises(SettingError, match="There is a source, but none of random learns"):
        nm.compare(["random"], "nb201/cifar100", repeats=1, evaluations=5, sources="nb201")
    with pytest.raises(SettingError, match="There is a source for 'gp', which is not compared"):
        nm.compare(["random"], "nb201/cifar100", repeats=1, evaluations=5, sources={"gp": "nb201"})
    with pytest.raises(LeakageError, match="both are on cifar100"):
        nm.compare(["source-order"], "nb201/cifar100", repeats=1, evaluations=5, sources=["nb201/cifar100#777"])


def test_compare_refuses_sources_of_another_space_before_any_run(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="Source graph/cora lives in space graph"):
        nm.compare(
            ["random", "source-order"],
            "nb201/cifar100",
            repeats=1,
            evaluations=5,
            sources="graph",
            folder=tmp_path / "x",
        )
    assert not (tmp_path / "x").exists()
