"""Source order against a sort written here."""

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError, SpaceExhaustedError
from nasmeta.meta import SourceOrder
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask

SPACE = get_space("nb201")


@pytest.mark.parametrize(("dataset", "evaluations"), [("cifar10", 22), ("cifar100", 4), ("imagenet16-120", 18)])
def test_evaluations_to_the_optimum(dataset: str, evaluations: int) -> None:
    source, target = nm.task_distribution("nb201").leave_out(dataset)
    searcher = SourceOrder(SPACE, np.random.default_rng(0))
    searcher.meta_fit(source)
    order = searcher.ask(SPACE.n_cells)
    z = np.mean([(task.values - task.values.mean()) / task.values.std() for task in source], axis=0)
    assert (np.diff(z[order]) <= 0).all()
    assert order.tolist().index(int(target[0].optimal_cells[0])) + 1 == evaluations
    assert len(set(order.tolist())) == SPACE.n_cells
    with pytest.raises(SpaceExhaustedError):
        searcher.ask()


def test_unlabelled_cells_come_last() -> None:
    few = SourceTask("a", "a", SPACE, np.array([5, 9], dtype=np.int32), np.array([1.0, 2.0]))
    searcher = SourceOrder(SPACE, np.random.default_rng(0))
    searcher.meta_fit([few])
    assert searcher.ask(2).tolist() == [9, 5]
    other = SourceOrder(SPACE, np.random.default_rng(1))
    other.meta_model_ = searcher.meta_model_
    assert other.ask(4)[2:].tolist() != searcher.ask(2).tolist(), "in random order"


def test_bad_sources() -> None:
    searcher = SourceOrder(SPACE, np.random.default_rng(0))
    with pytest.raises(SettingError, match="meta_fit"):
        searcher.ask()
    with pytest.raises(SettingError, match="at least one source"):
        searcher.meta_fit([])
    cells = np.array([0, 1], dtype=np.int32)
    with pytest.raises(SettingError, match="lives in space tnb101"):
        searcher.meta_fit([SourceTask("x", "x", get_space("tnb101"), cells, np.ones(2))])
    with pytest.raises(SettingError, match="not finite"):
        searcher.meta_fit([SourceTask("x", "x", SPACE, cells, np.array([1.0, np.nan]))])
