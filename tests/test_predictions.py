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
from nasmeta.analysis import plot_ranks, plot_regret
from nasmeta.analysis.report._write import _figures
from nasmeta.cli._app import app
from nasmeta.runs import require_journal

_OF_RUN = ("terminal", "progress", "json", "journal", "repr", "facts", "figure")
_OF_COMPARISON = ("terminal", "json", "summary.md", "report.md", "index.html", "published", "figures")
_LATEX = ("ranks", "results", "scores", "tests")
_WITHOUT_VALUES = ("critical_difference", "power")  # figures


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def labels_of(figure: Any) -> str:
    return "; ".join(f"{axes.get_xlabel()} {axes.get_ylabel()}" for axes in figure.axes)


def in_json(text: str) -> str:
    """Return facts as a text, without empty ones."""
    return json.dumps(json.loads(text, object_hook=lambda facts: {name: fact for name, fact in facts.items() if fact}))


def outputs(task: str, folder: Path, *evaluator: str) -> dict[str, str]:
    """Return the outputs of a search and a comparison by name."""
    runs, journal = folder / "runs", folder / "run.jsonl"
    of_run = ["search", "random", task, *evaluator, "--evaluations", "20"]
    of_comparison = ["compare", "--searchers", "random,evolution,local-search", "--tasks", task, *evaluator]
    of_comparison += ["--evaluations", "20", "--repeats", "2", "--workers", "1", "--folder", runs]
    searched = command(*of_run, "--journal", journal)
    run = nm.search("random", task, evaluations=20, **({"evaluator": evaluator[1]} if evaluator else {}))
    found = {
        "search terminal": searched.stdout,
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
    found["compare figures"] = labels_of(plot_regret(frame)) + " | " + labels_of(plot_ranks(frame))
    for name, draw in _figures(report.findings).items():
        if name not in _WITHOUT_VALUES:
            found[f"report figure {name}"] = labels_of(draw())
    for file in [runs / "summary.md", *(file for file in report.files if file.suffix in (".md", ".html", ".tex"))]:
        name = f"latex {file.stem.partition('-')[0]}" if file.suffix == ".tex" else f"compare {file.name}"
        found[name] = file.read_text(encoding="utf-8").replace(get_plotlyjs(), "")
    published = nm.publish(runs, folder / "published.json.gz")
    found["compare published"] = gzip.decompress(published.read_bytes()).decode()
    return found


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outputs("nb201/cifar10", tmp_path_factory.mktemp("fitted"), "--evaluator", "surrogate")


@pytest.fixture(scope="module")
def published(
    mirror: Path, cache_with: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    pytest.importorskip("onnxruntime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASMETA_MIRROR", str(mirror))
        patch.setenv("NASMETA_CACHE", str(cache_with("lcbench")))
        return outputs("lcbench/adult", tmp_path_factory.mktemp("published"))


_NAMES = [*(f"search {name}" for name in _OF_RUN), *(f"compare {name}" for name in _OF_COMPARISON)]
_NAMES += [f"latex {name}" for name in _LATEX]
_NAMES += [f"report figure {name}" for name in ("regret_evaluations", "regret_seconds", "ranks")]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("kind", ["fitted", "published"])
def test_each_output_names_predictions(request: pytest.FixtureRequest, kind: str, name: str) -> None:
    found = request.getfixturevalue(kind)
    assert sorted(found) == sorted(_NAMES)
    assert "predict" in found[name]
    assert not re.search(r"\brelease\b|\bmeasured\b", found[name])
