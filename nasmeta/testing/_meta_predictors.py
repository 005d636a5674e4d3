"""The contract of meta-predictors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from nasmeta.errors import LabelError, SettingError
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing._searchers import made_up_sources, made_up_values
from nasmeta.testing._spaces import OnSpaces, generators_left_alone


class MetaPredictorContract(OnSpaces):
    """Tests of a meta-predictor: inherit, implement `make`, and let pytest find the class.

    Parameters
    ----------
    least_correlation : float, default 0.5
        Class attribute: the Spearman correlation on a made-up target that ten labels must reach.
    can_be_saved : bool, default True
        Class attribute: whether `nasmeta.meta.SavedMetaModel.write` writes it; that needs a
        registered class.
    spaces : sequence of str or SearchSpace, default ("nb201", "tnb101")
        Class attribute: the spaces with at least 300 architectures.

    Examples
    --------
    >>> from nasmeta.meta import META_PREDICTORS
    >>> from nasmeta.testing import MetaPredictorContract
    >>> class TestExperts(MetaPredictorContract):
    ...     def make(self, space):
    ...         return META_PREDICTORS["experts"](space)
    """

    least_correlation = 0.5
    can_be_saved = True
    _ready: ClassVar[dict[Any, Any]] = {}  # by class of the tests and space

    def make(self, space: Any) -> Any:
        """Return a new meta-predictor for a space, given by its name if it is registered."""
        raise NotImplementedError("Override make(space) so that it returns your meta-predictor.")

    def made(self, space: SearchSpace) -> Any:
        """Return the result of `make` for a space."""
        if space.name in SPACES and get_space(space.name) == space:
            return self.make(space.name)
        return self.make(space)

    def sources(self, space: SearchSpace) -> Sequence[SourceTask]:
        """Return the sources: by default three made-up tasks with 150 labels."""
        return made_up_sources(space, 150, (0.1, 0.3, 0.5))

    def learnt(self, space: SearchSpace) -> Any:
        """Return a meta-trained predictor; the training runs once per space."""
        key = (type(self), space.name)
        if key not in self._ready:
            self._ready[key] = self.made(space).meta_fit(self.sources(space))
        ready = self._ready[key]
        made = self.made(space)
        made.meta_model_ = ready.meta_model_
        made.meta_sources_ = ready.meta_sources_
        return made

    def labelled(self, space: SearchSpace, n: int = 10) -> tuple[Any, Any]:
        """Return architectures of a made-up target, and their labels."""
        architectures = space.sample(n, np.random.default_rng(7))
        return architectures, made_up_values(space)[architectures]

    def fitted(self, space: SearchSpace) -> Any:
        """Return a meta-trained predictor, fitted to the labels of a made-up target."""
        return self.learnt(space).fit(*self.labelled(space))

    def test_few_labels_and_sources_order_the_rest(self, space: SearchSpace) -> None:
        from scipy.stats import spearmanr

        predicted = self.fitted(space).predict(np.arange(space.size))
        assert predicted.shape == (space.size,)
        assert np.isfinite(predicted).all()
        assert spearmanr(predicted, made_up_values(space))[0] >= self.least_correlation

    def test_deviations_are_positive_and_cells_may_be_strings(self, space: SearchSpace) -> None:
        made = self.fitted(space)
        mean, deviation = made.predict([5, 17], return_std=True)
        assert (deviation > 0).all()
        by_string = made.predict([space.to_string(5), space.to_string(17)])
        np.testing.assert_array_equal(by_string, mean)

    def test_it_can_be_fitted_again_and_one_label_is_enough(self, space: SearchSpace) -> None:
        made = self.fitted(space)
        first = made.predict([1, 2, 3])
        assert np.isfinite(made.fit([4], [2.0]).predict([1, 2, 3])).all()
        again = made.fit(*self.labelled(space)).predict([1, 2, 3])
        np.testing.assert_array_equal(again, first)

    def test_the_order_does_not_depend_on_a_positive_unit(self, space: SearchSpace) -> None:
        architectures, labels = self.labelled(space)
        made = self.learnt(space)
        first = made.fit(architectures, labels).predict(np.arange(200))
        second = made.fit(architectures, 100 * labels + 7).predict(np.arange(200))
        np.testing.assert_allclose(second, 100 * first + 7, rtol=1e-6, atol=1e-6)

    def test_meta_training_is_reproducible_and_leaves_global_generators_alone(
        self, space: SearchSpace
    ) -> None:
        if space != get_space(self.spaces[-1]):
            pytest.skip("Once is enough: the meta-training is the same on all spaces.")
        with generators_left_alone():
            first = self.fitted(space)
            second = self.made(space).meta_fit(self.sources(space)).fit(*self.labelled(space))
            np.testing.assert_array_equal(second.predict([1, 2, 3]), first.predict([1, 2, 3]))

    def test_its_file_brings_it_back(self, space: SearchSpace, tmp_path: Path) -> None:
        if not self.can_be_saved:
            pytest.skip("It cannot be saved.")
        from nasmeta.meta import SavedMetaModel

        made = self.fitted(space)
        saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", made))
        assert saved.sources == tuple(source.name for source in self.sources(space))
        again = saved.restore(self.made(space)).fit(*self.labelled(space))
        few = np.arange(50)
        np.testing.assert_allclose(again.predict(few), made.predict(few), rtol=1e-6)

    def test_refuses_sources_and_labels_without_information(self, space: SearchSpace) -> None:
        made = self.made(space)
        source = self.sources(space)[0]
        constant = SourceTask("a", "a", space, source.architectures, np.ones(len(source)))
        for sources in ([], [source, source], [constant]):
            with pytest.raises(SettingError):
                made.meta_fit(sources)
        with pytest.raises(SettingError):
            made.fit([1], [1.0])  # before meta_fit
        with pytest.raises(SettingError):
            self.learnt(space).predict([1])  # before fit
        for labels in ([1.0], [1.0, np.nan]):
            with pytest.raises(LabelError):
                self.learnt(space).fit([1, 2], labels)
