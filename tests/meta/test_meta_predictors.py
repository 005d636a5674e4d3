"""The contract of meta-predictors, and what each of them has beyond it."""

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.errors import LabelError, SettingError, UnknownNameError
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


ALIKE = [pytest.param(name, marks=pytest.mark.slow) for name in ("anil", "reptile")]  # they share what maml does


@pytest.mark.parametrize("name", ["maml", "meta-np", "meta-dkl", *ALIKE])
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
    assert sorted(META_PREDICTORS) == ["anil", "in-context", "maml", "meta-dkl", "meta-linear", "meta-np", "reptile"]
    with pytest.raises(UnknownNameError, match="Did you mean 'maml'"):
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


@pytest.mark.parametrize("scale", ["root", "log"])
def test_costs_are_learnt_in_their_unit(scale: str) -> None:
    space = nm.get_space("tnb101")
    rng = np.random.default_rng(0)
    counts = (space.digits[:, :, None] == np.arange(4)).sum(axis=1)
    work = [counts @ (0.3 * rng.random(4)) for _ in range(6)]
    works = [np.exp(one) if scale == "log" else 0.1 + one for one in work]  # factors, or times that add up
    speeds = [one * np.exp(0.01 * rng.standard_normal(space.n_cells)) for one in works]
    sources = [
        nm.tasks.SourceTask(f"device/{i}", f"device-{i}", space, np.arange(4096, dtype=np.int32), -speed, is_cost=True)
        for i, speed in enumerate(speeds)
    ]
    predictor = MetaLinear("tnb101", scale="auto" if scale == "root" else scale).meta_fit(sources[:5])
    assert predictor.meta_model_.matrix.scale == scale
    cells = space.sample(10, np.random.default_rng(1))
    predicted = predictor.fit(cells, -speeds[5][cells]).predict(np.arange(4096))
    assert (predicted < 0).all()
    assert np.median(np.abs(np.log(predicted / -speeds[5]))) < 0.1, "a factor close to 1: the unit is kept"
    with pytest.raises(LabelError, match="minus a cost"):
        predictor.fit([1, 2], [-1.0, 1.0])
    mean, deviation = predictor.fit(cells, -speeds[5][cells]).predict(np.arange(4096), return_std=True)
    in_thousandths = predictor.fit(cells, -1000 * speeds[5][cells]).predict(np.arange(4096), return_std=True)
    np.testing.assert_allclose(in_thousandths, (1000 * mean, 1000 * deviation), rtol=1e-6)
    for wrong in ("cubic", "unit"):
        with pytest.raises(SettingError, match="scale"):
            MetaLinear("tnb101", scale=wrong).meta_fit(sources)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("maml", {"order": 3}, "order must be 1 or 2"),
        ("anil", {"steps": 0}, "steps"),
        ("meta-np", {"device": "moon"}, "device"),
        ("meta-dkl", {"noise": -1}, "noise must be a number"),
    ],
)
def test_settings_that_are_not_possible(name: str, settings: dict[str, object], message: str) -> None:
    source, _ = nm.task_distribution("nb201").leave_out("cifar10")
    with pytest.raises(SettingError, match=message):
        META_PREDICTORS[name](**settings).meta_fit(source.as_sources(50, np.random.default_rng(0)))


def test_first_and_second_order_differ() -> None:
    source, _ = nm.task_distribution("nb201").leave_out("cifar10")
    sources = source.as_sources(100, np.random.default_rng(0))
    made = [META_PREDICTORS["maml"](steps=3, order=order).meta_fit(sources).prior()[0] for order in (1, 2)]
    assert np.abs(made[0] - made[1]).max() > 1e-6
