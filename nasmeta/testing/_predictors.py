"""The contract of predictors."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nasmeta.errors import ArchitectureError, LabelError
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing._searchers import made_up_values
from nasmeta.testing._spaces import OnSpaces, generators_left_alone


class PredictorContract(OnSpaces):
    """Tests of a predictor: inherit, implement `make`, and let pytest find the class.

    Parameters
    ----------
    spaces : sequence of str or SearchSpace, default ("nb201", "tnb101")
        Class attribute: the spaces of the tests.
    n_train : int, default 120
        Class attribute: the number of labels to fit on.
    least_correlation : float, default 0.5
        Class attribute: the Spearman correlation on other architectures that the predictor must reach.

    Examples
    --------
    >>> from nasmeta.predictors import make_predictor
    >>> class TestRidge(PredictorContract):
    ...     def make(self, space, seed):
    ...         return make_predictor("ridge", space=space, seed=seed)
    """

    n_train = 120
    least_correlation = 0.5

    def make(self, space: Any, seed: int) -> Any:
        """Return a new predictor for a space, not fitted."""
        raise NotImplementedError("Override make(space, seed) so that it returns your predictor.")

    def labelled(self, space: SearchSpace) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return architectures and made-up labels to fit on."""
        cells = space.sample(self.n_train, np.random.default_rng(0))
        return cells, made_up_values(space)[cells] + 60.0

    def fitted(self, space: SearchSpace) -> Any:
        """Return a fitted predictor, the same for all tests of a space: they must not change it."""
        fitted: dict[str, Any] = type(self).__dict__.get("_fitted") or {}
        type(self)._fitted = fitted  # type: ignore[attr-defined]
        if space.name not in fitted:
            fitted[space.name] = self.make(space, 0).fit(*self.labelled(space))
        return fitted[space.name]

    def test_predicts_a_number_for_each_cell(self, space: SearchSpace) -> None:
        """Check dtype, shape and finiteness, for arrays, columns, lists and strings of cells."""
        predictor, cells = self.fitted(space), np.arange(0, space.size, 1 + space.size // 160, dtype=np.int32)
        predicted = predictor.predict(cells)
        assert isinstance(predicted, np.ndarray)
        assert predicted.dtype == np.float64
        assert predicted.shape == cells.shape
        assert np.isfinite(predicted).all()
        for other in (cells[:, None], cells.tolist(), space.to_string(cells)):
            np.testing.assert_allclose(predictor.predict(other), predicted, rtol=1e-6)

    def test_learns(self, space: SearchSpace) -> None:
        """Check that cells that it has not seen are ordered better than by chance, on the labels' scale."""
        from scipy.stats import spearmanr

        train, y = self.labelled(space)
        others = np.setdiff1d(np.arange(space.size), train)
        predicted, truth = self.fitted(space).predict(others), made_up_values(space)[others] + 60.0
        assert spearmanr(predicted, truth).statistic >= self.least_correlation
        assert abs(predicted.mean() - y.mean()) < 3 * y.std()

    def test_a_prediction_does_not_depend_on_its_neighbours(self, space: SearchSpace) -> None:
        """Check that a cell's prediction is the same alone, in a batch, and in another order."""
        predictor, cells = self.fitted(space), np.arange(min(40, space.size), dtype=np.int32)
        together = predictor.predict(cells)
        np.testing.assert_allclose(predictor.predict(cells[::-1])[::-1], together, rtol=1e-5)
        np.testing.assert_allclose(
            np.concatenate([predictor.predict(cells[[i]]) for i in range(5)]), together[:5], rtol=1e-5
        )

    def test_same_seed_same_predictions(self) -> None:
        """Check that only seed and labels determine predictions, also of a clone."""
        space = get_space(self.spaces[-1])
        cells, y = self.labelled(space)
        first = self.make(space, 3)
        second = clone(first)
        at = np.arange(min(200, space.size), dtype=np.int32)
        np.testing.assert_array_equal(first.fit(cells, y).predict(at), second.fit(cells, y).predict(at))
        np.testing.assert_array_equal(first.fit(cells, y).predict(at), second.predict(at), err_msg="fitted twice")

    def test_leaves_global_generators_and_labels_alone(self) -> None:
        """Check that global generators are neither used nor seeded, and that the given arrays do not change."""
        space = get_space(self.spaces[-1])
        cells, y = self.labelled(space)
        given = cells.copy(), y.copy()
        with generators_left_alone():
            self.make(space, 0).fit(cells, y).predict(cells)
        np.testing.assert_array_equal(cells, given[0])
        np.testing.assert_array_equal(y, given[1])

    def test_deviation(self, space: SearchSpace) -> None:
        """Check that a deviation, if the predictor has one, is positive and comes with the same mean."""
        predictor = self.fitted(space)
        last = predictor.steps[-1][1] if hasattr(predictor, "steps") else predictor
        if "return_std" not in inspect.signature(last.predict).parameters:
            pytest.skip("This predictor knows no deviation.")
        cells = np.arange(min(100, space.size), dtype=np.int32)
        try:
            mean, deviation = predictor.predict(cells, return_std=True)
        except ValueError as reason:
            pytest.skip(f"This predictor knows no deviation: {reason}")
        np.testing.assert_allclose(mean, predictor.predict(cells), rtol=1e-5)
        assert deviation.shape == mean.shape
        assert (deviation > 0).all()
        assert np.isfinite(deviation).all()

    @pytest.mark.parametrize("y", [[1.0, np.nan, 2.0], [1.0, np.inf, 2.0], [1.0, 1.0, 1.0], [1.0]])
    def test_refuses_labels_without_information(self, y: list[float]) -> None:
        """Check for an error if labels are not finite, constant, or only one."""
        with pytest.raises(LabelError):
            self.make(get_space(self.spaces[0]), 0).fit(np.arange(len(y)), y)

    def test_refuses_other_architectures(self) -> None:
        """Check for an error if an architecture is not of the space."""
        space = get_space(self.spaces[-1])
        predictor = self.fitted(space)
        for wrong in ([space.size], [-1], ["|none~0|"], np.zeros((3, 2), dtype=np.int64)):
            with pytest.raises(ArchitectureError):
                predictor.predict(wrong)

    def test_is_not_fitted_at_first(self) -> None:
        """Check for scikit-learn's own error before `fit`."""
        with pytest.raises(NotFittedError):
            self.make(get_space(self.spaces[0]), 0).predict([0])
