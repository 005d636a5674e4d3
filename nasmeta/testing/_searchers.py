"""The contracts of searchers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

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
    """Return the values of all architectures; for a large space, an object that computes them when it is indexed."""
    if space.is_large:
        return _Indexed(of)
    return of(np.arange(space.size))


def _many(space: SearchSpace) -> Array:
    """Return all architectures, or a sample of a large space."""
    if space.is_large:
        return space.sample(1000, np.random.default_rng(0))
    return np.arange(space.size)


def made_up_values(space: SearchSpace, shift: float = 0.0) -> Any:
    """Return a smooth, made-up value for each architecture of a space, float64, shape (size,); for tests only.

    The result for a large space can only be indexed with arrays of architectures.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> made_up_values(get_space("tnb101")).shape
    (4096,)
    """

    # f(c) = sum over positions i of cos(1.7 c_i + i + shift), + 0.3 cos(c_0 + c_5)
    def values_of(architectures: Array) -> Floats:
        codes = binned(space.positions, space.codes_of(architectures)).astype(np.float64)
        positions = np.arange(space.n_positions)
        values: Floats = np.cos(1.7 * codes + positions + shift).sum(axis=1)
        partner = min(5, space.n_positions - 1)
        return values + 0.3 * np.cos(codes[:, 0] + codes[:, partner])

    return _values(space, values_of)


def made_up_sources(space: SearchSpace, n: int, shifts: Sequence[float]) -> list[SourceTask]:
    """Return made-up tasks with n labels on the same architectures."""
    architectures = space.sample(n, np.random.default_rng(0))
    sources = []
    for shift in shifts:
        labels = made_up_values(space, shift)[architectures]
        name, dataset = f"made-up/{shift}", f"made-up-{shift}"
        sources.append(SourceTask(name, dataset, space, architectures, labels))
    return sources


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
    _meta_models: ClassVar[dict[Any, Any]] = {}  # by class of the tests and space

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
            key = (type(self), space.name)
            if key not in self._meta_models:
                learner = self.make(space, np.random.default_rng(0))
                assert isinstance(learner, MetaSearcher)
                self._meta_models[key] = learner.meta_fit(self.sources(space)).meta_model_
            searcher.meta_model_ = self._meta_models[key]
        return searcher

    def run(self, space: SearchSpace, evaluations: int, seed: int = 0) -> Trace:
        """Run a new searcher on made-up values."""
        searcher = self.ready(space, seed)
        evaluator = _MadeUpEvaluator(self.made_up(space))
        return run_loop(searcher, evaluator, evaluations=evaluations, sign=self.sign)

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
        searcher = self.ready(space)
        values = self.made_up(space)
        for _ in range(4):
            architectures = searcher.ask(n)
            assert isinstance(architectures, np.ndarray)
            assert architectures.dtype.kind in "iu"
            assert architectures.shape == (n,)
            assert architectures.min() >= 0
            assert architectures.max() < space.size
            given = values[architectures]
            copies = architectures.copy()
            searcher.tell(architectures, given)
            np.testing.assert_array_equal(architectures, copies)
            np.testing.assert_array_equal(given, values[copies])

    def proposals(self, space: SearchSpace, batch: int) -> list[int]:
        """Return proposals in batches; each batch is observed before the next."""
        searcher = self.ready(space)
        values = self.made_up(space)
        proposed = list[int]()
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
        searcher = self.ready(space)
        values = self.made_up(space)
        given = space.sample(3, np.random.default_rng(0))
        searcher.tell(given, values[given])
        first = searcher.ask(2).copy()
        second = searcher.ask(3).copy()
        reverse = second[::-1].copy()
        searcher.tell(reverse, values[reverse])
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
        searcher = self.ready(space)
        values = self.made_up(space)
        size = min(80, max(8, space.size // 200))
        part = np.sort(space.sample(size, np.random.default_rng(0)))
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
        options: dict[str, Any] = {}
        if issubclass(kind, MetaSearcher):
            others, _ = task_distribution("nb201").leave_out("cifar10")
            options["sources"] = others.as_sources(100, np.random.default_rng(0))
        if issubclass(kind, MultiFidelitySearcher):
            options["settings"] = {"epochs": [200]}  # tables of other epochs may be missing
        first = search(kind, self.real_task, evaluations=12, seed=3, **options)
        second = search(kind, self.real_task, evaluations=12, seed=3, **options)
        assert len(first) == 12
        np.testing.assert_array_equal(first.architectures, second.architectures)


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
        first = made_up_values(space)
        second = made_up_values(space, 1.5)

        def values_of(architectures: Array) -> Floats:
            return np.column_stack([first[architectures], second[architectures]])

        return _values(space, values_of)

    def check_values(self, space: SearchSpace, values: Floats) -> None:
        """Check that a run finds more of the front than 20 random architectures do on average."""
        made_up = self.made_up(space)
        front = Front(made_up[_many(space)], ["max", "max"])
        rng = np.random.default_rng(0)
        random = []
        for _ in range(10):
            architectures = space.sample(20, rng)
            random.append(front.hypervolumes(made_up[architectures])[-1])
        assert front.hypervolumes(values)[-1] > np.mean(random)

    def test_declares_vectors(self) -> None:
        """Check the class attribute `objectives`."""
        kind = type(self.make(get_space(self.spaces[0]), np.random.default_rng(0)))
        assert kind.objectives in ("several", "any")

    def test_takes_three_objectives(self, space: SearchSpace) -> None:
        """Check three objectives; one is constant."""
        searcher = self.ready(space)
        values = self.made_up(space)
        for n in (5, 5, 1, 3):
            architectures = searcher.ask(n)
            assert architectures.shape == (n,)
            searcher.tell(architectures, np.column_stack([values[architectures], np.ones(n)]))
