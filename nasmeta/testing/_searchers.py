"""The contracts of searchers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from nasmeta.arrays import Architectures, Array, Floats
from nasmeta.evaluators import Evaluation, Evaluator
from nasmeta.runs import Trace, run_loop, search
from nasmeta.searchers import MetaSearcher, MultiFidelitySearcher, Searcher
from nasmeta.spaces import SearchSpace, binned, get_space
from nasmeta.tasks import Front, SourceTask, task_distribution
from nasmeta.testing._spaces import OnSpaces, generators_left_alone


class _Indexed:
    """Values of a large space, which are computed for the architectures with which they are indexed."""

    def __init__(self, of: Callable[[Array], Floats]) -> None:
        self._of = of

    def __getitem__(self, architectures: Array) -> Floats:
        return self._of(architectures)


def _values(space: SearchSpace, of: Callable[[Array], Floats]) -> Any:
    return _Indexed(of) if space.is_large else of(np.arange(space.size))


def _many(space: SearchSpace) -> Array:
    """Return all architectures, or a sample of a large space."""
    return space.sample(1000, np.random.default_rng(0)) if space.is_large else np.arange(space.size)


def made_up_values(space: SearchSpace, shift: float = 0.0) -> Any:
    """Return a smooth, made-up value for each architecture of a space, float64, shape (size,); for tests only.

    The result for a large space can only be indexed with arrays of architectures.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> made_up_values(get_space("tnb101")).shape
    (4096,)
    """

    def values_of(architectures: Array) -> Floats:
        codes = binned(space.positions, space.codes_of(architectures)).astype(np.float64)
        values: Floats = np.cos(1.7 * codes + np.arange(space.n_positions) + shift).sum(axis=1)
        return values + 0.3 * np.cos(codes[:, 0] + codes[:, min(5, space.n_positions - 1)])

    return _values(space, values_of)


def made_up_sources(space: SearchSpace, n: int, shifts: Sequence[float]) -> list[SourceTask]:
    """Return made-up tasks with n labels on the same architectures."""
    at = space.sample(n, np.random.default_rng(0))
    return [
        SourceTask(f"made-up/{s}", f"made-up-{s}", space, at, made_up_values(space, s)[at])
        for s in shifts
    ]


class _MadeUpEvaluator(Evaluator):
    def __init__(self, made_up: Any) -> None:
        self.made_up = made_up

    def evaluate(self, architectures: Architectures) -> Evaluation:
        return Evaluation(self.made_up[architectures], np.ones(len(architectures)))


class SearcherContract(OnSpaces):
    """Tests of a searcher: inherit, implement `make`, and let pytest find the class.

    Examples
    --------
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.testing import SearcherContract
    >>> class TestRandomSearch(SearcherContract):
    ...     def make(self, space, rng):
    ...         return SEARCHERS["random"](space, rng)

    The tests run on ``nb201`` and ``tnb101``. For other spaces, set `spaces`:

    >>> from nasmeta.spaces import SearchSpace
    >>> class TestOnMine(TestRandomSearch):
    ...     spaces = [SearchSpace("mine", {"width": [16, 32, 64, 128], "depth": range(1, 20), "act": ["relu", "tanh"]})]

    Attributes
    ----------
    spaces : sequence of str or SearchSpace
        Class attribute: the spaces of the tests, with at least 20 architectures.
    """

    sign: float | Floats = 1.0
    real_task = "nb201/cifar10"

    def make(self, space: Any, rng: np.random.Generator) -> Searcher:
        """Return a new searcher; override this. A meta-searcher is not meta-trained yet."""
        raise NotImplementedError("Override make(self, space, rng) to return a new searcher.")

    def sources(self, space: SearchSpace) -> Sequence[SourceTask]:
        """Return the sources of a meta-searcher: by default two made-up tasks with up to 200 labels."""
        return made_up_sources(space, min(200, space.size // 2), (0.1, 0.3))

    def made_up(self, space: SearchSpace) -> Any:
        """Return the value of each architecture in the tests, as `made_up_values`."""
        return made_up_values(space)

    def ready(self, space: SearchSpace, seed: int = 0) -> Searcher:
        """Return a searcher that can propose; a meta-searcher is meta-trained once per space."""
        searcher = self.make(space, np.random.default_rng(seed))
        if isinstance(searcher, MetaSearcher):
            models = type(self).__dict__.get("_meta_models")
            if models is None:
                models = {}
                type(self)._meta_models = models  # type: ignore[attr-defined]
            if space.name not in models:
                learner = self.make(space, np.random.default_rng(0))
                assert isinstance(learner, MetaSearcher)
                models[space.name] = learner.meta_fit(self.sources(space)).meta_model_
            searcher.meta_model_ = models[space.name]
        return searcher

    def run(self, space: SearchSpace, evaluations: int, seed: int = 0) -> Trace:
        """Run a new searcher on made-up values."""
        return run_loop(
            self.ready(space, seed),
            _MadeUpEvaluator(self.made_up(space)),
            evaluations=evaluations,
            sign=self.sign,
        )

    def test_knows_space_and_generator_and_has_defaults_for_the_rest(self) -> None:
        """Check the signature: a space, a generator, and settings with defaults that are given by name."""
        kind = type(self.make(get_space(self.spaces[0]), np.random.default_rng(0)))
        first, second, *settings = inspect.signature(kind).parameters.values()
        assert (first.name, second.name) == ("space", "rng")
        assert all(setting.kind is setting.KEYWORD_ONLY for setting in settings)
        assert all(setting.default is not setting.empty for setting in settings)

    @pytest.mark.parametrize("n", [1, 5])
    def test_proposes_architectures_of_the_space(self, space: SearchSpace, n: int) -> None:
        """Check dtype, shape and range of proposals, and that the given arrays do not change."""
        searcher, values = self.ready(space), self.made_up(space)
        for _ in range(4):
            architectures = searcher.ask(n)
            assert isinstance(architectures, np.ndarray)
            assert architectures.dtype.kind in "iu"
            assert architectures.shape == (n,)
            assert architectures.min() >= 0
            assert architectures.max() < space.size
            given, copies = values[architectures], architectures.copy()
            searcher.tell(architectures, given)
            np.testing.assert_array_equal(architectures, copies)
            np.testing.assert_array_equal(given, values[copies])

    def proposals(self, space: SearchSpace, batch: int) -> list[int]:
        """Return proposals in batches; each batch is observed before the next."""
        searcher, values, proposed = self.ready(space), self.made_up(space), list[int]()
        for _ in range(0, 24, batch):
            architectures = searcher.ask(batch)
            searcher.tell(architectures, values[architectures])
            proposed += architectures.tolist()
        return proposed

    @pytest.mark.parametrize("batch", [1, 4])
    def test_same_generator_gives_the_same_run(self, space: SearchSpace, batch: int) -> None:
        """Check that only generator and values determine the proposals."""
        assert self.proposals(space, batch) == self.proposals(space, batch)

    def test_learns_in_any_order(self, space: SearchSpace) -> None:
        """Check that it takes values of architectures it did not propose, values late, in another order, and twice."""
        searcher, values = self.ready(space), self.made_up(space)
        given = space.sample(3, np.random.default_rng(0))
        searcher.tell(given, values[given])
        first, second = searcher.ask(2).copy(), searcher.ask(3).copy()
        searcher.tell(second[::-1].copy(), values[second[::-1]])
        searcher.tell(first, values[first])
        searcher.tell(first, values[first])
        assert searcher.ask(1).shape == (1,)

    def test_evaluates_new_architectures_better_than_the_median(self, space: SearchSpace) -> None:
        """Check a run of 60 evaluations: distinct architectures, a good value, global generators left alone."""
        with generators_left_alone():
            trace = self.run(space, min(60, space.size))
        assert trace.stopped == "budget"
        assert len(set(trace.architectures.tolist())) == len(trace)
        self.check_values(space, trace.values)

    def check_values(self, space: SearchSpace, values: Floats) -> None:
        """Check that the values of a run contain one in the upper half."""
        assert values.max() > np.median(self.made_up(space)[_many(space)])

    def test_restriction_to_a_part(self, space: SearchSpace) -> None:
        """Check that nothing outside is proposed after `restrict` has returned True, and each inside only once."""
        searcher, values = self.ready(space), self.made_up(space)
        part = np.sort(space.sample(min(80, max(8, space.size // 200)), np.random.default_rng(0)))
        if not searcher.restrict(part):
            return
        for n in (1, 4, 1):
            architectures = searcher.ask(n)
            assert np.isin(architectures, part).all()
            searcher.tell(architectures, values[architectures])

    def test_runs_on_a_real_task(self) -> None:
        """Check that two runs of `nasmeta.search` on a table are the same, if the searcher supports nb201."""
        if get_space("nb201") not in map(get_space, self.spaces):
            pytest.skip("The searcher is for other spaces.")
        kind = type(self.make(get_space("nb201"), np.random.default_rng(0)))
        few = (
            task_distribution("nb201")
            .leave_out("cifar10")[0]
            .as_sources(100, np.random.default_rng(0))
        )
        sources = few if issubclass(kind, MetaSearcher) else None
        # others may be missing
        settings = {"epochs": [200]} if issubclass(kind, MultiFidelitySearcher) else {}
        runs = [
            search(kind, self.real_task, evaluations=12, seed=3, sources=sources, settings=settings)
            for _ in "ab"
        ]
        assert len(runs[0]) == 12
        np.testing.assert_array_equal(runs[0].architectures, runs[1].architectures)


class MultiObjectiveContract(SearcherContract):
    """Tests of a searcher for several objectives, used as `SearcherContract`.

    Examples
    --------
    >>> from nasmeta.searchers import SEARCHERS
    >>> from nasmeta.testing import MultiObjectiveContract
    >>> class TestNSGA2(MultiObjectiveContract):
    ...     def make(self, space, rng):
    ...         return SEARCHERS["nsga2"](space, rng)
    """

    sign = np.ones(2)
    real_task = "nb201/cifar10+train_seconds"

    def made_up(self, space: SearchSpace) -> Any:
        """Return the values of two objectives that disagree, shape (size, 2)."""
        parts = made_up_values(space), made_up_values(space, 1.5)
        return _values(
            space, lambda architectures: np.column_stack([part[architectures] for part in parts])
        )

    def check_values(self, space: SearchSpace, values: Floats) -> None:
        """Check that a run finds more of the front than 20 random architectures do on average."""
        made_up, rng = self.made_up(space), np.random.default_rng(0)
        front = Front(made_up[_many(space)], ["max", "max"])
        random = [front.hypervolumes(made_up[space.sample(20, rng)])[-1] for _ in range(10)]
        assert front.hypervolumes(values)[-1] > np.mean(random)

    def test_declares_vectors(self) -> None:
        """Check the class attribute `objectives`."""
        kind = type(self.make(get_space(self.spaces[0]), np.random.default_rng(0)))
        assert kind.objectives in ("several", "any")

    def test_takes_three_objectives(self, space: SearchSpace) -> None:
        """Check three objectives; one is constant."""
        searcher, values = self.ready(space), self.made_up(space)
        for n in (5, 5, 1, 3):
            architectures = searcher.ask(n)
            assert architectures.shape == (n,)
            searcher.tell(architectures, np.column_stack([values[architectures], np.ones(n)]))
