"""Comparisons that add runs until each pair is decided."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.experiments import Workers

SEARCHERS = ["random", "evolution", "local-search"]
OPTIONS = {"repeats": 10, "evaluations": 60, "until_decided": True, "most": 40}


def test_the_margin_is_a_tenth_of_the_regret_of_random_search() -> None:
    task = nm.get_task("nb201/cifar100")
    frame = nm.compare(["random"], task, repeats=300, evaluations=20)
    last = frame[frame["evaluation"] == 20]["regret"]
    decided = nm.compare(["random", "evolution"], task, evaluations=20, until_decided=True, most=10)
    margin = decided.attrs["decisions"][0]["margin"]
    assert 10 * margin == pytest.approx(last.mean(), abs=4 * last.std() / 300**0.5)


def test_workers_and_resuming_give_the_same_folder(tmp_path: Path) -> None:
    one = nm.compare(SEARCHERS, "nb201/cifar100", folder=tmp_path / "one", **OPTIONS)
    two = nm.compare(SEARCHERS, "nb201/cifar100", folder=tmp_path / "two", workers=2, **OPTIONS)
    assert_frame_equal(one, two)
    assert one.attrs["decisions"] == two.attrs["decisions"]
    runs = one.groupby("searcher", observed=True)["seed"].nunique().to_dict()
    assert runs["random"] < runs["evolution"] == runs["local-search"] == 40
    for journal in [*tmp_path.glob("two/runs/*/evolution/*.jsonl")][::3]:
        journal.unlink()
    nm.compare(SEARCHERS, "nb201/cifar100", folder=tmp_path / "two", **OPTIONS)
    files = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file()}
    found = [pd.read_parquet(tmp_path / name / "results.parquet") for name in ("one", "two")]
    assert_frame_equal(*found)
    assert found[0].attrs["decisions"] == found[1].attrs["decisions"] == one.attrs["decisions"]


def test_a_shard_cannot_decide(tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        nm.compare(SEARCHERS, "nb201", folder=tmp_path, workers=Workers(shard="0/2"), **OPTIONS)
    with pytest.raises(SettingError):
        nm.compare(["random"], "nb201", seconds=1e5, until_decided=True)
