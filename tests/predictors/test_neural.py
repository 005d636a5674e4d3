"""Neural regressors: what scikit-learn demands, equal cells, determinism, and real labels."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from nasmeta.predictors import isomorph_split, make_predictor
from nasmeta.predictors._neural._graph_network import GraphNetwork
from nasmeta.predictors._neural._perceptrons import MLPEnsemble
from nasmeta.predictors._neural._training import pairwise_logistic
from nasmeta.spaces import get_space
from nasmeta.tables import load_table

QUICK: dict[str, Any] = {"max_epochs": 6, "n_members": 2}


@pytest.mark.slow
@parametrize_with_checks([MLPEnsemble(hidden=16, n_members=2, max_epochs=20, learning_rate=1e-2)])
def test_the_ensemble_of_perceptrons_is_a_regressor(estimator: Any, check: Any) -> None:
    check(estimator)


def labelled(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return cells and a made-up label: convolutions help."""
    space = get_space("nb201")
    architectures = space.sample(n, np.random.default_rng(seed))
    return architectures, (space.digits[architectures] == 3).sum(axis=1) + 0.5 * (space.digits[architectures] == 2).sum(
        axis=1
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "gnn"])
def test_accuracies_of_cells_without_isomorphs_in_training_are_ranked(name: str) -> None:
    table = load_table("nb201")
    y = table.column(dataset="cifar100", metric="accuracy", split="valid", epochs=200, seed="mean").astype(np.float64)
    train, test = isomorph_split("nb201", n_train=156, rng=np.random.default_rng(0), rule="zero")
    predictor = make_predictor(name, n_members=2, max_epochs=60).fit(train, y[train])
    mean, deviation = predictor.predict(test, return_std=True)
    assert kendalltau(mean, y[test]).statistic > 0.7
    assert 0.7 < np.mean(np.abs(mean - y[test]) < 1.645 * deviation) < 0.99


def test_cells_that_compute_the_same_get_the_same_prediction() -> None:
    space = get_space("nb201")
    architectures, y = labelled(60)
    model = GraphNetwork(**QUICK).fit(architectures, y)
    everywhere = model.predict(np.arange(space.n_architectures))
    np.testing.assert_allclose(
        everywhere, everywhere[space.canonical(np.arange(space.n_architectures), rule="zero")], rtol=1e-5
    )
    assert len(np.unique(everywhere)) > 1_000


def test_the_graph_network_alone_already_knows_isomorphs() -> None:
    """With constant features, states depend only on what is computed, whatever the cell is written like."""
    space = get_space("nb201")
    architectures, y = labelled(60)
    model = GraphNetwork(**QUICK).fit(architectures, y)
    one_hot = torch.nn.functional.one_hot(torch.as_tensor(space.digits.astype(np.int64)), 5).float()
    inputs = (
        one_hot[None],
        torch.tensor(space.live_edges)[None],
        torch.zeros(1, len(one_hot), model.network_.readout.inner.weight.shape[1] - model.hidden),
    )
    with torch.no_grad():
        scores = model.network_(tuple(part.expand(2, *part.shape[1:]) for part in inputs))[0].numpy()
    canonical = space.canonical(np.arange(space.n_architectures), rule="zero")
    np.testing.assert_allclose(scores, scores[canonical], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "gnn"])
def test_the_same_seed_gives_the_same_predictions_also_of_a_copy(name: str) -> None:
    architectures, y = labelled(40)
    state = torch.get_rng_state()
    first, again, other = (make_predictor(name, seed=seed, **QUICK).fit(architectures, y) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    expected = first.predict(architectures, return_std=True)
    for same in (again, copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(same.predict(architectures, return_std=True), expected)
    assert not np.array_equal(other.predict(architectures), expected[0])
    assert not hasattr(clone(first[-1]), "network_")


def test_a_ranking_needs_no_scale() -> None:
    scores = torch.tensor([[0.0, 1.0, 1.0, 3.0]])
    by_hand = np.mean([np.log1p(np.exp(-(b - a))) for a, b in [(0, 1), (0, 1), (0, 3), (1, 3), (1, 3)]])
    assert pairwise_logistic(scores, scores).item() == pytest.approx(by_hand, rel=1e-6)
    assert pairwise_logistic(scores, 10 * scores).item() == pytest.approx(by_hand, rel=1e-6)


def test_two_labels() -> None:
    assert np.isfinite(GraphNetwork(**QUICK).fit([3, 4], [1.0, 2.0]).predict(np.arange(50))).all()


def test_training_stops_early_on_noise() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 5)), rng.normal(size=100)
    model = MLPEnsemble(n_members=2, max_epochs=150, patience=3).fit(X, y)
    assert model.n_epochs_ < 100


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", ["mlp", "gnn"])
def test_a_gpu_agrees_with_the_cpu(name: str) -> None:
    architectures, y = labelled(60)
    both = [
        make_predictor(name, device=device, **QUICK).fit(architectures, y).predict(architectures)
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-2, atol=1e-2)
