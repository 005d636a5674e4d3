"""Every meta-learner on spaces that are not NAS-Bench-201's: other cells, sizes, mixed columns, a list of some."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from example_spaces import EXAMPLE_SPACES as SPACES, example_space
from scipy.stats import spearmanr

from nasmeta.errors import SettingError
from nasmeta.meta import (
    META_PREDICTORS,
    LearnedSpace,
    SavedMetaModel,
    proxy_scores,
    warm_start_architectures,
)
from nasmeta.meta._network_inputs import network_columns
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import CellSpace, SearchSpace, get_space, move_cells, reference_space
from nasmeta.tasks import SourceTask
from nasmeta.threads import one_thread

SEARCHED = (
    "meta", "meta-gp", "meta-nas", "meta-predictor", "meta-rl", "multi-task-gp", "rgpe",
    "rgpe-vanilla", "source-order",
)  # fmt: skip
CELL_SPACES = ("five-nodes", "six-ops")
QUICK = {
    "maml": {"steps": 2}, "meta-predictor": {"predictor": "maml", "options": {"steps": 2}},
}  # fmt: skip


def made_up(space: SearchSpace, shift: float = 0.0) -> np.ndarray:
    codes = space.codes.astype(np.float64)
    return np.cos(1.7 * codes + np.arange(space.n_positions) + shift).sum(axis=1) + 0.3 * np.cos(
        codes[:, 0] - shift
    )


@cache
def sources_in(name: str) -> list[SourceTask]:
    """Return two tasks with 150 labels each, on architectures of their own."""
    space = example_space(name)
    architectures = space.sample(300, np.random.default_rng(0))
    pairs = ((architectures[:150], 0.1), (architectures[150:], 0.3))
    return [SourceTask(f"m/{s}", f"d{s}", space, own, made_up(space, s)[own]) for own, s in pairs]


def on_spaces(learners: Iterable[str]) -> list[tuple[str, str]]:
    """Pair each learner with one of the two spaces of cells, which are the slowest, and with all others."""
    return [
        (name, learner)
        for i, learner in enumerate(learners)
        for name in SPACES
        if name not in CELL_SPACES or name == CELL_SPACES[i % 2]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "learner"), on_spaces(SEARCHED))
def test_a_searcher_learns_and_searches(name: str, learner: str, tmp_path: Path) -> None:
    space = example_space(name)
    values = made_up(space)
    searcher = SEARCHERS[learner](space, np.random.default_rng(0), **QUICK.get(learner, {}))
    with one_thread():
        if isinstance(searcher, MetaSearcher):
            searcher.meta_fit(sources_in(name))
            saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", searcher))
            assert saved.space == space
            assert saved.sources == tuple(source.name for source in sources_in(name))
            again = saved.searcher(np.random.default_rng(0))
            assert again.ask().shape == (1,)
        found = []
        for _ in range(15):
            architectures = searcher.ask()
            assert architectures.dtype == np.int32
            searcher.tell(architectures, values[architectures])
            found.append(int(architectures[0]))
    assert len(set(found)) == 15
    assert values[found].max() > np.quantile(values, 0.98)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "learner"), on_spaces(sorted(META_PREDICTORS)))
def test_a_predictor_learns_adapts_and_comes_back(name: str, learner: str, tmp_path: Path) -> None:
    space = example_space(name)
    made = META_PREDICTORS[learner](space, **QUICK.get(learner, {}))
    architectures = space.sample(20, np.random.default_rng(7))
    with one_thread():
        made.meta_fit(sources_in(name)).fit(architectures, made_up(space)[architectures])
        mean, deviation = made.predict(np.arange(space.size), return_std=True)
        assert (deviation > 0).all()
        assert spearmanr(mean, made_up(space))[0] > (0.2 if name == "wide" else 0.35)
        saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", made))
        back = (
            saved.predictor()
            .fit(architectures, made_up(space)[architectures])
            .predict(np.arange(40))
        )
    np.testing.assert_allclose(back, mean[:40], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SPACES)
def test_a_learned_space_and_a_warm_start(name: str) -> None:
    space = example_space(name)
    learnt = LearnedSpace.learn(space, sources_in(name), fraction=0.1)
    assert len(learnt.architectures) == int(np.ceil(0.1 * space.size))
    assert made_up(space)[learnt.architectures].mean() > np.quantile(made_up(space), 0.7)
    first = warm_start_architectures(space, sources_in(name), 5)
    assert made_up(space)[first].max() > np.quantile(made_up(space), 0.95)


def test_a_user_s_cells_of_nas_bench_201_read_its_layout_and_proxies() -> None:
    own = CellSpace("own", ["nor_conv_3x3", "none", "skip_connect"])
    assert reference_space(own) == get_space("nb201")
    architecture = move_cells([17], own, get_space("nb201"))[0][0]
    np.testing.assert_array_equal(
        network_columns(own)[17], network_columns(get_space("nb201"))[architecture]
    )
    np.testing.assert_array_equal(
        proxy_scores(own)[17], proxy_scores(get_space("nb201"))[architecture]
    )
    for name in ("six-ops", "sizes"):
        assert reference_space(example_space(name)) == example_space(name)
        assert proxy_scores(example_space(name)).shape == (example_space(name).size, 0)


@pytest.mark.parametrize("learner", ["rgpe", "multi-task-gp", "meta"])
def test_spaces_of_which_none_has_all_are_refused(learner: str) -> None:
    searcher = SEARCHERS[learner](example_space("sizes"), np.random.default_rng(0))
    with pytest.raises(SettingError):
        searcher.meta_fit(sources_in("mixed"))


def test_every_meta_searcher_is_tried_here() -> None:
    named = {name for name, kind in SEARCHERS.items() if kind.__module__.startswith("nasmeta.meta")}
    # those in test_peers
    assert {name for name in named if not name.startswith("syne-tune")} == set(SEARCHED)
