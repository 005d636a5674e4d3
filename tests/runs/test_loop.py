"""The loop: evaluations, observations, and the end of a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from nasmeta.errors import NasmetaError, SettingError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation
from nasmeta.runs import Clock, run_loop
from nasmeta.searchers import RandomSearch, RegularizedEvolution, Searcher
from nasmeta.spaces import get_space

SPACE = get_space("tnb101")


class Scripted(Searcher):
    """Propose given batches; record the observations."""

    def __init__(self, *batches: object) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.batches: Iterator[object] = iter(batches)
        self.told: list[tuple[list[int], list[float]]] = []

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        try:
            batch = next(self.batches)
        except StopIteration:
            raise SpaceExhaustedError("The script ends.") from None
        return np.array(batch, dtype=np.int32) if isinstance(batch, list) else batch  # type: ignore[return-value]

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        self.told.append((cells.tolist(), values.tolist()))


class Counting:
    """Evaluate an architecture as its index; record the calls."""

    def __init__(self, nan_at: int | None = None) -> None:
        self.asked: list[list[int]] = []
        self.nan_at = nan_at

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        self.asked.append(cells.tolist())
        values = cells.astype(np.float64)
        values[cells == self.nan_at] = np.nan
        return Evaluation(values, cells * 10.0)


def test_a_known_cell_is_told_again_but_not_evaluated_again() -> None:
    searcher, evaluator = Scripted([5], [5], [7]), Counting()
    trace = run_loop(searcher, evaluator, evaluations=10)
    assert evaluator.asked == [[5], [7]]
    assert searcher.told == [([5], [5.0]), ([5], [5.0]), ([7], [7.0])]
    assert trace.cells.tolist() == [5, 7]
    assert trace.values.tolist() == [5.0, 7.0]
    assert trace.cost_seconds.tolist() == [50.0, 70.0]
    assert trace.stopped == "exhausted"


def test_a_batch_with_repeats_inside() -> None:
    searcher, evaluator = Scripted([5, 5, 6], [6, 7, 7]), Counting()
    trace = run_loop(searcher, evaluator, evaluations=10, batch=3)
    assert evaluator.asked == [[5, 6], [7]]
    assert searcher.told == [([5, 5, 6], [5.0, 5.0, 6.0]), ([6, 7, 7], [6.0, 7.0, 7.0])]
    assert trace.cells.tolist() == [5, 6, 7]


def test_the_budget_cuts_a_batch() -> None:
    evaluator = Counting()
    trace = run_loop(Scripted([1, 2, 3], [4, 5, 6]), evaluator, evaluations=4, batch=3)
    assert evaluator.asked == [[1, 2, 3], [4]]
    assert trace.stopped == "budget"


def test_a_searcher_maximises_and_the_record_has_the_unit_of_the_task() -> None:
    searcher = Scripted([5], [5, 6])
    searcher.batches = iter([[5], [5], [6]])
    trace = run_loop(searcher, Counting(), evaluations=10, sign=-1.0)
    assert searcher.told == [([5], [-5.0]), ([5], [-5.0]), ([6], [-6.0])]
    assert trace.values.tolist() == [5.0, 6.0]


@pytest.mark.parametrize(("sign", "target", "expected"), [(1.0, 7.0, [3, 9]), (-1.0, -3.0, [3])])
def test_stops_at_the_target(sign: float, target: float, expected: list[int]) -> None:
    trace = run_loop(Scripted([3], [9], [7]), Counting(), evaluations=10, sign=sign, target=target)
    assert trace.cells.tolist() == expected
    assert trace.stopped == "optimum"


def test_the_target_inside_a_batch_ends_the_record_there() -> None:
    trace = run_loop(Scripted([1, 9, 3]), Counting(), evaluations=10, batch=3, target=9.0)
    assert trace.cells.tolist() == [1, 9]
    assert trace.values.tolist() == [1.0, 9.0]


def test_target_at_the_last_evaluation_of_the_budget_counts() -> None:
    assert run_loop(Scripted([9]), Counting(), evaluations=1, target=9.0).stopped == "optimum"


def test_stops_where_the_whole_space_was_evaluated() -> None:
    class All(Scripted):
        def ask(self, n: int = 1) -> NDArray[np.int32]:
            return np.arange(n, dtype=np.int32)

    trace = run_loop(All(), Counting(), evaluations=10**6, batch=SPACE.n_cells)
    assert (trace.stopped, len(trace.cells)) == ("exhausted", SPACE.n_cells)


def test_a_batch_is_cut_to_what_the_space_has_left() -> None:
    searcher = RandomSearch(SPACE, np.random.default_rng(0))  # it refuses more than is left
    trace = run_loop(searcher, Counting(), evaluations=10**6, batch=SPACE.n_cells // 2 + 5)
    assert sorted(trace.cells.tolist()) == list(range(SPACE.n_cells))
    batch = RandomSearch(SPACE, np.random.default_rng(0))
    assert run_loop(batch, Counting(), evaluations=10, batch=10**30).cells.tolist() == trace.cells[:10].tolist()


def test_a_searcher_with_fewer_cells_left_than_a_batch_is_asked_for_these() -> None:
    class Few(Scripted):
        left = 21

        def ask(self, n: int = 1) -> NDArray[np.int32]:
            if n > self.left:
                raise SpaceExhaustedError("few")
            self.left -= n
            return np.arange(self.left, self.left + n, dtype=np.int32)

    trace = run_loop(Few(), Counting(), evaluations=100, batch=8)
    assert (len(trace.cells), trace.stopped) == (21, "exhausted")


@pytest.mark.parametrize("wrong", [{"seconds": 5000.0}, {"batch": 3, "clock": Clock()}])
def test_seconds_need_a_clock_and_a_clock_no_batch(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        run_loop(Scripted([1]), Counting(), evaluations=3, **wrong)


def test_values_of_several_objectives_are_rows() -> None:
    with pytest.raises(NasmetaError) as refusal:
        run_loop(Scripted([1]), Counting(), evaluations=3, sign=np.ones(2))
    assert refusal.value.value == (1,)


@pytest.mark.parametrize(
    "proposal",
    [[-1], [4096], [1, 2], [], None, np.array([1.0]), np.array([[1]], dtype=np.int32)],
)
def test_wrong_proposals_name_the_searcher(proposal: object) -> None:
    with pytest.raises(NasmetaError):
        run_loop(Scripted(proposal), Counting(), evaluations=10)


@pytest.mark.parametrize("batch", [[4], [1, 4, 2], [4, 1, 2]])
def test_nan_is_no_value(batch: list[int]) -> None:
    with pytest.raises(NasmetaError):
        run_loop(Scripted(batch), Counting(nan_at=4), evaluations=10, batch=len(batch))


@given(seed=st.integers(0, 99), short=st.integers(1, 40), long=st.integers(41, 80), batch=st.integers(1, 7))
@pytest.mark.parametrize("kind", [RandomSearch, RegularizedEvolution])
def test_a_shorter_run_is_a_prefix_of_a_longer_one(
    kind: type[Searcher], seed: int, short: int, long: int, batch: int
) -> None:
    first, second = (
        run_loop(kind(SPACE, np.random.default_rng(seed)), Counting(), evaluations=n, batch=batch)
        for n in (short, long)
    )
    assert len(first.cells) == short
    np.testing.assert_array_equal(first.cells, second.cells[:short])
