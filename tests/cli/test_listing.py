"""Lists of names, the doctor, completion, and ready comparisons that are shown or run with other repeats."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import nasmeta as nm
from nasmeta.cli._app import app
from nasmeta.errors import EXTRAS, UnknownNameError
from nasmeta.experiments import read_specification
from nasmeta.meta import META_PREDICTORS
from nasmeta.prediction._models import label_free_names
from nasmeta.predictors import ENCODERS, PREDICTORS
from nasmeta.searchers import SEARCHERS
from nasmeta.training import Recipe, compute_proxies
from nasmeta.training.proxies import PROXIES

SEARCHES = """
import sys
PEERS = ("botorch", "smac", "syne_tune")
class Absent:
    def find_spec(self, name, *rest):
        if name in ("torch", "safetensors", "optuna", *PEERS):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
import nasmeta as nm
from nasmeta.errors import MissingPackageError, NasmetaError
for name in sorted(nm.searchers.SEARCHERS):
    try:
        several = nm.searchers.SEARCHERS[name].objectives == "several"
        nm.search(name, "nb201/cifar10+train_seconds" if several else "nb201/cifar10", evaluations=1)
    except MissingPackageError as reason:
        print(name, reason.extra)
    except NasmetaError:
        print(name, "")
"""


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})


@pytest.mark.slow
def test_the_extras_of_searchers_are_those_that_they_ask_for() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEARCHES], capture_output=True, text=True, check=True
    )
    asked = dict(line.split(" ") for line in done.stdout.splitlines())
    asked = {name: extra for name, extra in asked.items() if extra}  # others want a larger budget
    # Whoever needs two says so only when the first one is there.
    listed = nm.list_searchers().set_index("searcher")["extra"]
    assert {name: extra.partition(",")[0] for name, extra in listed.items() if extra} == asked


def test_lists_hold_all_names() -> None:
    searchers = nm.list_searchers().set_index("searcher")
    assert set(searchers.index) == set(SEARCHERS)
    assert searchers["summary"].str.len().min() > 20
    assert set(searchers.index[searchers["fidelities"]]) == {
        "asha",
        "bohb",
        "hyperband",
        "successive-halving",
    }
    tasks = nm.list_tasks()
    assert tasks["task"].is_unique
    for name in tasks["task"]:
        assert nm.get_task(name).name == name
    here = tasks.set_index("task")["here"]
    assert here["nb201/cifar10"]
    assert not here["nb201/latency/pixel3"]
    with pytest.raises(UnknownNameError, match="nb201/accuracy"):
        nm.list_tasks("nb201/acuracy")


KINDS = (
    "searchers tasks tables specifications predictors encoders evaluators recipes images proxies"
)


@pytest.mark.parametrize("kind", KINDS.split())
def test_lists_start_a_line_with_each_name(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = list(dict.fromkeys(getattr(nm, f"list_{kind}")().iloc[:, 1 if kind == "tasks" else 0]))
    words = []
    for colour in ("", "1"):  # a file, and a terminal
        monkeypatch.setenv("FORCE_COLOR", colour)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", run("list", kind).stdout).splitlines()
        assert [line.split()[0] for line in lines[1:] if line[0] != " "] == names
        words.append(sorted(" ".join(lines).split()))
    assert max(map(len, lines)) <= 80
    assert words[0] == words[1], "a terminal cuts nothing"
    details = run("list", kind, names[-1])
    assert details.exit_code == 0, details.output


def test_lists_of_what_predicts() -> None:
    predictors = nm.list_predictors().set_index("predictor")
    assert set(predictors.index) == {
        *PREDICTORS,
        *META_PREDICTORS,
        *label_free_names(),
        "source-order",
    }
    assert set(predictors.index[predictors["sources"]]) == {*META_PREDICTORS, "source-order"}
    assert predictors.loc[list(PREDICTORS), "encoder"].to_list() == [
        PREDICTORS[name].default_encoder or "" for name in PREDICTORS
    ]
    tree = nm.list_encoders("hpobench-mlp").set_index("encoder")
    assert tree["columns"][["one-hot", "graph", "columns"]].to_list() == [43, 0, 0]
    assert set(tree.index) == {*ENCODERS, "proxies", "published-proxies"}


WITHOUT_TORCH = f"""{SEARCHES.partition("for name")[0]}
predictors = nm.list_predictors().set_index("predictor")
print(*predictors.index[predictors["summary"].str.contains("pip install torch safetensors")])
print(*predictors.index[predictors["extra"] == "torch"])
print(len(nm.list_recipes()), len(nm.list_images()), len(nm.list_evaluators()))
for call in (nm.list_proxies, lambda: nm.train(0, "digits"),
             lambda: nm.search("maml-ei", "nb201/cifar10", evaluations=5)):
    try:
        call()
    except MissingPackageError as reason:
        print(reason.extra, reason)
