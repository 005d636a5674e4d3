"""Meta-NAS with short trainings: what the networks promise, the ablations, going on, files and errors."""

import sys
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import DamagedFileError, NasmetaError, SettingError, SpaceExhaustedError
from nasmeta.meta import Monitor, SavedMetaModel
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
    cell_tree,
    ranks_as_scores,
)
from nasmeta.meta.meta_nas._tasks import PracticeTasks, completed_scores  # noqa: E402
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


@pytest.mark.parametrize("name", ["nb201", "tnb101"])
def test_the_tree_has_every_cell_once(name: str) -> None:
    space = get_space(name)
    tree = cell_tree(space)
    assert len(tree.beginnings) == sum(space.n_operations**edge for edge in range(6))
    assert len({(*path, *digits) for path, digits in zip(tree.path.tolist(), tree.codes.tolist(), strict=True)}) == (
        space.n_cells
    )
    for cell in (0, 17, space.n_cells - 1):
        for edge in range(6):
            row = tree.beginnings[tree.path[cell, edge]]
            expected = np.zeros((6, 5))
            expected[np.arange(edge), space.digits[cell, :edge]] = 1
            np.testing.assert_array_equal(row[:30], expected.ravel())
            assert row[30:].argmax() == edge


def test_cells_have_the_same_features_on_both_spaces() -> None:
    small, large = get_space("tnb101"), get_space("nb201")
    rows = large.from_digits(small.digits)
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


class Stop(Exception):
    pass


def test_training_is_deterministic_and_goes_on_as_if_never_interrupted(
    model: MetaNASModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log = tmp_path / "training.npz", tmp_path / "log.csv"
    seen: list[int] = []

    def stop(step: int, steps: int, loss: float) -> None:
        if step == steps:
            raise Stop

    monkeypatch.setattr("nasmeta.meta.meta_nas._training._SAVE_EVERY", 13)
    with pytest.raises(Stop):
        train_networks(SPACE, made_up_sources(), TINY, np.random.default_rng(0), monitor=Monitor(path, log, stop))
    assert path.exists()
    assert [line.split(",")[0] for line in log.read_text().splitlines()] == ["step", "10"]
    monitor = Monitor(path, log, lambda step, steps, loss: seen.append(step))
    again = train_networks(SPACE, made_up_sources(), TINY, np.random.default_rng(0), monitor=monitor)
    assert seen == [20]
    for name, values in model.weights.items():
        np.testing.assert_array_equal(values, again.weights[name])
    np.testing.assert_array_equal(model.log, again.log)
    assert [line.split(",")[0] for line in log.read_text().splitlines()] == ["step", "10", "20"]
    with pytest.raises(SettingError):
        train_networks(SPACE, made_up_sources(), TINY, np.random.default_rng(1), monitor=Monitor(path))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DamagedFileError):
        train_networks(SPACE, made_up_sources(), TINY, np.random.default_rng(0), monitor=Monitor(path))


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


def test_what_practice_tasks_are_like() -> None:
    rng = np.random.default_rng(0)
    alike = PracticeTasks(SPACE, made_up_sources(), rng)
    scores = alike.sample(rng)
    assert scores.dtype == np.float32
    assert scores.shape == (SPACE.n_cells,)
    base = normal_scores(made_up_values(SPACE, 0.1))
    likeness = [np.corrcoef(alike.sample(rng), base)[0, 1] for _ in range(20)]
    assert min(likeness) < 0.95 < max(likeness)
    opposed = made_up_sources()
    opposed[1] = SourceTask("opposed", "o", SPACE, opposed[0].cells, -opposed[0].utilities)
    assert PracticeTasks(SPACE, opposed, rng).std == 2.0


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
