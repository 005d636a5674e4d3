"""What no meta-searcher may swallow, whichever it is: each is refused with a reason before anything is learnt."""

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import LeakageError, NasmetaError, SettingError
from nasmeta.meta import META_PREDICTORS
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.tasks import SourceTask, TaskDistribution

META = sorted(name for name, kind in SEARCHERS.items() if issubclass(kind, MetaSearcher))
SPACE = nm.get_space("nb201")


def source(utilities: np.ndarray, space: nm.spaces.CellSpace = SPACE, name: str = "made-up") -> SourceTask:
    return SourceTask(name, name, space, np.arange(len(utilities), dtype=np.int32), utilities)


def fit(name: str, sources: object) -> MetaSearcher:
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(0))
    assert isinstance(searcher, MetaSearcher)
    return searcher.meta_fit(sources)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", META)
def test_no_source(name: str) -> None:
    for nothing in ([], TaskDistribution([])):
        with pytest.raises(SettingError, match="at least one source"):
            fit(name, nothing)
    with pytest.raises(SettingError, match=name):
        nm.search(name, "nb201/cifar10", evaluations=3, sources=[])


@pytest.mark.parametrize("name", META)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_labels_that_are_not_finite(name: str, bad: float) -> None:
    utilities = np.random.default_rng(0).normal(size=200)
    utilities[7] = bad
    with pytest.raises(SettingError, match="made-up has a label that is not finite"):
        fit(name, [source(utilities)])


@pytest.mark.parametrize("scale", [1e308, 1e101])
def test_labels_whose_squares_overflow(scale: float) -> None:
    utilities = np.random.default_rng(0).uniform(-1, 1, 200)
    utilities[3:5] = 1, -1
    with pytest.raises(SettingError, match=r"made-up has a label of 1e\+\d+, beyond 1e\+100.*Divide"):
        source(scale * utilities)


@pytest.mark.filterwarnings("error")
def test_the_largest_labels_are_ordered() -> None:
    utilities = 1e100 * np.random.default_rng(0).uniform(-1, 1, 200)
    proposed = fit("source-order", [source(utilities)]).ask(200)
    assert proposed.tolist() == np.argsort(-utilities).tolist()


def test_a_learner_is_called_by_its_name() -> None:
    with pytest.raises(SettingError, match=r"lives in space tnb101, but meta-gp in nb201"):
        fit("meta-gp", [source(np.arange(9.0), nm.get_space("tnb101"))])
    with pytest.raises(SettingError, match=r"lives in space tnb101, but meta-linear in nb201"):
        META_PREDICTORS["meta-linear"]().meta_fit([source(np.arange(9.0), nm.get_space("tnb101"))])


BAD_LABELS = {
    "has a cell 15625, but the cells of nb201 are 0 to 15624": ([0, 15625], [1.0, 2.0]),
    "has a cell -1, but the cells": ([0, -1], [1.0, 2.0]),
    "has labelled cell 3 twice: pass the mean": ([3, 4, 3], [1.0, 2.0, 3.0]),
    "has no labelled cell": (np.zeros(0, np.int32), []),
    "cells of shape .3,., but utilities of shape .2,.": ([1, 2, 3], [1.0, 2.0]),
    "cells of type float64": ([1.5, 2.0], [1.0, 2.0]),
}


@pytest.mark.parametrize("message", BAD_LABELS)
def test_labels_that_no_source_has(message: str) -> None:
    with pytest.raises(SettingError, match=message):
        SourceTask("made-up", "made-up", SPACE, *BAD_LABELS[message])  # type: ignore[arg-type]


def test_a_source_knows_whether_it_is_a_cost() -> None:
    assert not source(-np.ones(3)).is_cost
    for name, is_cost in (("nb201/cifar10", False), ("tnb101/room_layout", False), ("nb201/latency/fpga", True)):
        try:
            task = nm.get_task(name)
            labels = task.as_source(30, np.random.default_rng(0))
        except nm.errors.NasmetaError:
            continue  # its table is not here
        assert task.is_cost is labels.is_cost is is_cost


def test_other_labels_have_another_hash() -> None:
    first, second = source(np.arange(3.0)), source(np.arange(3.0))
    assert first.sha256 == second.sha256 != source(np.arange(3.0) + 1e-9).sha256


@pytest.mark.parametrize("name", META)
def test_labels_that_are_all_the_same(name: str) -> None:
    for flat in (np.ones(50), np.ones(1)):
        with pytest.raises(SettingError, match="no two different labels"):
            fit(name, [source(flat)])


@pytest.mark.parametrize("name", META)
def test_a_source_twice(name: str) -> None:
    one = source(np.random.default_rng(0).normal(size=200))
    with pytest.raises(SettingError, match="twice"):
        fit(name, [one, one])


@pytest.mark.parametrize("name", META)
def test_the_target_among_the_sources(name: str) -> None:
    for leak in (
        ["nb201/cifar10"],
        ["nb201/cifar100", "nb201/cifar10@12ep"],
        "nb201/cifar10#777",
        "nb201/robust/pgd@1",
    ):
        with pytest.raises(LeakageError, match="cannot be a source for nb201/cifar10"):
            nm.search(name, "nb201/cifar10", evaluations=3, sources=leak)


@pytest.mark.parametrize("name", META)
def test_no_task_as_source(name: str) -> None:
    with pytest.raises(NasmetaError, match="cifar1000"):
        nm.search(name, "nb201/cifar10", evaluations=3, sources=["nb201/cifar1000"])
    with pytest.raises(SettingError, match="Sources are"):
        nm.search(name, "nb201/cifar10", evaluations=3, sources=[7])  # type: ignore[list-item]


@pytest.mark.parametrize("name", META)
def test_spaces_that_do_not_fit(name: str) -> None:
    """A searcher either crosses spaces, and says so, or refuses the source."""
    other = nm.get_space("tnb101")
    foreign = source(np.random.default_rng(0).normal(size=other.n_cells), other, "foreign")
    if not getattr(SEARCHERS[name], "crosses_spaces", False):
        with pytest.raises(SettingError, match="lives in space tnb101"):
            fit(name, [foreign])


@pytest.mark.parametrize("name", META)
def test_before_it_has_learnt(name: str) -> None:
    with pytest.raises(SettingError, match="call meta_fit"):
        SEARCHERS[name](SPACE, np.random.default_rng(0)).ask()
