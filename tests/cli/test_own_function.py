"""A user's own function over a large space: on the command line, in a comparison, and in journals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from example_spaces import example_space
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import EvaluationFailed, JournalError
from nasmeta.evaluators import FunctionEvaluator

SPACE = example_space("large")


def score(choices):  # type: ignore[no-untyped-def]
    if choices["layers"] * choices["width"] > 500:
        raise EvaluationFailed("out of memory")
    return -abs(np.log10(choices["rate"]) + 3) + choices.get("momentum", 0.5)


def test_a_comparison_on_two_workers_has_ranks_and_the_same_bits(tmp_path: Path) -> None:
    own = nm.SearchSpace(
        "own", {f"x{i}": nm.Range(0.0, 1.0) for i in range(5)}, valid=lambda d: d.x0 + d.x1 < 1.5
    )
    evaluator = FunctionEvaluator(lambda choices: sum(choices.values()), own, name="total")
    frames = [
        nm.compare(
            ["random", "tpe"], evaluator, repeats=2, evaluations=15, workers=workers, folder=folder
        )
        for workers, folder in ((1, None), (2, tmp_path))
    ]
    assert frames[0].equals(frames[1])
    assert frames[0]["cell"].dtype == np.int64
    assert frames[0]["regret"].isna().all()
    np.testing.assert_allclose(
        frames[0]["value"],
        [sum(own.choices(cell).values()) for cell in frames[0]["cell"]],
        rtol=1e-12,
    )


def test_a_journal_resumes_with_failures_and_refuses_other_levels(tmp_path: Path) -> None:
    whole = nm.search("tpe", SPACE, evaluator=score, evaluations=30)
    assert whole.failures
    for evaluations in (12, 30):
        part = nm.search(
            "tpe", SPACE, evaluator=score, evaluations=evaluations, journal=tmp_path / "run.jsonl"
        )
    np.testing.assert_array_equal(part.architectures, whole.architectures)
    fewer = nm.SearchSpace(
        "large", [*SPACE.positions[:-1], nm.Range(0.5, 0.99, levels=50).position("momentum", 50)]
    )
    with pytest.raises(JournalError):
        nm.search("tpe", fewer, evaluator=score, evaluations=30, journal=tmp_path / "run.jsonl")


def test_the_command_names_a_space_and_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("mine_large.py").write_text(
        "import nasmeta as nm\n"
        "space = nm.SearchSpace('mine', {f'x{i}': nm.Range(1e-5, 1.0, log=True) for i in range(6)})\n"
        "def score(choices):\n    return sum(choices.values())\n"
    )
    options = (
        "search random --space mine_large:space --evaluator mine_large:score --evaluations 5 --json"
    )
    found = CliRunner().invoke(app, options.split())
    assert found.exit_code == 0, found.output
    best = json.loads(found.stdout)["result"]["best"]
    assert best["value"] == pytest.approx(
        sum(float(pair.split("=")[1]) for pair in best["architecture"].split(","))
    )


def test_an_evaluator_of_a_space_is_an_evaluator() -> None:
    space = nm.SearchSpace("mlp", {"width": [16, 32, 64]})
    evaluator = FunctionEvaluator(lambda choices: choices["width"], space)
    assert nm.search("random", space, evaluator=evaluator, evaluations=3).best.value == 64
    assert len(nm.compare(["random"], space, evaluator=evaluator, repeats=2, evaluations=3)) == 6
