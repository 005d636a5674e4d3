"""The loop: evaluations, observations, and the end of a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import NasmetaError, SpaceExhaustedError
from nasmeta.evaluators import Evaluation
from nasmeta.runs import run_loop
from nasmeta.searchers import SEARCHERS, RandomSearch, Searcher
from nasmeta.spaces import get_space

SPACE = get_space("tnb101")


class Scripted(Searcher):
    """Propose given batches; record the observations."""

    def __init__(self, *batches: object) -> None:
        super().__init__(SPACE, np.random.default_rng(0))
        self.batches = iter(batches)
        self.observed = []

    def ask(self, n: int = 1) -> Architectures:
        try:
            batch = next(self.batches)
        except StopIteration:
            raise SpaceExhaustedError("The script ends.") from None
        return np.array(batch, dtype=np.int32) if isinstance(batch, list) else batch  # type: ignore[return-value]

    def tell(self, architectures: Architectures, values: Floats) -> None:
        self.observed.append((architectures.tolist(), values.tolist()))


class Counting:
    """Evaluate an architecture as its index; record the calls."""

    def __init__(self, nan_at: int | None = None) -> None:
        self.asked = []
        self.nan_at = nan_at

    def evaluate(self, architectures: Architectures) -> Evaluation:
        self.asked.append(architectures.tolist())
        values = architectures.astype(np.float64)
        values[architectures == self.nan_at] = np.nan
        return Evaluation(values, architectures * 10.0)


def test_a_known_cell_is_told_again_but_not_evaluated_again() -> None:
    searcher, evaluator = Scripted([5], [5], [7]), Counting()
    trace = run_loop(searcher, evaluator, evaluations=10)
    assert evaluator.asked == [[5], [7]]
    assert searcher.observed == [([5], [5.0]), ([5], [5.0]), ([7], [7.0])]
    assert trace.architectures.tolist() == [5, 7]
    assert trace.values.tolist() == [5.0, 7.0]
    assert trace.cost_seconds.tolist() == [50.0, 70.0]
    assert trace.stopped == "exhausted"


def test_a_searcher_maximises_and_the_record_has_the_unit_of_the_task() -> None:
    searcher = Scripted([5], [5], [6])
    trace = run_loop(searcher, Counting(), evaluations=10, sign=-1.0)
    assert searcher.observed == [([5], [-5.0]), ([5], [-5.0]), ([6], [-6.0])]
    assert trace.values.tolist() == [5.0, 6.0]


@pytest.mark.parametrize(("sign", "target", "expected"), [(1.0, 7.0, [3, 9]), (-1.0, -3.0, [3])])
def test_stops_at_the_target(sign: float, target: float, expected: list[int]) -> None:
    trace = run_loop(Scripted([3], [9], [7]), Counting(), evaluations=10, sign=sign, target=target)
    assert trace.architectures.tolist() == expected
    assert trace.stopped == "optimum"


def test_target_at_the_last_evaluation_of_the_budget_counts() -> None:
    assert run_loop(Scripted([9]), Counting(), evaluations=1, target=9.0).stopped == "optimum"


def test_stops_where_the_whole_space_was_evaluated() -> None:
    searcher = RandomSearch(SPACE, np.random.default_rng(0))
    trace = run_loop(searcher, Counting(), evaluations=10**6)
    assert (trace.stopped, len(trace.architectures)) == ("exhausted", SPACE.n_architectures)


@pytest.mark.parametrize(
    "proposal",
    [[-1], [4096], [1, 2], [], None, np.array([1.0]), np.array([[1]], dtype=np.int32)],
)
def test_wrong_proposals_name_the_searcher(proposal: object) -> None:
    with pytest.raises(NasmetaError):
        run_loop(Scripted(proposal), Counting(), evaluations=10)


def test_nan_is_no_value() -> None:
    with pytest.raises(NasmetaError):
        run_loop(Scripted([1], [4]), Counting(nan_at=4), evaluations=10)


@given(seed=st.integers(0, 99), short=st.integers(1, 40), long=st.integers(41, 80))
@pytest.mark.parametrize("kind", [RandomSearch, SEARCHERS["evolution"]])
def test_a_shorter_run_is_a_prefix_of_a_longer_one(
    kind: type[Searcher], seed: int, short: int, long: int
) -> None:
    first, second = (
        run_loop(kind(SPACE, np.random.default_rng(seed)), Counting(), evaluations=n)
        for n in (short, long)
    )
    assert len(first.architectures) == short
    np.testing.assert_array_equal(first.architectures, second.architectures[:short])