"""


def test_missing_pytorch_is_reported_as_such() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True
    )
    asked, listed, counts, *errors = done.stdout.splitlines()
    assert asked == listed
    assert "maml" in asked.split()
    assert counts == f"{len(Recipe.names())} {len(nm.list_images())} 4"
    assert len(errors) == 3
    for error in errors:
        assert error.startswith("torch ")
        assert "pip install torch safetensors" in error


def test_the_extras_of_messages_are_those_of_the_package() -> None:
    declared = tomllib.loads((Path(nm.__file__).parents[1] / "pyproject.toml").read_text())[
        "project"
    ]
    extras = declared["optional-dependencies"]

    def packages(extra: str) -> set[str]:
        names = set()
        for asked in extras[extra]:
            inner = re.fullmatch(r"nasmeta\[(.*)\]", asked)
            names |= packages(inner[1]) if inner else {re.match(r"[\w-]+", asked)[0]}
        return names

    for extra, names in EXTRAS.items():
        assert set(names.split()) == set().union(*map(packages, extra.split(",")))


def test_lists_of_what_trains() -> None:
    recipes = nm.list_recipes().set_index("recipe")
    for name in Recipe.names():
        assert recipes.loc[name, ["epochs", "train_images"]].to_list() == [
            Recipe.load(name).epochs, Recipe.load(name).train_images,
        ]  # fmt: skip
    assert recipes["summary"]["verify-cpu-quick"] == "About 20 seconds per cell on one CPU core."
    images = nm.list_images().set_index("images")
    assert images["data"]["fashion-mnist"] == "fashion-mnist[:PATH]"
    assert set(nm.list_proxies()["proxy"]) == set(PROXIES)
    with pytest.raises(UnknownNameError, match="nwot"):
        compute_proxies([0], proxies=["nwo"])


def test_lists_refuse() -> None:
    assert run("list", "searcher").exit_code == 2
    assert run("list", "encoders", "--space", "nb20").exit_code == 2
    assert run("list", "recipes", "fst").exit_code == 2
    assert "nb201/imagenet16-120" in run("list", "tasks", "nb201").stdout


def test_details_of_a_searcher_name_its_settings() -> None:
    assert "population=30, sample_size=10" in run("list", "searchers", "evolution").stdout


def test_the_doctor_finds_what_is_broken() -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert nm.__version__ in done.stdout


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("search source-", "source-order"),
        ("search gp nb201/cifar100@", "nb201/cifar100@12ep"),
        ("compare nb", "nb201-paper"),
        ("train 6111 --recipe nb201-1", "nb201-12"),
        ("search gp --evaluator sur", "surrogate"),
    ],
)
def test_the_shell_completes_names(words: str, name: str) -> None:
    assert CliRunner().invoke(app, env=typed(words), prog_name="nasmeta").stdout.split() == [name]


def typed(words: str) -> dict[str, str]:
    """Return what Bash says of words after which Tab was pressed."""
    at = str(len(words.split()))
    return {
        "_NASMETA_COMPLETE": "complete_bash",
        "COMP_WORDS": f"nasmeta {words}",
        "COMP_CWORD": at,
    }


@pytest.mark.usefixtures("blank_figures")
def test_a_shipped_comparison_is_shown_and_repeated(tmp_path: Path) -> None:
    assert (
        run("list", "specifications", "first-steps").stdout
        == read_specification("first-steps").text
    )
    done = run("compare", "first-steps", "--repeats", "2", "--folder", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert "2 runs" in done.stdout
    assert run("compare", "first-steps", "--repeats", "0").exit_code == 2
