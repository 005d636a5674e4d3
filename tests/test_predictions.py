"""No output of a search or a comparison shows a prediction like a measurement."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.analysis import plot_attainment, plot_ranks, plot_regret
from nasmeta.analysis.report import facts_of
from nasmeta.analysis.report._write import _figures
from nasmeta.cli._app import app
from nasmeta.errors import JournalError
from nasmeta.evaluators import MultiObjectiveEvaluator, SurrogateEvaluator, TableEvaluator
from nasmeta.runs import Journal, require_journal
from nasmeta.surrogates import Surrogate

_WITHOUT_VALUES = ("critical_difference", "power")  # figures


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def labels_of(figure: Any) -> str:
    return "; ".join(f"{axes.get_xlabel()} {axes.get_ylabel()}" for axes in figure.axes)


def in_json(text: str) -> str:
    """Return facts as a text, without empty ones."""
    return json.dumps(
        json.loads(
            text, object_hook=lambda facts: {name: fact for name, fact in facts.items() if fact}
        )
    )


def outputs(task: str, folder: Path, *evaluator: str) -> dict[str, str]:
    """Return the outputs of a search and a comparison by name."""
    runs, journal = folder / "runs", folder / "run.jsonl"
    of_run = ["search", "random", task, *evaluator, "--evaluations", "20"]
    of_comparison = [
        "compare",
        "--searchers",
        "random,evolution,local-search",
        "--tasks",
        task,
        *evaluator,
    ]
    of_comparison += ["--evaluations", "20", "--repeats", "2", "--workers", "1", "--folder", runs]
    searched = command(*of_run, "--journal", journal)
    run = nm.search(
        "random", task, evaluations=20, **({"evaluator": evaluator[1]} if evaluator else {})
    )
    found = {
        "search terminal": searched.stdout,
        "search result": next(
            line for line in searched.stdout.splitlines() if line.startswith("best ")
        ),
        "search progress": searched.stderr,
        "search json": in_json(command(*of_run, "--json").stdout),
        "search journal": json.dumps(require_journal(journal)[0]),
        "search repr": repr(run),
        "search facts": run._repr_html_(),
        "search figure": labels_of(run.plot()),
        "compare terminal": command(*of_comparison).stdout,
        "compare json": in_json(command(*of_comparison, "--json").stdout),
    }
    report = nm.report(runs, formats=["svg"])
    frame = report.findings.frame
    found |= {
        "compare regret": labels_of(plot_regret(frame)),
        "compare ranks": labels_of(plot_ranks(frame)),
    }
    for name, draw in _figures(report.findings).items():
        if name not in _WITHOUT_VALUES:
            found[f"report figure {name}"] = labels_of(draw())
    for file in [
        runs / "summary.md",
        *(file for file in report.files if file.suffix in (".md", ".html", ".tex")),
    ]:
        name = (
            f"latex {file.stem.partition('-')[0]}"
            if file.suffix == ".tex"
            else f"compare {file.name}"
        )
        text = file.read_text(encoding="utf-8").replace(get_plotlyjs(), "")
        found[name] = (
            re.sub("^%.*", "", text, flags=re.MULTILINE) if file.suffix == ".tex" else text
        )
    published = nm.publish(runs, folder / "published.json.gz")
    found["compare published"] = gzip.decompress(published.read_bytes()).decode()
    return found


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outputs("nb201/cifar10", tmp_path_factory.mktemp("fitted"), "--evaluator", "surrogate")


@pytest.fixture(scope="module")
def published(
    mirror: Path, cache_with: Callable, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    pytest.importorskip("onnxruntime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_MIRROR", str(mirror))
        patch.setenv("NASMETA_CACHE", str(cache_with("lcbench")))
        return outputs("lcbench/adult", tmp_path_factory.mktemp("published"))


@pytest.mark.parametrize("kind", ["fitted", "published"])
def test_each_output_names_predictions(request: pytest.FixtureRequest, kind: str) -> None:
    texts = request.getfixturevalue(kind)
    assert len(texts) == 23
    assert [name for name, text in texts.items() if "predict" not in text] == []
    assert [
        name for name, text in texts.items() if re.search(r"\brelease\b|\bmeasured\b", text)
    ] == []


@pytest.mark.parametrize(
    "name", ["search json", "search journal", "compare json", "compare published"]
)
def test_records_state_the_surrogate_and_its_labels(fitted: dict[str, str], name: str) -> None:
    assert json.dumps(SurrogateEvaluator("nb201/cifar10").prediction).replace(" ", "") in fitted[
        name
    ].replace(" ", "")


def test_journals_of_older_versions_resume(tmp_path: Path) -> None:
    run = nm.search("random", "nb201/cifar10", evaluator="surrogate", evaluations=30)
    header = {name: fact for name, fact in run.config.identity.items() if name != "predicted"}
    other = {**header, "evaluator": {"kind": "surrogate", "sha256": "5f"}}
    for name, facts in (("older", header), ("other", other)):
        with Journal(tmp_path / name, {**facts, "release": "NATS-tss v1.0"}) as journal:
            for position in range(20):
                journal.append(*run.row(position)[:3])
    again = nm.search(
        "random", "nb201/cifar10", evaluator="surrogate", evaluations=30, journal=tmp_path / "older"
    )
    assert again.values.tolist() == run.values.tolist()
    with pytest.raises(JournalError, match="sha256"):
        nm.search(
            "random",
            "nb201/cifar10",
            evaluator="surrogate",
            evaluations=30,
            journal=tmp_path / "other",
        )


def test_one_predicted_objective_of_two() -> None:
    task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    accuracy, seconds = task.parts
    mixed = MultiObjectiveEvaluator(task, [SurrogateEvaluator(accuracy), TableEvaluator(seconds)])
    frame = nm.compare(["random"], mixed, repeats=2, evaluations=20)
    run = nm.search("random", mixed, evaluations=20)
    for figure in (run.plot(), plot_attainment(frame)):
        assert labels_of(figure) == "training time (s) predicted accuracy (%)"
    assert "measured front" in [line.get_label() for line in plot_attainment(frame).axes[0].lines]
    assert run.config.identity["predicted"] == {
        "nb201/cifar10": SurrogateEvaluator(accuracy).prediction
    }
    (facts,) = facts_of(frame, {task.name: task})
    assert "predicted by surrogate nb201/cifar10 (R² " in str(facts)


def test_the_file_of_a_surrogate_is_named(tmp_path: Path) -> None:
    file = Surrogate.load("nb201/cifar10").save(tmp_path / "mine.npz")
    nm.compare(
        ["random"],
        "nb201/cifar10",
        evaluator=file,
        repeats=2,
        evaluations=20,
        folder=tmp_path / "runs",
    )
    file.unlink()
    report = nm.report(tmp_path / "runs", formats=["svg"])
    assert "predicted by surrogate mine.npz (R² " in str(report.findings.facts[0])
