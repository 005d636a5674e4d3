"""The contract of predictors."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import ArchitectureError, LabelError
from nasmeta.predictors import knows_deviation
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
        predictor, architectures = self.fitted(space), np.arange(0, space.size, 1 + space.size // 160, dtype=np.int32)
        predicted = predictor.predict(architectures)
        assert isinstance(predicted, np.ndarray)
        assert predicted.dtype == np.float64
        assert predicted.shape == architectures.shape
        assert np.isfinite(predicted).all()
        for other in (architectures[:, None], architectures.tolist(), space.to_string(architectures)):
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
        predictor, architectures = self.fitted(space), np.arange(min(40, space.size), dtype=np.int32)
        together = predictor.predict(architectures)
        np.testing.assert_allclose(predictor.predict(architectures[::-1])[::-1], together, rtol=1e-5)
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
        np.testing.assert_array_equal(first.fit(architectures, y).predict(at), predicted, err_msg="fitted twice")
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
