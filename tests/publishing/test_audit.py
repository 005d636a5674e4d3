"""Honest files are verified, custom code runs only on request, and no file is executed or unpacked without limit."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.experiments import read_published

HONEST = {
    "budget in seconds, several workers": {
        "searchers": ["evolution", "tpe"], "seconds": 60_000,
        "clock": {"workers": 4, "repeats": "charged", "overshoot": "discard"},
    },
    "several objectives": {"searchers": ["nsga2"], "tasks": "nb201/cifar10+train_seconds", "evaluations": 30},
    "sampled seeds": {"searchers": ["random"], "tasks": "nb201/cifar10#sample", "evaluations": 30},
    "optimum": {"searchers": ["evolution"], "evaluations": 2_000, "stop_at_optimum": True},
    "sources": {"searchers": {"warm": ("random", {"prune_space": 0.1, "warm_start": 3})}, "evaluations": 10},
    "surrogate": {"searchers": ["random"], "evaluations": 10, "evaluator": "surrogate"},
    "training lengths": {"searchers": {"hyperband": ("hyperband", {"epochs": [200]})}, "evaluations": 40},
    "exhausted": {"searchers": ["random"], "tasks": "hpobench-mlp/australian", "evaluations": 10_000},
}  # fmt: skip


def write(content: dict, path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps(content).encode()))


@pytest.mark.parametrize("kind", HONEST)
def test_honest_comparisons(kind: str, tmp_path: Path) -> None:
    nm.compare(
        **{"tasks": "nb201/cifar10", "repeats": 2, "folder": tmp_path / "runs"} | HONEST[kind]
    )
    for published in (nm.publish(tmp_path / "runs", tmp_path / "runs.json.gz"), tmp_path / "runs"):
        audit = nm.audit(published)
        assert (audit.verdict, audit.reasons) == ("verified", [])
        assert audit.repeated == 2 * len(HONEST[kind]["searchers"])


def test_a_statistical_searcher_needs_level_2(tmp_path: Path) -> None:
    nm.compare(["ridge-ei"], "nb201/cifar10", repeats=3, evaluations=14, folder=tmp_path)
    assert [nm.audit(tmp_path, level=level, runs=3).verdict for level in range(3)] == [
        "verified", "cannot be checked", "verified",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("searcher", "verdict"), [("gp", "cannot be checked"), ("random", "verified")]
)
def test_searches_of_candidates_are_statistical(
    searcher: str, verdict: str, mirror: Path, cache_with: Callable,
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("NASMETA_MIRROR", str(mirror))
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with("lcbench")))
    nm.compare([searcher], "lcbench/adult", repeats=2, evaluations=7, folder=tmp_path)
    assert nm.audit(tmp_path).verdict == verdict


def test_custom_code_runs_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "from nasmeta.searchers import SEARCHERS\nclass Mine(SEARCHERS['random']): pass\nasked = []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    nm.compare(["mine:Mine"], "nb201/cifar10", repeats=2, evaluations=10, folder=tmp_path / "runs")
    file = nm.publish(tmp_path / "runs", tmp_path / "runs.json.gz", author="A. Author")
    audit = nm.audit(file)
    assert audit.verdict == "cannot be checked"
    assert "mine:Mine is code of A. Author" in audit.reasons[0]
    assert nm.audit(file, run_code=True).verdict == "verified"
    content = read_published(file)
    assert content["pairs"][0]["source"] == content["pairs"][0]["identity"]["code"]
    content["pairs"][0]["identity"]["code"] = "other"
    write(content, file)
    assert nm.audit(file, run_code=True).verdict == "cannot be checked"


def test_a_command_runs_only_on_request(tmp_path: Path) -> None:
    searchers = {
        "mine": (
            "command",
            {"command": f"sh {Path(__file__).parents[2]}/examples/shell_searcher.sh"},
        )
    }
    nm.compare(searchers, "nb201/cifar10", repeats=3, evaluations=8, folder=tmp_path)
    verdicts = [
        nm.audit(tmp_path, level=2, runs=3, run_code=run_code).verdict for run_code in (False, True)
    ]
    assert verdicts == ["cannot be checked", "verified"]


@pytest.mark.parametrize("key", ["searcher", "task", "sources", "settings", "command"])
def test_a_file_that_names_code_imports_nothing(
    key: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile_audit.py").write_text("raise SystemExit\n")
    monkeypatch.syspath_prepend(tmp_path)
    content, code = read_published(file), "hostile_audit:run"
    named = {
        "sources": {"sources": [{"name": code}]},
        "settings": {"searcher": "predictor", "settings": {"predictor": code}},
        "command": {"searcher": "command", "settings": {"command": f"touch {tmp_path / 'ran'}"}},
    }.get(key, {key: code})
    for pair in content["pairs"]:
        pair["identity"] |= named
    hostile = tmp_path / "hostile.json.gz"
    write(content, hostile)
    assert nm.audit(hostile, level=2).verdict != "verified"
    assert ("hostile_audit" in sys.modules, (tmp_path / "ran").exists()) == (False, False)


@pytest.mark.parametrize(
    "text", [b" " * (1 << 27), b'{"nasmeta_published": 1}'], ids=["too long", "no runs"]
)
def test_another_text_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "bomb").write_bytes(gzip.compress(text))
    with pytest.raises(DamagedFileError):
        nm.audit(tmp_path / "bomb")


def test_another_table_cannot_be_checked(file: Path, tmp_path: Path) -> None:
    content = read_published(file)
    content["pairs"][0]["columns"][0] = "0" * 16
    write(content, tmp_path / "other")
    assert nm.audit(tmp_path / "other", level=0).verdict == "cannot be checked"


def test_another_source_is_stated_and_no_runs_are_not_verified(file: Path, tmp_path: Path) -> None:
    content, altered = read_published(file), tmp_path / "altered"
    content["pairs"][0]["source"] = "other"
    write(content, altered)
    audit = nm.audit(altered)
    assert (audit.verdict, audit.repeated, len(audit.reasons)) == ("verified", 20, 1)
    assert audit.reasons[0].startswith("random on nb201/cifar10: the stated source")
    write({**content, "pairs": [], "summary": {}}, altered)
    assert nm.audit(altered).verdict == "cannot be checked"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["audit", str(tmp_path / "missing.json.gz")])
    assert done.stderr.startswith(
        f"Error: File not found: {tmp_path / 'missing.json.gz'}. nasmeta publish"
    )


def test_results_of_functions_are_refused(tmp_path: Path) -> None:
    space = nm.get_space("nb201")
    nm.compare(
        ["random"], space, evaluator=lambda choices: 1.0, repeats=1, evaluations=3, folder=tmp_path
    )
    with pytest.raises(SettingError) as error:
        nm.publish(tmp_path, tmp_path / "out")
    assert error.value.value == "function"


def test_commands(folder: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json.gz"
    command = [
        "publish",
        str(folder),
        "--output",
        str(out),
        "--author",
        "A. Author",
        "--tuned-on",
        "nb201/cifar10",
    ]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert read_published(out) == read_published(file)
    done = CliRunner().invoke(app, ["audit", str(out), "--seed", "3", "--runs", "4", "--json"])
    result = json.loads(done.stdout)["result"]
    assert (done.exit_code, result["verdict"], result["repeated"]) == (0, "verified", 4)
    assert (result["author"], result["tuned_on"]) == ("A. Author", ["nb201/cifar10"])
    content = read_published(out)
    content["seeds"] = [7]
    write(content, out)
    done = CliRunner().invoke(app, ["audit", str(out), "--json"])
    assert (done.exit_code, json.loads(done.stdout)["result"]["verdict"]) == (1, "not reproduced")


def test_predictions_are_published_although_their_last_digits_depend_on_the_call(
    tmp_path: Path,
) -> None:
    options = {"evaluator": "surrogate", "repeats": 2, "evaluations": 20}
    nm.compare(["random", "gp"], "nb201/cifar10", folder=tmp_path, **options)
    assert (
        nm.audit(nm.publish(tmp_path, tmp_path / "new" / "file.json.gz"), level=0).verdict
        == "verified"
    )
