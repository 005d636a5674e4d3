"""One run: who may ask for what, and that the seed decides everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import nasmeta as nm
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import JournalError, LeakageError, RunFailed, SettingError, UnknownNameError
from nasmeta.runs import read_run
from nasmeta.searchers import MetaSearcher, RandomSearch, Searcher
from nasmeta.tasks import SourceTask


class MeanOrder(MetaSearcher):
    """Cells in the order of their mean on the sources; for tests."""

    asked = 0

    def _learn(self, sources: list[SourceTask]) -> Any:
        mean = np.mean([source.utilities for source in sources], axis=0)
        return np.argsort(-mean, kind="stable").astype(np.int32)

    def ask(self, n: int = 1) -> Architectures:
        self.asked += n
        order = self._require_meta_model()
        return order[self.asked - n : self.asked]

    def tell(self, architectures: Architectures, values: Floats) -> None:
        pass


def test_same_runs_in_another_process() -> None:
    names = ["random", "local-search", "evolution", "gp"]
    code = (
        "import json, nasmeta as nm\n"
        "run = lambda name: nm.search(name, 'nb201/cifar10', evaluations=50, seed=11).architectures.tolist()\n"
        f"print(json.dumps([run(name) for name in {names}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    here = [
        nm.search(name, "nb201/cifar10", evaluations=50, seed=11).architectures.tolist()
        for name in names
    ]
    assert json.loads(done.stdout) == here


def test_seed_task_and_searcher_decide() -> None:
    runs = [
        nm.search(searcher, task, evaluations=20, seed=seed).architectures.tolist()
        for searcher in ("random", "evolution")
        for task in ("nb201/cifar10", "nb201/cifar100")
        for seed in (0, 1)
    ]
    assert len({tuple(run) for run in runs}) == len(runs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1},
        {"evaluations": 0},
        {"clock": {"workers": 0}},
        {"settings": {"population": 0}},
        {"settings": {"population": object()}},
        {"sources": ["nb201/cifar100"]},
    ],
)
def test_bad_arguments(arguments: dict) -> None:
    with pytest.raises(SettingError):
        nm.search("evolution", "nb201/cifar10", **arguments)


def test_unknown_names_list_the_choices() -> None:
    with pytest.raises(UnknownNameError):
        nm.search("evoluton", "nb201/cifar10")
    with pytest.raises(UnknownNameError):
        nm.search("random", "nb201/cifar1000")
    with pytest.raises(UnknownNameError) as error:
        nm.search("evolution", "nb201/cifar10", settings={"populaton": 3})
    assert (error.value.what, error.value.expected) == (
        "setting of evolution",
        "population, sample_size",
    )


def test_sources_are_the_family_without_the_dataset() -> None:
    run = nm.search(MeanOrder, "nb201/cifar100", evaluations=20)
    assert run.sources == ("nb201/cifar10", "nb201/imagenet16-120")
    sources = [nm.get_task(name).values for name in run.sources]
    expected = np.argsort(-np.mean(sources, axis=0), kind="stable")[:20]
    assert run.architectures.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "sources",
    [
        "nb201/cifar10",
        ["nb201/cifar100", "nb201/cifar10"],
        nm.task_distribution("nb201"),
        [nm.get_task("nb201/cifar10")],
        nm.get_task("nb201/cifar10").as_source(30, np.random.default_rng(0)),
    ],
    ids=["name", "names", "family", "task", "source"],
)
def test_the_dataset_of_the_target_is_no_source(sources: Any) -> None:
    with pytest.raises(LeakageError):
        nm.search(MeanOrder, "nb201/cifar10", sources=sources)


def test_a_class_is_a_searcher() -> None:
    class Custom(RandomSearch):
        pass

    assert nm.search(Custom, "nb201/cifar10", evaluations=10).searcher == "Custom"
    run = nm.search(RandomSearch, "nb201/cifar10", evaluations=10)
    assert run.searcher == "random"
    assert run.best == nm.search("random", "nb201/cifar10", evaluations=10).best


@pytest.mark.parametrize("sources", [[], ["nb201/cifar100"] * 3, ["nb201", "nb201/imagenet16-120"]])
def test_sources_are_different_tasks(sources: list[str]) -> None:
    with pytest.raises(SettingError):
        nm.search(MeanOrder, "nb201/cifar10", sources=sources)


@pytest.mark.parametrize("sources", ["nb201", ["nb201"]])
def test_a_family_is_a_source_without_what_is_held_out(sources: Any) -> None:
    run = nm.search(MeanOrder, "nb201/cifar100", evaluations=5, sources=sources)
    assert run.sources == ("nb201/cifar10", "nb201/imagenet16-120")


def test_an_error_inside_a_searcher_is_not_hidden() -> None:
    class Broken(Searcher):
        def ask(self, n: int = 1) -> Architectures:
            raise ZeroDivisionError

        def tell(self, architectures: Architectures, values: Floats) -> None:
            pass

    with pytest.raises(RunFailed) as failed:
        nm.search(Broken, "nb201/cifar10")
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


@pytest.mark.slow
def test_smac_knows_the_budget_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("smac")
    journal = tmp_path / "run.jsonl"
    run = nm.search("smac", "nb201/cifar10", evaluations=8, journal=journal)
    assert run.settings["n_trials"] == 8  # so two of them are its initial design
    with pytest.raises(JournalError):  # with another budget, other proposals
        nm.search("smac", "nb201/cifar10", evaluations=9, journal=journal)
    given = {"n_trials": 20}
    assert (
        nm.search("smac", "nb201/cifar10", evaluations=8, settings=given).settings["n_trials"] == 20
    )
    frame = nm.compare("smac", "nb201/cifar10", repeats=1, evaluations=8)
    assert frame["cell"].tolist() == run.architectures.tolist()


@pytest.mark.parametrize("task", ["nb201/cifar10", "nb201/cifar10+train_seconds"])
def test_a_journal_is_read_without_the_arguments_of_its_run(task: str, tmp_path: Path) -> None:
    class Mine(RandomSearch):
        """A searcher that the reader does not know."""

    path = tmp_path / "run.jsonl"
    for searcher, clock in (("random", None), (Mine, {"workers": 3})):
        run = nm.search(searcher, task, evaluations=30, seed=2, clock=clock, journal=path)
        assert_frame_equal(read_run(path).frame(), run.frame())
        path.unlink()
    nm.search(
        "random", nm.get_space("nb201"), evaluator=lambda choices: 1.0, evaluations=3, journal=path
    )
    with pytest.raises(SettingError):
        read_run(path)
