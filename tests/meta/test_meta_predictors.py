"""The contract of meta-predictors, and what each of them has beyond it."""

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.errors import LabelError, UnknownNameError
from nasmeta.meta import META_PREDICTORS, MetaLinear
from nasmeta.spaces import CellSpace, SearchSpace, get_space
from nasmeta.testing import MetaPredictorContract

torch = pytest.importorskip("torch")


class TestMetaLinear(MetaPredictorContract):
    def make(self, space: str) -> MetaLinear:
        return MetaLinear(space)


class TestMetaLinearOnColumns(MetaPredictorContract):
    spaces = (
        SearchSpace("columns", {"width": [8, 16, 32, 64], **{f"op{i}": ["conv", "pool", "skip"] for i in range(5)}}),
    )

    def make(self, space: SearchSpace) -> MetaLinear:
        return MetaLinear(space)


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


def test_names() -> None:
    assert sorted(META_PREDICTORS) == ["in-context", "maml", "meta-dkl", "meta-linear"]
    with pytest.raises(UnknownNameError):
        META_PREDICTORS["maml2"]


def test_twenty_labels_improve_on_the_order_of_the_sources() -> None:
    source, target = nm.task_distribution("nb201").leave_out("cifar10")
    values = target[0].values
    rest = np.random.default_rng(1).choice(len(values), 1500, replace=False)
    predictor = MetaLinear().meta_fit(source)
    order = kendalltau(predictor.prior()[0][rest], values[rest])[0]
    found = []
    for draw in range(3):
        cells = np.setdiff1d(np.random.default_rng(draw).choice(len(values), 20, replace=False), rest)
        found.append(kendalltau(predictor.fit(cells, values[cells]).predict(rest), values[rest])[0])
    assert np.mean(found) > order > 0.86


def test_a_loss_is_no_cost() -> None:
    """Losses are negative utilities, too; what the metric is decides, so other metrics can be predicted from them."""
    space, rng = nm.get_space("tnb101"), np.random.default_rng(0)
    cells = space.sample(60, rng)
    loss = nm.tasks.SourceTask("room/loss", "room", space, cells, -np.exp(rng.standard_normal(60)))
    predictor = MetaLinear("tnb101").meta_fit([loss])
    assert predictor.meta_model_.matrix.scale == "rank"
    assert np.isfinite(predictor.fit([1, 2], [94.1, 94.5]).predict([3])).all()


def test_costs_are_learned_in_their_unit() -> None:
    space = nm.get_space("tnb101")
    rng = np.random.default_rng(0)
    counts = (space.digits[:, :, None] == np.arange(4)).sum(axis=1)
    costs = [0.1 + counts @ (0.3 * rng.random(4)) for _ in range(6)]  # times that add up
    costs = [one * np.exp(0.01 * rng.standard_normal(space.n_cells)) for one in costs]
    sources = [
        nm.tasks.SourceTask(f"device/{i}", f"device-{i}", space, np.arange(4096, dtype=np.int32), -cost, is_cost=True)
        for i, cost in enumerate(costs[:5])
    ]
    predictor = MetaLinear("tnb101").meta_fit(sources)
    assert predictor.meta_model_.matrix.scale == "root"
    cells, target = space.sample(10, np.random.default_rng(1)), costs[5]
    mean, deviation = predictor.fit(cells, -target[cells]).predict(np.arange(4096), return_std=True)
    assert (mean < 0).all()
    assert np.median(np.abs(np.log(mean / -target))) < 0.1, "a factor close to 1: the unit is kept"
    in_thousandths = predictor.fit(cells, -1000 * target[cells]).predict(np.arange(4096), return_std=True)
    np.testing.assert_allclose(in_thousandths, (1000 * mean, 1000 * deviation), rtol=1e-6)
    with pytest.raises(LabelError):
        predictor.fit([1, 2], [-1.0, 1.0])
