"""Meta-NAS with short trainings: what the networks promise, the ablations, going on, files and errors."""

import sys

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError, SpaceExhaustedError
from nasmeta.meta import SavedMetaModel
from nasmeta.predictors import normal_scores
from nasmeta.searchers import Searcher
from nasmeta.spaces import CellSpace, get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import SearcherContract, made_up_values

torch = pytest.importorskip("torch")

from nasmeta.meta.meta_nas import MetaNASSearch  # noqa: E402
from nasmeta.meta.meta_nas._model import (  # noqa: E402
    MetaNASModel,
    cell_features,
    ranks_as_scores,
)
from nasmeta.meta.meta_nas._tasks import completed_scores  # noqa: E402
from nasmeta.meta.meta_nas._training import Recipe, Trainer, train_networks  # noqa: E402

SPACE = get_space("tnb101")
TINY = Recipe(steps=20, tasks=2, width=8, learning_rate=2e-3, screen=0.5, std=0.5, noise=0.3)
NO_CELLS, NO_VALUES = np.empty(0, dtype=np.int32), np.empty(0)


class QuickMetaNAS(MetaNASSearch):
    """The searcher with a training of seconds."""

    def __init__(
        self, space: CellSpace, rng: np.random.Generator, *, steps: int = 3, tasks: int = 2, width: int = 8
    ) -> None:
        super().__init__(space, rng, steps=steps, tasks=tasks, width=width)


class TestMetaNAS(SearcherContract):
    def make(self, space: CellSpace, rng: np.random.Generator) -> Searcher:
        return QuickMetaNAS(space, rng)


def made_up_sources(space: CellSpace = SPACE, labels: int | None = None) -> list[SourceTask]:
    cells = np.arange(space.n_cells, dtype=np.int32)
    if labels is not None:
        cells = space.sample(labels, np.random.default_rng(0))
    return [SourceTask(f"made-up/{s}", f"m{s}", space, cells, made_up_values(space, s)[cells]) for s in (0.1, 0.3)]


@pytest.fixture(scope="module")
def model() -> MetaNASModel:
    return train_networks(SPACE, made_up_sources(), TINY, np.random.default_rng(0))


def searcher_with(model: MetaNASModel, **settings: object) -> MetaNASSearch:
    """Return the networks on their own: what they propose, not who is heard."""
    searcher = MetaNASSearch(SPACE, np.random.default_rng(0), **settings, falls_back=False)  # type: ignore[arg-type]
    searcher.meta_model_ = model
    return searcher


def test_cells_have_the_same_features_on_both_spaces() -> None:
    small, large = get_space("tnb101"), get_space("nb201")
    rows = large.from_codes(small.digits)
    np.testing.assert_array_equal(cell_features(small), cell_features(large)[rows])


def test_ranks_as_scores_are_normal_scores() -> None:
    values = np.random.default_rng(0).integers(0, 9, size=(3, 12)).astype(float)
    found = ranks_as_scores(torch.as_tensor(values)).numpy()
    np.testing.assert_allclose(found, [normal_scores(row) for row in values], atol=1e-5)
    assert ranks_as_scores(torch.zeros(2, 0)).shape == (2, 0)


@pytest.mark.parametrize("k", [0, 1, 20])
def test_probabilities_of_all_cells_sum_to_one(model: MetaNASModel, k: int) -> None:
    cells = SPACE.sample(k, np.random.default_rng(1))
    log_p = model.log_probabilities(cells, made_up_values(SPACE)[cells])
    assert log_p.shape == (SPACE.n_cells,)
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-5)


def test_cells_are_drawn_with_their_probabilities(model: MetaNASModel) -> None:
    """What the training draws edge by edge has the exact probabilities."""
    trainer = Trainer(SPACE, made_up_sources(), TINY, np.random.default_rng(5))
    with torch.no_grad():
        networks = trainer.networks
        begun = networks.search.beginning(networks.beginnings)
        elements = networks.search.read(networks.features[torch.zeros(400, 0, dtype=torch.int64)], torch.zeros(400, 0))
        drawn = SPACE.digits[trainer._drawn(elements).numpy().ravel()]
        logits = networks.search(begun[None], elements[:1])[0].double()
        p = np.exp(logits[networks.path, networks.codes].sum(dim=1).numpy())
    for edge in range(6):
        expected = np.bincount(SPACE.digits[:, edge], weights=p, minlength=4)
        np.testing.assert_allclose(np.bincount(drawn[:, edge], minlength=4) / len(drawn), expected, atol=0.02)


