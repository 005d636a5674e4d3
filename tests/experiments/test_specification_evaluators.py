"""Specifications whose evaluator is one's own: a function or an Evaluator, as ``package.module:Name``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.evaluators import EVALUATORS
from nasmeta.experiments import read_specification, run_specification
from nasmeta.surrogates import Surrogate, fit_surrogate

MODULE = """
import nasmeta as nm
from nasmeta.evaluators import FunctionEvaluator


def convolutions(choices):
    return float(sum("conv" in choice for choice in choices.values())), 2.0


on_cifar10 = FunctionEvaluator(convolutions, nm.get_task("nb201/cifar10"))
Evaluators = FunctionEvaluator
space = nm.SearchSpace("mlp", {"width": [16, 32], "depth": [1, 2]})


def width(choices):
    return choices["width"]
"""
SPECIFICATION = """\
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
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a specification; the module of its evaluator can be imported."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "myevaluators.py").write_text(MODULE)
    (tmp_path / "own.toml").write_text(SPECIFICATION)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(EVALUATORS, "_by_place", {})
    yield tmp_path / "own.toml"
    sys.modules.pop("myevaluators", None)


def test_it_runs_as_compare_does_goes_on_and_says_what_answered(path: Path, tmp_path: Path) -> None:
    frame = run_specification(path, tmp_path / "out")
    due = nm.compare(
        {"random": "random", "evolution": ("evolution", {"population": 5, "sample_size": 2})},
        ["nb201/cifar10", "nb201/cifar100"],
        repeats=2,
        evaluations=12,
        seconds=20,
        evaluator="myevaluators:convolutions",
    )
    assert_frame_equal(frame, due)
    assert frame.groupby(["task", "searcher", "seed"], observed=True).size().eq(10).all()  # 2 seconds each
    said = json.loads((tmp_path / "out" / "provenance.json").read_bytes())
    assert said["evaluator"]["kind"] == "function"
    assert said["tasks"]["nb201/cifar100"][0]["source"] == "function convolutions"
    picks = pd.read_csv(tmp_path / "out" / "picks.csv")
    assert picks["value"].max() <= 6 < picks["cifar10/accuracy/valid/200/mean"].min()
    path.write_text(SPECIFICATION.replace("repeats = 2", "repeats = 3"))
    assert_frame_equal(run_specification(path, tmp_path / "out"), run_specification(path))
    path.write_text(SPECIFICATION.replace('"myevaluators:convolutions"', '"table"'))
    with pytest.raises(SettingError, match="holds another comparison"):
        run_specification(path, tmp_path / "out")


@pytest.mark.slow
def test_workers_give_the_same(path: Path) -> None:
    assert_frame_equal(run_specification(path, workers=2), run_specification(path))


def test_shards_give_the_same(path: Path, tmp_path: Path) -> None:
    for i in range(2):
        run_specification(path, tmp_path / "shards", shard=f"{i}/2")
    assert_frame_equal(run_specification(path, tmp_path / "shards"), run_specification(path))


def test_an_evaluator_answers_for_its_own_task(path: Path, tmp_path: Path) -> None:
    path.write_text(
        SPECIFICATION.replace(', "nb201/cifar100"', "").replace(":convolutions", ":on_cifar10"), encoding="utf-8"
    )
    assert run_specification(path)["value"].max() <= 6
    done = CliRunner().invoke(app, ["compare", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "summary.md").is_file()


def test_the_file_of_a_surrogate_is_one_beside_the_specification(path: Path, tmp_path: Path) -> None:
    surrogate = Surrogate.load("nb201/cifar10")
    surrogate.save(tmp_path / "mine.npz")
    one = SPECIFICATION.replace(', "nb201/cifar100"', "").replace("seconds = 20\n", "stop_at_optimum = true\n")
    path.write_text(one.replace("myevaluators:convolutions", "mine.npz"))
    done = CliRunner().invoke(app, ["compare", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    frame = pd.read_parquet(tmp_path / "out" / "results.parquet")
    np.testing.assert_array_equal(frame["value"], surrogate.values[frame["cell"]])
    said = json.loads((tmp_path / "out" / "provenance.json").read_bytes())
    assert said["evaluator"]["sha256"] == surrogate.sha256
    kept = tmp_path / "out" / "specification.toml"
    assert 'evaluator = "../mine.npz"' in kept.read_text()
    assert_frame_equal(run_specification(kept, tmp_path / "out"), frame)
    fit_surrogate("nb201/cifar10", train_fraction=0.01).save(tmp_path / "mine.npz")
    with pytest.raises(SettingError, match="sha256 is"):
        run_specification(kept, tmp_path / "out")
    path.write_text(one.replace("myevaluators:convolutions", "gone.npz"))
    with pytest.raises(NasmetaError, match=r"own\.toml, line 3: .*gone\.npz"):
        read_specification(path)


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        ("myevaluators:", "my_evaluators:", 3, "my_evaluators"),
        (":convolutions", ":convolution", 3, ":convolution cannot be imported"),
        (":convolutions", ":Evaluators", 3, "expected a function"),
        (":convolutions", ":on_cifar10", 3, "The evaluator answers for nb201/cifar10, but the task is nb201/cifar100"),
        ("evaluations = 12", "stop_at_optimum = true", 6, "The optimum of a function is not known"),
    ],
)
def test_errors_name_the_line(path: Path, before: str, after: str, line: int, message: str) -> None:
    assert before in SPECIFICATION
    path.write_text(SPECIFICATION.replace(before, after))
    with pytest.raises(NasmetaError, match=re.escape(message)) as caught:
        run_specification(path)
    assert str(caught.value).startswith(f"own.toml, line {line}: "), caught.value
    assert read_specification(path, check=False).tasks == ("nb201/cifar10", "nb201/cifar100"), "nothing is imported"


@pytest.mark.usefixtures("path")
def test_a_space_is_known_by_its_place(tmp_path: Path) -> None:
    def said(command: str, *evaluator: str) -> str:
        named = ["random", "myevaluators:space"]
        if command == "compare":
            named = ["--searchers", "random", "--tasks", "myevaluators:space", "--repeats", "2"]
        result = CliRunner().invoke(app, [command, *named, *evaluator, "--evaluations", "4"])
        assert result.exit_code == (0 if evaluator == own else 2)
        return result.stdout + result.stderr

    own = ("--evaluator", "myevaluators:width")
    for command in ("search", "compare"):
        assert "mlp/width" in said(command, *own)
        assert "A space alone has no answers: pass a function" in said(command)
        assert "myevaluators:nosuch cannot be imported" in said(command, "--evaluator", "myevaluators:nosuch")
        assert "nosuch:width cannot be imported" in said(command, "--evaluator", "nosuch:width")
    frame = nm.compare(["random"], "myevaluators:space", evaluator=own[1], repeats=2, evaluations=4)
    assert frame.groupby("seed")["value"].max().tolist() == [32.0, 32.0]
    (tmp_path / "own.toml").write_text(re.sub("tasks = .*", 'tasks = ["myevaluators:space"]', SPECIFICATION))
    with pytest.raises(SettingError, match=r"own.toml, line 1: .* a space is asked alone, in search and compare"):
        read_specification(tmp_path / "own.toml")
