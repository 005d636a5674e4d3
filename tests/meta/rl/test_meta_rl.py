"""The searcher after a short meta-training: contract, adaptation, files, resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import nasmeta as nm
from nasmeta.meta import SavedMetaModel, meta_train
from nasmeta.meta.rl import LearntPolicy, MetaRLSearch
from nasmeta.searchers import Searcher
from nasmeta.spaces import CellSpace, get_space
from nasmeta.testing import SearcherContract

torch = pytest.importorskip("torch")

SPACE = get_space("nb201")
TINY = {"iterations": 2, "walks": 4, "steps": 6, "hidden": 8}


class Short(MetaRLSearch):
    """Meta-trained in a second."""

    def __init__(self, space: CellSpace, rng: np.random.Generator, *, temperature: float = 1.0) -> None:
        super().__init__(space, rng, temperature=temperature, **TINY)


class TestMetaRL(SearcherContract):
    def make(self, space: CellSpace, rng: np.random.Generator) -> Searcher:
        return Short(space, rng)


@pytest.fixture(scope="module")
def learnt() -> LearntPolicy:
    sources, _ = nm.task_distribution("nb201").leave_out("cifar10")
    return Short(SPACE, np.random.default_rng(0)).meta_fit(sources).meta_model_


def searcher_with(learnt: LearntPolicy, seed: int = 0, **settings: object) -> MetaRLSearch:
    searcher = MetaRLSearch(SPACE, np.random.default_rng(seed), **settings)
    searcher.meta_model_ = learnt
    return searcher


def trace(searcher: MetaRLSearch, values: NDArray[np.float64], n: int, batch: int = 1) -> list[int]:
    cells: list[int] = []
    while len(cells) < n:
        asked = searcher.ask(batch)
        searcher.tell(asked, values[asked])
        cells += asked.tolist()
    return cells


def test_the_unit_of_the_values_does_not_matter(learnt: LearntPolicy) -> None:
    values = nm.get_task("nb201/cifar10").values
    changes = (lambda y: y, lambda y: np.exp(y / 10), lambda y: -1 / y)
    traces = [trace(searcher_with(learnt), change(values), 25) for change in changes]
    assert traces[0] == traces[1] == traces[2]


def test_it_begins_where_the_sources_are_best_and_never_asks_twice(learnt: LearntPolicy) -> None:
    cells = trace(searcher_with(learnt), nm.get_task("nb201/cifar10").values, 60)
    assert cells[0] == learnt.prior.argmax()
    assert len(set(cells)) == 60


def test_the_answers_decide_where_it_goes(learnt: LearntPolicy) -> None:
    values = nm.get_task("nb201/cifar10").values
    ways = {
        tuple(trace(searcher_with(learnt, temperature=0.0), told, 12))
        for told in (values, -values, np.roll(values, 99))
    }
    assert len(ways) == 3


def test_from_a_file_it_searches_alike(learnt: LearntPolicy, tmp_path: Path) -> None:
    sources, target = nm.task_distribution("nb201").leave_out("cifar10")
    trained = Short(SPACE, np.random.default_rng(0)).meta_fit(sources)
    mine = MetaRLSearch(SPACE, np.random.default_rng(3), **TINY)
    mine.meta_model_, mine.meta_sources_ = trained.meta_model_, trained.meta_sources_
    path = SavedMetaModel.write(tmp_path / "rl.npz", mine)
    again = SavedMetaModel.load(path).searcher(np.random.default_rng(3), temperature=0.5)
    mine.temperature = 0.5
    assert trace(again, target[0].values, 20) == trace(mine, target[0].values, 20)


def test_the_policy_in_numpy_is_that_of_torch(learnt: LearntPolicy) -> None:
    from nasmeta.meta.rl import CellSearchEnvs
    from nasmeta.meta.rl._policy import Memory
    from nasmeta.meta.rl._ppo import ActorCritic

    network = ActorCritic(16, torch.Generator().manual_seed(0))
    policy = network.policy()
    values = np.random.default_rng(0).normal(size=(3, SPACE.n_cells))
    envs = CellSearchEnvs(SPACE, values, np.repeat(learnt.prior[None], 3, 0), start="prior")
    view, memory = envs.reset(np.random.default_rng(0)), Memory.of(3, 16)
    inputs, scores, rng = [], [], np.random.default_rng(1)
    for _ in range(5):
        inputs.append(np.concatenate([view.walk, memory.last_action], axis=1))
        scores.append(policy.logits(view, Memory(memory.hidden, memory.last_action)))
        action, log_p = policy.draw(view, memory, rng)
        chosen = scores[-1][np.arange(3), action] - np.log(np.exp(scores[-1]).sum(axis=1))
        np.testing.assert_allclose(log_p, chosen, atol=1e-5)
        np.testing.assert_array_equal(memory.last_action, view.actions[np.arange(3), action])
        actions, possible = torch.as_tensor(view.actions), torch.as_tensor(view.possible)
        envs.step(action)
        view = envs.seen
    with torch.no_grad():
        remembered = network.remember(torch.as_tensor(np.stack(inputs, axis=1)))
        theirs = network.logits(remembered[:, -1], actions, possible).numpy()
    np.testing.assert_allclose(scores[-1], theirs, rtol=1e-4, atol=1e-4)


def test_the_seed_of_meta_train_decides_the_training(tmp_path: Path) -> None:
    source = nm.get_task("nb201/cifar100").as_source()
    saved = [meta_train("meta-rl", source, out=tmp_path / f"{s}.npz", seed=s, settings=TINY) for s in (0, 1)]
    assert [model.card["settings"]["training_seed"] for model in saved] == [0, 1]
    first, other = (model.arrays["score.weight"] for model in saved)
    assert (first != other).any()


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "imagenet16-120"])
def test_the_shipped_policies_need_fewer_evaluations_than_evolution(dataset: str) -> None:
    needed = [
        len(
            nm.search(
                "meta-rl", f"nb201/{dataset}", evaluations=300, seed=seed, stop_at_optimum=True, sources="shipped"
            )
        )
        for seed in range(8)
    ]
    assert np.mean(needed) < {"cifar10": 78, "cifar100": 61, "imagenet16-120": 124}[dataset], "half of evolution's"
    card = SavedMetaModel.load(f"meta-rl-nb201-without-{dataset}").card
    defaults = MetaRLSearch(SPACE, np.random.default_rng(0))
    assert card["settings"] == {name: getattr(defaults, name) for name in card["settings"]}
    assert all(dataset not in source["held_out"] for source in card["sources"])
