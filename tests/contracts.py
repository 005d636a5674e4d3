"""Contracts of predictors and of multi-fidelity searchers, which the tests of several subpackages inherit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import ArchitectureError, LabelError
from nasmeta.predictors import knows_deviation
from nasmeta.searchers import MultiFidelitySearcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing import OnSpaces, SearcherContract, generators_left_alone, made_up_values


class PredictorContract(OnSpaces):
    """Tests of a predictor: inherit, implement `make`, and let pytest find the class.

    Parameters
    ----------
    spaces : sequence of str or SearchSpace, default ("nb201", "tnb101")
        Class attribute: the spaces of the tests.
    n_train : int, default 120
        Class attribute: the number of labels to fit on.
    least_correlation : float, default 0.5
        Class attribute: the Spearman correlation on other architectures that the predictor must
        reach.
    """

    n_train = 120
    least_correlation = 0.5
    _fitted: ClassVar[dict[Any, Any]] = {}

    def make(self, space: Any, seed: int) -> Any:
        """Return a new predictor for a space, not fitted."""
        raise NotImplementedError("Override make(space, seed) so that it returns your predictor.")

    def labelled(self, space: SearchSpace) -> tuple[Architectures, Floats]:
        """Return architectures and made-up labels to fit on."""
        architectures = space.sample(self.n_train, np.random.default_rng(0))
        return architectures, made_up_values(space)[architectures] + 60.0

    def fitted(self, space: SearchSpace) -> Any:
        """Return a fitted predictor, the same for all tests of a space: they must not change it."""
        key = (type(self), space.name)
        if key not in self._fitted:
            self._fitted[key] = self.make(space, 0).fit(*self.labelled(space))
        return self._fitted[key]

    def test_predicts_a_number_for_each_cell(self, space: SearchSpace) -> None:
        """Check dtype, shape and finiteness, for arrays, columns, lists and strings of architectures."""
        predictor, architectures = (
            self.fitted(space),
            np.arange(0, space.size, 1 + space.size // 160, dtype=np.int32),
        )
        predicted = predictor.predict(architectures)
        assert isinstance(predicted, np.ndarray)
        assert predicted.dtype == np.float64
        assert predicted.shape == architectures.shape
        assert np.isfinite(predicted).all()
        for other in (
            architectures[:, None],
            architectures.tolist(),
            space.to_string(architectures),
        ):
            np.testing.assert_allclose(predictor.predict(other), predicted, rtol=1e-6)

    def test_learns(self, space: SearchSpace) -> None:
        """Check that architectures that it has not seen are ordered better than by chance, on the labels' scale."""
        from scipy.stats import spearmanr

        train, y = self.labelled(space)
        others = np.setdiff1d(np.arange(space.size), train)
        predicted, truth = self.fitted(space).predict(others), made_up_values(space)[others] + 60.0
        assert spearmanr(predicted, truth).statistic >= self.least_correlation
        assert abs(predicted.mean() - y.mean()) < 3 * y.std()

    def test_a_prediction_does_not_depend_on_its_neighbours(self, space: SearchSpace) -> None:
        """Check that an architecture's prediction is the same alone, in a batch, and in another order."""
        predictor, architectures = (
            self.fitted(space),
            np.arange(min(40, space.size), dtype=np.int32),
        )
        together = predictor.predict(architectures)
        np.testing.assert_allclose(
            predictor.predict(architectures[::-1])[::-1], together, rtol=1e-5
        )
        np.testing.assert_allclose(predictor.predict(architectures[[3]]), together[3:4], rtol=1e-5)

    def test_same_seed_same_predictions(self) -> None:
        """Check that only seed and labels determine predictions, also of a clone, and that no argument changes."""
        space = get_space(self.spaces[-1])
        architectures, y = self.labelled(space)
        given = architectures.copy(), y.copy()
        first = self.make(space, 3)
        second = clone(first)
        at = np.arange(min(200, space.size), dtype=np.int32)
        with generators_left_alone():
            predicted = first.fit(architectures, y).predict(at)
        np.testing.assert_array_equal(second.fit(architectures, y).predict(at), predicted)
        np.testing.assert_array_equal(
            first.fit(architectures, y).predict(at), predicted, err_msg="fitted twice"
        )
        np.testing.assert_array_equal(architectures, given[0])
        np.testing.assert_array_equal(y, given[1])

    def test_deviation(self, space: SearchSpace) -> None:
        """Check that a deviation, if the predictor has one, is positive and comes with the same mean."""
        predictor = self.fitted(space)
        if not knows_deviation(predictor):
            pytest.skip("This predictor knows no deviation.")
        architectures = np.arange(min(100, space.size), dtype=np.int32)
        mean, deviation = predictor.predict(architectures, return_std=True)
        np.testing.assert_allclose(mean, predictor.predict(architectures), rtol=1e-5)
        assert deviation.shape == mean.shape
        assert (deviation > 0).all()
        assert np.isfinite(deviation).all()

    @pytest.mark.parametrize("y", [[1.0, np.nan, 2.0], [1.0, 1.0, 1.0], [1.0]])
    def test_refuses_labels_without_information(self, y: list[float]) -> None:
        """Check for an error if labels are not finite, constant, or only one."""
        with pytest.raises(LabelError):
            self.make(get_space(self.spaces[0]), 0).fit(np.arange(len(y)), y)

    def test_refuses_other_architectures(self) -> None:
        """Check for an error if an architecture is not of the space, and for scikit-learn's own before `fit`."""
        space = get_space(self.spaces[-1])
        with pytest.raises(NotFittedError):
            self.make(space, 0).predict([0])
        for wrong in ([space.size], ["|none~0|"]):
            with pytest.raises(ArchitectureError):
                self.fitted(space).predict(wrong)


