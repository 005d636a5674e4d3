"""The contract of meta-predictors, and what each of them has beyond it."""

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS
from nasmeta.spaces import CellSpace, get_space
from nasmeta.testing import MetaPredictorContract

torch = pytest.importorskip("torch")


class TestNetworks(MetaPredictorContract):
    # the small one: what a network reads of a cell is the same on both
    @pytest.fixture(params=["tnb101"])
    def space(self, request: pytest.FixtureRequest) -> CellSpace:
        return get_space(request.param)

    def make(self, space: str) -> object:
        return META_PREDICTORS["maml"](space, steps=4, seed=3)


@pytest.mark.slow
def test_twenty_labels_improve_on_the_order_of_the_sources() -> None:
    source, target = nm.task_distribution("nb201").leave_out("cifar10")
    values = target[0].values
    rest = np.random.default_rng(1).choice(len(values), 1500, replace=False)
    predictor = META_PREDICTORS["experts"]().meta_fit(source)
    order = kendalltau(predictor.prior()[0][rest], values[rest])[0]
    found = []
    for draw in range(3):
        architectures = np.setdiff1d(
            np.random.default_rng(draw).choice(len(values), 20, replace=False), rest
        )
        found.append(
            kendalltau(
                predictor.fit(architectures, values[architectures]).predict(rest), values[rest]
            )[0]
        )
    assert np.mean(found) > order > 0.86
