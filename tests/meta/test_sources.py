"""Sources of meta-searchers: leaks are refused, spaces fit, and source order is a sort."""

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import LeakageError, SettingError, SpaceExhaustedError
from nasmeta.meta import META_PREDICTORS
from nasmeta.meta._mean_score_search import SourceOrder
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.tasks import SourceTask

META = sorted(
    name
    for name, kind in SEARCHERS.items()
    if issubclass(kind, MetaSearcher) and not name.startswith("syne-tune")  # in test_peers.py
)
SPACE = nm.get_space("nb201")


def source(
    utilities: np.ndarray, space: nm.spaces.CellSpace = SPACE, name: str = "made-up"
) -> SourceTask:
    return SourceTask(name, name, space, np.arange(len(utilities), dtype=np.int32), utilities)


@pytest.mark.parametrize("name", META)
def test_what_no_meta_searcher_learns_from(name: str) -> None:
    kind = SEARCHERS[name]
    varied, flat = source(np.random.default_rng(0).normal(size=200)), source(np.ones(50))
    foreign = source(np.arange(99.0), nm.get_space("tnb101"))
    refused = [[], [varied, varied], [flat], *([] if kind.crosses_spaces else [[foreign]])]
    for sources in refused:
        with pytest.raises(SettingError):
            kind(SPACE, np.random.default_rng(0)).meta_fit(sources)
    with pytest.raises(SettingError):
        kind(SPACE, np.random.default_rng(0)).ask()


@pytest.mark.parametrize("name", META)
def test_the_target_among_the_sources(name: str) -> None:
    for leak in (["nb201/cifar10"], ["nb201/cifar100", "nb201/cifar10@12ep"], "nb201/cifar10#777"):
        with pytest.raises(LeakageError):
            nm.search(name, "nb201/cifar10", evaluations=3, sources=leak)


def test_labels_that_no_source_has() -> None:
    normal = np.random.default_rng(0).uniform(-1, 1, 200)
    for utilities in (
        np.append(normal, np.nan),
        np.append(normal, np.inf),
        1e101 * np.append(normal, 1.0),
    ):
        with pytest.raises(SettingError):
            source(utilities)
    for architectures in ([0, 15625], [0, -1], [3, 3], [1]):
        with pytest.raises(SettingError):
            SourceTask("made-up", "made-up", SPACE, architectures, [1.0, 2.0])  # type: ignore[arg-type]
    with pytest.raises(SettingError):
        META_PREDICTORS["experts"]().meta_fit([source(np.arange(9.0), nm.get_space("tnb101"))])


@pytest.mark.parametrize(
    ("dataset", "evaluations"), [("cifar10", 22), ("cifar100", 4), ("imagenet16-120", 18)]
)
def test_source_order_sorts_by_the_mean_z_score(dataset: str, evaluations: int) -> None:
    sources, target = nm.task_distribution("nb201").leave_out(dataset)
    searcher = SourceOrder(SPACE, np.random.default_rng(0))
    searcher.meta_fit(sources)
    order = searcher.ask(SPACE.n_architectures)
    z = np.mean(
        [(task.values - task.values.mean()) / task.values.std() for task in sources], axis=0
    )
    assert (np.diff(z[order]) <= 0).all()
    assert order.tolist().index(int(target[0].optimal_architectures[0])) + 1 == evaluations
    with pytest.raises(SpaceExhaustedError):
        searcher.ask()


def test_unlabelled_architectures_come_last_in_random_order() -> None:
    few = SourceTask("a", "a", SPACE, np.array([5, 9], dtype=np.int32), np.array([1.0, 2.0]))
    proposed = []
    for seed in (0, 1):
        searcher = SourceOrder(SPACE, np.random.default_rng(seed))
        searcher.meta_fit([few])
        assert searcher.ask(2).tolist() == [9, 5]
        proposed.append(searcher.ask(2).tolist())
    assert proposed[0] != proposed[1]
