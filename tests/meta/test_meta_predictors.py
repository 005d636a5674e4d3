"""The contract of meta-predictors, and what each of them has beyond it."""

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS
from nasmeta.spaces import CellSpace, get_space
from nasmeta.testing import MetaPredictorContract

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", ["maml", "meta-dkl"])
class TestNetworks(MetaPredictorContract):
    @pytest.fixture(params=["tnb101"])  # the small one: what a network reads of a cell is the same on both
    def space(self, request: pytest.FixtureRequest) -> CellSpace:
        return get_space(request.param)

    @pytest.fixture(autouse=True)
    def _name(self, name: str) -> None:
        self.name = name

    def make(self, space: str) -> object:
        return META_PREDICTORS[self.name](space, steps=4, seed=3)

    def learnt(self, space):  # type: ignore[no-untyped-def]
        key = (self.name, space.name)
        if key not in self._ready:
            self._ready[key] = self.make(space.name).meta_fit(self.sources(space))  # type: ignore[attr-defined]
        made = self.make(space.name)
        made.meta_model_ = self._ready[key].meta_model_  # type: ignore[attr-defined]
        made.meta_sources_ = self._ready[key].meta_sources_  # type: ignore[attr-defined]
        return made


def test_twenty_labels_improve_on_the_order_of_the_sources() -> None:
    source, target = nm.task_distribution("nb201").leave_out("cifar10")
    values = target[0].values
    rest = np.random.default_rng(1).choice(len(values), 1500, replace=False)
    predictor = META_PREDICTORS["experts"]().meta_fit(source)
    order = kendalltau(predictor.prior()[0][rest], values[rest])[0]
    found = []
    for draw in range(3):
        architectures = np.setdiff1d(np.random.default_rng(draw).choice(len(values), 20, replace=False), rest)
        found.append(kendalltau(predictor.fit(architectures, values[architectures]).predict(rest), values[rest])[0])
    assert np.mean(found) > order > 0.86
