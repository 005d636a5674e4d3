"""Learned spaces, and searchers inside them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm
from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import LeakageError, OtherMetricWarning, SettingError, SpaceExhaustedError
from nasmeta.meta import (
    LearnedSpace,
    SavedMetaModel,
    warm_start_architectures,
    warn_of_other_metric,
)
from nasmeta.meta._learned_space import _left_out_positions
from nasmeta.meta._mean_score_search import SourceOrder
from nasmeta.searchers import (
    SEARCHERS,
    RandomSearch,
    Searcher,
    SubsetSearch,
)
from nasmeta.spaces import CellSpace, get_space
from nasmeta.tasks import Signal, SourceTask, Task
from nasmeta.testing import SearcherContract, made_up_values

NB201, TNB101 = get_space("nb201"), get_space("tnb101")
FEW = np.arange(0, 4096, 8, dtype=np.int32)


def made_up(name: str, shift: float, n: int = 400, space: CellSpace = TNB101) -> SourceTask:
    architectures = space.sample(n, np.random.default_rng(len(name)))
    return SourceTask(name, name, space, architectures, made_up_values(space, shift)[architectures])


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16-120"])
def test_five_percent_keep_the_best_cell_of_the_data_set_left_out(dataset: str) -> None:
    sources, target = nm.task_distribution("nb201").leave_out(dataset)
    learnt = LearnedSpace.learn(NB201, sources, 0.05)
    assert len(learnt.architectures) == len(set(learnt.architectures.tolist())) == 782
    assert np.isin(target[0].optimal_architectures, learnt.architectures).all()
    assert (learnt.order[:782] == learnt.architectures).all()


def test_probabilities_are_those_of_the_distribution() -> None:
    learnt = LearnedSpace.learn(TNB101, [made_up("a", 0.0), made_up("bb", 0.2)])
    p = np.exp(learnt.log_probability)
    assert p.sum() == pytest.approx(1)
    assert (np.diff(p[learnt.order]) <= 0).all()


def test_few_labels_teach_something() -> None:
    task = nm.get_task("nb201/cifar10")
    few = nm.get_task("nb201/cifar100").as_source(100, np.random.default_rng(0))
    kept = LearnedSpace.learn(NB201, [few], 0.1).architectures
    assert task.values[kept].mean() > np.quantile(task.values, 0.75)


def test_tasks_that_share_a_device_are_left_out_together() -> None:
    labels = made_up("a", 0.0)
    trade_offs = [
        SourceTask(
            dataset + device,
            dataset,
            TNB101,
            labels.architectures,
            labels.utilities,
            held_out=(device,),
        )
        for dataset in ("x", "y")
        for device in ("v", "w")
    ]
    uniform = np.zeros((4, TNB101.size))

    def left_out(sources: list[SourceTask]) -> int:
        return len(_left_out_positions(sources, uniform[: len(sources)], [FEW[:1]] * len(sources)))

    assert left_out(trade_offs[:2]) == 0, "both are on x"
    assert left_out(trade_offs) == 1
    assert left_out([*trade_offs[:2], made_up("ccc", 0.3)]) == 2


# -- inside a part of the space


def test_the_part_is_searched_to_its_end() -> None:
    class Stubborn(RandomSearch):
        def restrict(self, architectures: Architectures) -> bool:
            return False

        def ask(self, n: int = 1) -> Architectures:
            return np.zeros(n, np.int32)

    part = np.array([5, 9, 7], np.int32)
    for kind in (Stubborn, RandomSearch):
        guided = SubsetSearch(kind(TNB101, np.random.default_rng(0)), part)
        found = [int(guided.ask()[0]) for _ in range(3)]
        assert sorted(found) == [5, 7, 9]
        guided.tell(np.array(found, np.int32), np.arange(3.0))
        with pytest.raises(SpaceExhaustedError):
            guided.ask()


def test_a_proposal_outside_is_observed_as_the_worst_value_so_far() -> None:
    observed = []

    class Waiting(RandomSearch):
        waits_for_values = True

        def restrict(self, architectures: Architectures) -> bool:
            return False

        def tell(self, architectures: Architectures, values: Floats) -> None:
            observed.extend(values.tolist())

    guided = SubsetSearch(Waiting(TNB101, np.random.default_rng(0)), np.arange(9, dtype=np.int32))
    guided.tell(np.array([1, 2]), np.array([5.0, 3.0]))
    guided.tell(np.array([4]), np.array([4.0]))
    guided.ask()
    assert observed[:3] == [5.0, 3.0, 4.0]
    assert set(observed[3:]) == {3.0}


class TestInside(SearcherContract):
    def make(self, space: CellSpace, rng: np.random.Generator) -> Searcher:
        inside = np.flatnonzero(made_up_values(space) > np.median(made_up_values(space))).astype(
            np.int32
        )
        return SubsetSearch(SEARCHERS["evolution"](space, rng), inside, inside[:3])

    test_knows_space_and_generator_and_has_defaults_for_the_rest = None  # type: ignore[assignment]
    test_runs_on_a_real_task = None  # type: ignore[assignment]


# -- warm starts
def test_the_second_cell_is_good_where_the_first_is_not() -> None:
    architectures = np.arange(100, dtype=np.int32)
    up, down = (
        SourceTask(n, n, TNB101, architectures, sign * np.arange(100.0))
        for n, sign in (("up", 1), ("down", -1))
    )
    assert set(warm_start_architectures(TNB101, [up, down], 2).tolist()) == {0, 99}
    assert warm_start_architectures(TNB101, [up], 3).tolist() == [99, 98, 97]
    assert warm_start_architectures(
        TNB101, [up], 2, allowed=np.array([3, 4, 5, 200], np.int32)
    ).tolist() == [5, 4]
    assert warm_start_architectures(
        TNB101, [up], 9, allowed=np.array([3, 200], np.int32)
    ).tolist() == [3]
    costs = np.where(np.arange(TNB101.size) == 99, 1000.0, 1.0)
    assert warm_start_architectures(TNB101, [up], 1, costs=costs).tolist() == [98], (
        "gain per unit of cost"
    )


def test_costs_of_zero_price_nothing() -> None:
    numbers = np.arange(30.0)
    measured = pd.DataFrame(
        {"cell": range(30), "dataset": "a", "loss": numbers, "train_seconds": numbers}
    )
    source = nm.Table.from_frame(
        measured, space="nb201", name="own", direction={"loss": "min"}
    ).task("loss")
    with pytest.raises(SettingError, match="costs in seconds"):
        nm.search(
            "random",
            "nb201/cifar10",
            sources=[source],
            evaluations=3,
            settings={"warm_start": "1/second"},
        )


# -- search and compare


def test_journal_and_folder_know(tmp_path: Path) -> None:
    folder = tmp_path
    settings = {"prune_space": 0.2, "warm_start": 3}
    whole = nm.search(
        "random", "nb201/cifar10", journal=folder / "run", settings=settings, evaluations=10
    )
    header = json.loads((folder / "run").read_text().partition("\n")[0])
    assert header["settings"] == settings | {"warm_start": "3"}
    assert len(header["sources"]) == 2
    longer = nm.search(
        "random", "nb201/cifar10", journal=folder / "run", settings=settings, evaluations=20
    )
    assert longer.architectures[:10].tolist() == whole.architectures.tolist()
    settings["prune_space"] = 0.1
    with pytest.raises(nm.errors.JournalError):
        nm.search(
            "random", "nb201/cifar10", journal=folder / "run", settings=settings, evaluations=10
        )
    plan = {"inside": ("random", {"prune_space": 0.2}), "outside": "random"}
    frame = nm.compare(plan, "nb201/cifar10", repeats=2, evaluations=8, folder=folder / "all")
    of = dict(zip(frame["searcher"], frame["space"], strict=True))
    assert of == {"inside": "learned:0.2", "outside": "all"}
    again = nm.compare(plan, "nb201/cifar10", repeats=2, evaluations=8, folder=folder / "all")
    assert again.equals(frame)


def test_a_model_from_a_file_searches_inside(tmp_path: Path) -> None:
    sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    searcher = SourceOrder(NB201, np.random.default_rng(0))
    searcher.meta_fit(sources)
    SavedMetaModel.write(tmp_path / "model", searcher)
    run = nm.search(
        "source-order",
        target,
        sources=SavedMetaModel.load(tmp_path / "model"),
        settings={"prune_space": 0.1},
        evaluations=10,
    )
    assert np.isin(run.architectures, LearnedSpace.learn(NB201, sources, 0.1).architectures).all()
    assert run.sources == sources.names


@pytest.mark.parametrize("options", [{"prune_space": 0.1}, {"warm_start": 3}])
def test_leaks_and_sources_of_another_metric(options: dict) -> None:
    with pytest.raises(LeakageError):
        nm.search(
            "random",
            "nb201/cifar10",
            evaluations=5,
            sources=["nb201/cifar10@12ep"],
            settings=options,
        )
    seconds = Signal("cifar10", "train_seconds", "train", 200, "mean", "NATS-tss v1.0")
    task = Task("nb201/seconds", "nb201", seconds)  # of no family
    with pytest.warns(OtherMetricWarning) as seen:
        nm.search(
            "random",
            task,
            evaluations=3,
            sources=["nb201/cifar100", "nb201/imagenet16-120"],
            settings=options,
        )
    assert seen[0].filename == __file__, "where the user called"


@pytest.mark.parametrize(
    ("target", "kinds", "warns"),
    [
        ("nb201/cifar10", ["accuracy"], False),
        # a custom metric measures how well networks solve their task
        (
            "nb201/cifar10",
            ["dice"],
            False,
        ),
        ("nb201/cifar10", [""], False),
        ("nb201/robust/pgd@1", ["accuracy"], True),
        ("nb201/cifar10/within-5ms/pixel3", ["accuracy"], True),
        ("nb201/cifar100/within-9mJ/fpga", ["accuracy within a budget"], False),
        # sources of several metrics fit any target but a cost
        (
            "tnb101/normal",
            ["accuracy", "ssim"],
            False,
        ),
        ("nb201/latency/pixel3", ["accuracy", "accuracy under attack"], True),
    ],
)
def test_which_metrics_differ(target: str, kinds: list[str], warns: bool) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_other_metric(nm.get_task(target), kinds, "it", "")
    assert [warning.category for warning in caught] == [OtherMetricWarning] * warns


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asha", "bohb", "hyperband", "successive-halving"])
def test_multi_fidelity_searchers_stay_inside_and_resume(name: str, tmp_path: Path) -> None:
    sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    part = LearnedSpace.learn(NB201, sources, 0.1).architectures
    # Rungs that share a length: short trainings may not be here.
    rungs = {"rungs": 3} if name != "asha" else {}
    settings = {"prune_space": 0.1, "warm_start": 7, "epochs": [200], **rungs}
    options = {"settings": settings, "journal": tmp_path / "run"}
    run = nm.search(name, target, evaluations=60, **options)
    assert np.isin(run.architectures, part).all()
    assert len(set(run.architectures.tolist())) == 60
    assert (
        run.architectures[:7].tolist()
        == warm_start_architectures(NB201, sources, 7, allowed=part).tolist()
    )
    again = nm.search(name, target, evaluations=80, **options)
    assert again.architectures[:60].tolist() == run.architectures.tolist()
    assert np.isin(again.architectures, part).all()
