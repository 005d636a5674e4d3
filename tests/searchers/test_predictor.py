"""Any predictor as a searcher: by name, of one's own, its acquisitions, and what it refuses."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import nasmeta as nm
from nasmeta.arrays import Architectures, Array, Floats
from nasmeta.errors import NasmetaWarning, SettingError, UnknownNameError
from nasmeta.predictors import make_encoder
from nasmeta.searchers import SEARCHERS, PredictorSearch
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
VALUES = made_up_values(SPACE)
OWN_SPACE = SearchSpace("sizes", {f"layer{i}": [8, 16, 24, 32] for i in range(4)})


def asked(searcher: PredictorSearch, n: int, batch: int = 1) -> list[int]:
    found = []
    for _ in range(0, n, batch):
        architectures = searcher.ask(batch)
        searcher.tell(architectures, VALUES[architectures])
        found += architectures.tolist()
    return found


def searcher_after(n: int = 40, **settings: Any) -> PredictorSearch:
    searcher = PredictorSearch(SPACE, np.random.default_rng(0), **settings)
    architectures = SPACE.sample(n, np.random.default_rng(1))
    searcher.tell(architectures, VALUES[architectures])
    return searcher


def test_names_join_predictor_and_acquisition() -> None:
    assert SEARCHERS["ridge-ucb"] is SEARCHERS["ridge-ucb"]
    run = nm.search("ridge-ucb", "nb201/cifar10", evaluations=15, settings={"beta": 0.5})
    assert (run.searcher, run.settings) == ("ridge-ucb", {"beta": 0.5})
    made = SEARCHERS["random-forest-greedy"](SPACE, np.random.default_rng(0))
    assert (made.predictor, made.acquisition) == ("random-forest", "greedy")
    assert "ridge-ucb" not in SEARCHERS
    with pytest.raises(UnknownNameError):
        SEARCHERS["rigde-ei"]
    with pytest.raises(UnknownNameError):
        SEARCHERS["ridge-pi"]
    with pytest.raises(SettingError):
        nm.search("ridge-ei", "nb201/cifar10", evaluations=3, settings={"predictor": "gp"})


def test_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_regressors.py").write_text(
        "from sklearn.neighbors import KNeighborsRegressor\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from nasmeta.predictors import make_encoder\n"
        "class Near(KNeighborsRegressor):\n    pass\n"
        "def nearest(n=1):\n    return make_pipeline(make_encoder('counts'), KNeighborsRegressor(n))\n"
        "made = nearest(2)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "path_importer_cache", {})
    for name, options in (("Near", {"n_neighbors": 2}), ("nearest", {"n": 2}), ("made", {})):
        settings = {
            "predictor": f"my_regressors:{name}",
            "acquisition": "greedy",
            "options": options,
        }
        run = nm.search("predictor", "nb201/cifar10", evaluations=14, settings=settings)
        assert run.settings == settings
    assert len(nm.search("my_regressors:nearest-greedy", "nb201/cifar10", evaluations=14)) == 14


def test_architectures_are_encoded_once() -> None:
    class Watching(Ridge):
        seen: list[tuple[int, ...]] = []  # noqa: RUF012

        def fit(self, X: Array, y: Array) -> Watching:
            self.seen.append(X.shape)
            return super().fit(X, y)

    pipeline = make_pipeline(make_encoder("counts", OWN_SPACE), Watching())
    searcher = PredictorSearch(
        OWN_SPACE, np.random.default_rng(0), predictor=pipeline, acquisition="greedy"
    )
    architectures = OWN_SPACE.sample(12, np.random.default_rng(0))
    searcher.tell(architectures, np.arange(12.0))
    searcher.ask()
    assert Watching.seen == [(12, 16 + 4)]  # one-hot positions, and levels


def test_is_fitted_anew_each_time_that_values_grew_by_a_tenth() -> None:
    fits = []

    class Counting(PredictorSearch):
        def fit_model(self, architectures: Architectures, labels: Floats) -> None:
            fits.append(len(architectures))
            super().fit_model(architectures, labels)

    asked(Counting(SPACE, np.random.default_rng(0), acquisition="greedy"), 60)
    assert fits == [*range(10, 20), 21, 24, 27, 30, 33, 37, 41, 46, 51, 57]


def test_a_batch_is_the_best_of_one_fit_without_repeats() -> None:
    searcher = searcher_after(acquisition="greedy")
    batch = searcher.ask(5)
    mean = searcher._mean.copy()
    mean[list(searcher._observed)] = -np.inf
    np.testing.assert_allclose(mean[batch], np.sort(mean)[:-6:-1])
    assert len({*batch.tolist(), *searcher.ask(5).tolist()}) == 10


def test_ties_are_drawn_from() -> None:
    class Constant(PredictorSearch):
        def predict_model(self) -> tuple[Floats, Floats]:
            return np.zeros(SPACE.size), np.ones(SPACE.size)

    firsts = []
    for seed in range(5):
        searcher = Constant(SPACE, np.random.default_rng(seed))
        searcher.tell(np.arange(12, dtype=np.int32), VALUES[:12])
        firsts.append(int(searcher.ask()[0]))
    assert len(set(firsts)) == 5


def test_equal_values_teach_nothing_and_stop_nothing() -> None:
    searcher = PredictorSearch(SPACE, np.random.default_rng(0))
    for _ in range(15):
        searcher.tell(searcher.ask(), np.zeros(1))
    assert len(searcher._observed) == 15


def test_a_predictor_without_deviations_is_greedy_unless_copies_are_wanted() -> None:
    estimator = Ridge()
    assert PredictorSearch(SPACE, np.random.default_rng(0), predictor="ridge").acquisition == "ei"
    kind = PredictorSearch.of(estimator)
    assert (kind.__name__, kind(SPACE, np.random.default_rng(0)).acquisition) == ("Ridge", "greedy")
    with pytest.warns(
        NasmetaWarning, match="Ridge has no predictive deviations, so ucb uses those of 5 bootstrap"
    ):
        PredictorSearch(SPACE, np.random.default_rng(0), predictor=estimator, acquisition="ucb")


def test_arguments_of_a_function_are_part_of_the_identity() -> None:
    one, two = ({"predictor": partial(Ridge, alpha=alpha)} for alpha in (1, 2))
    assert PredictorSearch.code_identity(one) != PredictorSearch.code_identity(two)