def test_only_the_order_of_values_matters(model: MetaNASModel) -> None:
    cells = SPACE.sample(9, np.random.default_rng(2))
    values = made_up_values(SPACE)[cells]
    for ask in (model.log_probabilities, lambda c, v: model.predict(np.arange(50), c, v)[0]):
        np.testing.assert_allclose(ask(cells, values), ask(cells, np.exp(3 * values)), rtol=1e-5)
        shuffled = np.random.default_rng(3).permutation(9)
        np.testing.assert_allclose(ask(cells, values), ask(cells[shuffled], values[shuffled]), rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_it_learns_what_sources_share() -> None:
    recipe = Recipe(steps=65, tasks=3, width=16, learning_rate=1e-2, screen=0.5, std=0.3, noise=0.1)
    learnt = train_networks(SPACE, made_up_sources(), recipe, np.random.default_rng(0))
    target = made_up_values(SPACE, 0.2)
    mean, deviation = learnt.predict(np.arange(SPACE.n_cells), NO_CELLS, NO_VALUES)
    assert np.corrcoef(mean, target)[0, 1] > 0.8
    assert (deviation > 0).all()
    p = np.exp(learnt.log_probabilities(NO_CELLS, NO_VALUES))
    assert p @ normal_scores(target) > 1.0, "good cells are the probable ones"


def test_it_asks_for_no_cell_twice_until_all_are_asked(model: MetaNASModel) -> None:
    searcher = searcher_with(model)
    searcher.tell(np.arange(100, dtype=np.int32), np.arange(100.0))
    seen = np.concatenate([searcher.ask(1000) for _ in range(3)])
    assert len(np.unique(np.r_[np.arange(100), seen])) == 3100
    with pytest.raises(SpaceExhaustedError):
        searcher.ask(1000)


def test_a_long_search_reads_the_best_and_the_latest(model: MetaNASModel) -> None:
    searcher = searcher_with(model)
    values = np.random.default_rng(0).normal(size=300)
    searcher.tell(np.arange(300, dtype=np.int32), values)
    cells, read = searcher._context()
    assert len(cells) == 128
    assert cells[-64:].tolist() == list(range(236, 300))
    assert read.max() == values.max()


def test_gaps_are_filled_by_what_the_labels_say() -> None:
    (source, _) = made_up_sources(labels=200)
    scores = completed_scores(source, np.random.default_rng(0))
    np.testing.assert_allclose(scores[source.cells], normal_scores(source.utilities))
    assert np.corrcoef(scores, made_up_values(SPACE, 0.1))[0, 1] > 0.8


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16-120"])
def test_the_shipped_models_need_fewer_evaluations_than_gp_without_sources(dataset: str) -> None:
    task = f"nb201/{dataset}"
    run = nm.search(
        "meta-nas", task, evaluations=60, settings={"falls_back": False}, stop_at_optimum=True, sources="shipped"
    )
    assert run.stopped == "optimum"
    assert len(run) <= 0.55 * {"cifar10": 35.3, "cifar100": 35.8, "imagenet16-120": 57.7}[dataset]  # reports/queries
    card = SavedMetaModel.load(f"meta-nas-nb201-without-{dataset}").card
    assert all(dataset not in source["held_out"] for source in card["sources"])


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    searcher = MetaNASSearch(SPACE, np.random.default_rng(0))
    with pytest.raises(NasmetaError):
        searcher.meta_fit(made_up_sources())


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_the_screen_weighs_bound_and_log_probability(model: MetaNASModel, weight: float) -> None:
    log_p = model.log_probabilities(NO_CELLS, NO_VALUES)
    mean, deviation = model.predict(np.arange(SPACE.n_cells), NO_CELLS, NO_VALUES)
    few = np.argsort(-log_p, kind="stable")[:300]
    score = (mean + 0.5 * deviation + weight * 0.3 * log_p)[few]
    searcher = searcher_with(model, candidates=300, temperature=0, prior_weight=weight)
    assert searcher.ask(300).tolist() == few[np.argsort(-score, kind="stable")].tolist()
    alone = searcher_with(model, screening=False, temperature=0)
    assert alone.ask(3).tolist() == few[:3].tolist()
