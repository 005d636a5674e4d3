"""Stored baselines stand for new runs: the same results, but none is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError
from nasmeta.experiments import read_published
from nasmeta.files import shipped
from nasmeta.searchers import SEARCHERS

TASK = "nb201/cifar10"
STORED = ["evolution", "gp", "local-search", "random", "reinforce", "tpe"]


class Mine(SEARCHERS["evolution"]):  # type: ignore[misc]
    version = "1"


@pytest.mark.parametrize("options", [{"evaluations": 20}, {"stop_at_optimum": True, "repeats": [3, 1]}])
def test_results_are_those_of_new_runs(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"tasks": [TASK], "repeats": 2, "evaluations": 100} | options
    searchers: dict[str, Any] = {"mine": Mine, "random": "random"}
    frame = nm.compare(searchers, with_baselines=True, **options)
    labels = list(frame["searcher"].cat.categories)
    assert sorted(labels) == sorted([*STORED, "mine"])
    assert sorted(frame.attrs["stored"]) == [label for label in STORED if label != "random"]
    new = nm.compare({label: searchers.get(label, label) for label in labels}, **options)
    assert_frame_equal(frame, new, check_exact=True)


def test_the_budget_is_that_of_the_stored_runs() -> None:
    frame = nm.compare([Mine], TASK, repeats=30, with_baselines=True)
    assert (frame.groupby(["searcher", "seed"], observed=True).size() == 100).all()


@pytest.mark.parametrize(
    ("options", "error", "value"),
    [
        ({"evaluations": 101}, SettingError, [101, 10]),
        ({"repeats": 31}, SettingError, [100, 31]),
        ({"clock": {"workers": 2}}, SettingError, None),
        ({"tasks": "nb201/cifar10#777"}, UnknownNameError, "nb201/cifar10#777"),
    ],
    ids=["evaluations", "repeats", "clock", "task"],
)
def test_other_runs_are_not_stored(options: dict[str, Any], error: type[NasmetaError], value: Any) -> None:
    with pytest.raises(error) as raised:
        nm.compare(**{"searchers": [Mine], "tasks": TASK, "with_baselines": True} | options)
    assert raised.value.value == value


def test_a_published_folder_contains_the_own_runs_only(tmp_path: Path) -> None:
    frame = nm.compare([Mine], TASK, repeats=2, evaluations=10, folder=tmp_path / "runs", with_baselines=True)
    assert_frame_equal(nm.compare([Mine], TASK, repeats=2, evaluations=10, folder=tmp_path / "runs",
                                  with_baselines=True), frame)  # fmt: skip
    report = nm.report(tmp_path / "runs", formats=("png",))
    assert any("stored runs of nasmeta" in remark for remark in report.findings.remarks)
    file = nm.publish(tmp_path / "runs", tmp_path / "mine.json.gz")
    assert [pair["label"] for pair in read_published(file)["pairs"]] == ["Mine"]
    assert nm.audit(file, level=0).verdict == "verified"
    audit = nm.audit(tmp_path / "runs", level=0)
    assert (audit.verdict, len(audit.reasons)) == ("verified", 1)


def test_every_task_has_all_baselines_and_the_files_are_small() -> None:
    files = sorted(shipped("baselines").rglob("*.json.gz"))
    assert sum(file.stat().st_size for file in files) < 5e6
    stored: dict[str, list[str]] = {}
    for content in map(read_published, files):
        for pair in content["pairs"]:
            stored.setdefault(pair["identity"]["task"], []).append(pair["label"])
            assert len(pair["runs"]) == 30
    assert len(stored) == 27
    assert all(sorted(labels) == STORED for labels in stored.values())


def test_command() -> None:
    command = f"compare --searchers local-search --tasks {TASK} --repeats 2 --with-baselines"
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 0, done.output
    assert "stored runs of nasmeta" in done.stdout