class MultiFidelityContract(SearcherContract):
    """Tests of a multi-fidelity searcher, used as `SearcherContract`."""

    def begun(
        self, space: SearchSpace, lengths: Sequence[int], seed: int = 0
    ) -> MultiFidelitySearcher:
        """Return a searcher that knows the lengths of training."""
        searcher = self.ready(space, seed)
        searcher.begin(lengths)
        return searcher

    def trace(self, searcher: MultiFidelitySearcher, n: int, batch: int = 1) -> list[tuple]:
        """Run on made-up values, with noise for short trainings; return (architecture, epochs)."""
        space, proposed = searcher.space, list[tuple]()
        values, noise = made_up_values(space), made_up_values(space, 9.0)
        for _ in range(0, n, batch):
            architectures, epochs = searcher.ask_at(batch)
            searcher.tell_at(
                architectures, epochs, values[architectures] + noise[architectures] / epochs
            )
            proposed += zip(architectures.tolist(), epochs.tolist(), strict=True)
        return proposed

    @pytest.mark.parametrize("batch", [1, 4])
    def test_proposes_cells_with_possible_lengths(self, space: SearchSpace, batch: int) -> None:
        """Check dtype, shape and range of both parts of a proposal, and that it uses short and full trainings."""
        searcher = self.begun(space, [12, 50, 200])
        for part, dtype in zip(searcher.ask_at(batch), (space.index_type, np.int32), strict=True):
            assert part.dtype == dtype
            assert part.shape == (batch,)
        proposed = self.trace(searcher, 80, batch)
        assert all(
            0 <= architecture < space.size and epochs in (12, 50, 200)
            for architecture, epochs in proposed
        )
        assert {12, 200} <= {epochs for _, epochs in proposed}

    def test_same_generator_gives_the_same_lengths(self, space: SearchSpace) -> None:
        """Check that only generator and values determine architectures and epochs."""
        first, second = (self.trace(self.begun(space, [12, 200]), 60) for _ in range(2))
        assert first == second

    def test_waits_for_no_value(self, space: SearchSpace) -> None:
        """Check that it accepts values late, in another order, and of architectures that it did not propose."""
        searcher, values = self.begun(space, [12, 200]), made_up_values(space)
        foreign = space.sample(3, np.random.default_rng(0))
        searcher.tell_at(foreign, np.full(3, 200, np.int32), values[foreign])
        waiting = [searcher.ask_at(3) for _ in range(6)]
        for architectures, epochs in reversed(waiting):
            searcher.tell_at(
                architectures[::-1].copy(), epochs[::-1].copy(), values[architectures[::-1]]
            )
        assert len(self.trace(searcher, 20)) == 20
