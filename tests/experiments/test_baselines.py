"""Stored baselines replace new runs: the results are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.experiments import BASELINES, read_published

TASK = "nb201/cifar10"


@pytest.mark.parametrize(
    ("evaluations", "options", "stored"),
    [
        (
            20,
            {"tasks": [TASK, "nb201/cifar100"], "repeats": [29, 30, 0]},
            ["local-search", "tpe", "reinforce", "gp"],
        ),
        (90, {"stop_at_optimum": True}, ["local-search", "tpe", "reinforce", "gp"]),
        (101, {}, []),
        (20, {"clock": {"workers": 2}}, []),
    ],
)
def test_results_are_those_of_new_runs(evaluations: int, options: dict, stored: list[str]) -> None:
    options = {"tasks": TASK, "repeats": 1, "evaluations": evaluations} | options
    own = {"evolution": ("evolution", {"population": 5}), "random": "random"}
    frame = nm.compare(own, with_baselines=True, **options)
    new = nm.compare({label: own.get(label, label) for label in BASELINES}, **options)
    assert_frame_equal(frame, new, check_exact=True)
    assert [label for labels in frame.attrs["stored"].values() for label in labels] == stored


def test_only_the_own_searcher_runs(tmp_path: Path) -> None:
    frame = nm.compare({"mine": "random"}, TASK, repeats=3, folder=tmp_path, with_baselines=True)
    assert len(frame) == 7 * 3 * 100
    assert {path.parent.name for path in tmp_path.rglob("*.jsonl")} == {"mine"}
    assert "stored runs of nasmeta" in " ".join(nm.report(tmp_path, formats=()).findings.remarks)
    file = nm.publish(tmp_path, tmp_path / "mine.json.gz")
    assert [pair["label"] for pair in read_published(file)["pairs"]] == ["mine"]
    assert nm.audit(file, level=0).reasons == []
    audit = nm.audit(tmp_path, level=0)
    assert (audit.verdict, len(audit.reasons)) == ("cannot be checked", 6)
