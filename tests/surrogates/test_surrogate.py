"""Fitting, answering, keeping and scoring."""

import copy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import nasmeta as nm
from nasmeta.errors import DamagedFileError, LabelError, SettingError, UnknownNameError
from nasmeta.surrogates import SeedNoise, Surrogate, fit_surrogate, score_predictions
from nasmeta.surrogates._noise import _FEWEST, _bounds, fit_noise

NB201 = ("nb201/cifar10", "nb201/cifar100", "nb201/imagenet16-120")
FLOORS = {
    "nb201/cifar10": (0.95, 0.88),
    "nb201/cifar100": (0.96, 0.89),
    "nb201/imagenet16-120": (0.975, 0.91),
}


def test_surrogates_of_cells_are_shipped_and_small() -> None:
    files = Surrogate.shipped()
    assert sum(path.stat().st_size for path in files.values()) < 2_000_000
    assert set(NB201) < set(files)
    tasks = [task for task in files if task.startswith(("nb201/", "tnb101/"))]
    assert len(tasks) == 10
    for task in tasks:
        surrogate = Surrogate.load(task)
        assert surrogate.card["task"] == task
        assert 0.7 < surrogate.trained.mean() <= 0.8
        assert np.isfinite(surrogate.values).all()
        assert (surrogate.cost_seconds > 0).all()


@pytest.mark.parametrize("task", NB201)
def test_scores_hold_on_cells_without_a_trained_isomorph(task: str) -> None:
    surrogate = Surrogate.load(task)
    space = surrogate.space
    architectures = np.arange(space.n_architectures)
    representatives = np.asarray(space.canonical(architectures))
    assert not set(representatives[surrogate.trained]) & set(representatives[~surrogate.trained])
    scores = surrogate.score()
    r2, tau = FLOORS[task]
    for architectures_scored in ("held out", "new functions"):
        assert scores[architectures_scored]["r2"] >= r2
    assert scores["held out"]["tau"] >= tau
    assert scores["held out"]["cells"] == np.sum(~surrogate.trained)
    assert 0 < scores["new functions"]["cells"] < scores["held out"]["cells"]
    for name, row in scores.items():
        assert row == pytest.approx(surrogate.card["scores"][name], abs=1e-4)


def test_answers_for_one_cell_several_and_strings(shipped: Surrogate) -> None:
    space = shipped.space
    assert shipped.predict(6111) == shipped.values[6111] == shipped.predict(space.to_string(6111))
    assert shipped.predict(6111, answer="training", seed=5) == shipped.training_values(5)[6111]
    np.testing.assert_array_equal(shipped.predict([5, 6111]), shipped.values[[5, 6111]])
    with pytest.raises(SettingError):
        shipped.predict(0, answer="median")


def test_isomorphs_have_one_mean_but_trainings_of_their_own(shipped: Surrogate) -> None:
    architectures = np.arange(shipped.space.n_architectures)
    representatives = np.asarray(shipped.space.canonical(architectures))
    np.testing.assert_array_equal(shipped.values, shipped.values[representatives])
    training, others = shipped.training_values(0), architectures != representatives
    assert np.mean(training[others] == training[representatives[others]]) < 0.1


@pytest.mark.parametrize("task", NB201)
def test_cells_that_do_not_train_give_the_same_at_each_seed(task: str) -> None:
    surrogate = Surrogate.load(task)
    dead = np.flatnonzero(surrogate.space.function_classes == 0)
    assert len(dead) == 341
    for seed in (1, 2):
        np.testing.assert_array_equal(surrogate.training_values(seed)[dead], surrogate.values[dead])


@pytest.mark.parametrize("task", NB201)
def test_both_ends_scatter_as_two_seeds_do(task: str) -> None:
    surrogate = Surrogate.load(task)
    table = nm.load_table("nb201")
    dataset = nm.get_task(task).dataset
    first, second = (
        table.column(dataset, "accuracy", "valid", 200, seed).astype(float) for seed in (777, 888)
    )
    architectures = (
        ~surrogate.trained
        & (surrogate.space.function_classes != 0)
        & np.isfinite(first)
        & np.isfinite(second)
    )
    low, high = np.quantile(surrogate.values[architectures], [0.05, 0.9])
    trainings = [surrogate.training_values(seed) for seed in range(20)]
    for group, tolerance in (
        (architectures & (surrogate.values <= low), 0.4),
        (architectures & (surrogate.values >= high), 0.12),
    ):
        for spread in (np.std, lambda x: np.median(np.abs(x))):
            measured = spread((first - second)[group])
            answered = np.mean([spread((a - b)[group]) for a, b in pairwise(trainings)])
            assert answered == pytest.approx(measured, rel=tolerance)


def test_the_noise_that_is_shipped_is_that_of_the_training_cells(shipped: Surrogate) -> None:
    train = np.flatnonzero(shipped.trained & (shipped.space.function_classes != 0))
    task = nm.get_task("nb201/cifar10")
    seeds = np.array([*task.table.of_seeds(task.column).values()], np.float64).T
    again = fit_noise(shipped.values[train], seeds[train])
    np.testing.assert_allclose(again.means, shipped.noise.means, rtol=1e-6)
    np.testing.assert_allclose(again.quantiles, shipped.noise.quantiles, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_fit_is_reproduced_and_sees_no_held_out_label(fitted: Surrogate) -> None:
    values = nm.get_task("nb201/cifar10").values.copy()
    values[~fitted.trained] = np.random.default_rng(0).permutation(values[~fitted.trained])
    poisoned = with_values(values)
    again = fit_surrogate(poisoned, train_fraction=0.1, seed=3, steps=15)
    np.testing.assert_array_equal(again.values, fitted.values)
    np.testing.assert_array_equal(again.training_values(1), fitted.training_values(1))
    assert (
        again.card["scores"]["held out"]["tau"]
        < 0.1
        < 0.6
        < fitted.card["scores"]["held out"]["tau"]
    )
    assert fitted.trained.mean() <= 0.1


def with_values(values: np.ndarray) -> nm.tasks.Task:
    task = nm.get_task("nb201/cifar10")
    other = copy.copy(task)
    other.__dict__.update(values=values, column=task.column)
    return other


def test_labels_that_teach_nothing_are_refused() -> None:
    values = nm.get_task("nb201/cifar10").values
    for labels in (np.full(15625, 90.0), np.where(np.arange(15625) < 20, values, np.nan)):
        with pytest.raises(LabelError):
            fit_surrogate(with_values(labels))
    with pytest.raises(LabelError):
        fit_surrogate("nb201/cifar10", train_fraction=0.001)


def test_holes_in_a_table_are_filled_not_trained_on() -> None:
    values = nm.get_task("nb201/cifar10").values.copy()
    values[::2] = np.nan
    surrogate = fit_surrogate(with_values(values), train_fraction=0.1, steps=5)
    assert not surrogate.trained[::2].any()
    assert np.isfinite(surrogate.values).all()


def test_noise_has_the_scale_of_what_it_was_fitted_to() -> None:
    rng = np.random.default_rng(0)
    means = rng.uniform(50, 90, 4000)
    true = 0.1 + (90 - means) / 40
    noise = fit_noise(means, means[:, None] + true[:, None] * rng.normal(size=(4000, 3)))
    for mean, std in ((60.0, 0.85), (70.0, 0.6), (80.0, 0.35)):
        drawn = noise.draw(np.full(4000, mean), np.arange(4000, dtype=np.int32), 1)
        assert drawn.std() == pytest.approx(std, rel=0.15)
        assert abs(drawn.mean()) < 0.05


def test_knots_pool_parts_that_double_towards_the_middle() -> None:
    for n in range(2 * _FEWEST, 40 * _FEWEST):
        sizes = np.diff([0, *_bounds(n), n])
        half = len(sizes) // 2
        assert sizes[: half - 1].tolist() == [_FEWEST * 2**i for i in range(half - 1)]
        # a part in the middle has at least its neighbour's
        assert sizes[half - 1] >= _FEWEST * 2 ** max(half - 2, 0)
        assert abs(sizes - sizes[::-1]).max() <= 1


def test_draws_have_the_mean_of_the_quantiles() -> None:
    noise = SeedNoise(np.zeros(1), np.arange(64, dtype=np.float32)[None])
    assert noise.draw(np.zeros(10**5), np.arange(10**5, dtype=np.int32), 1).mean() == pytest.approx(
        31.5, abs=0.2
    )


def test_scores_equal_scipys() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=300) * 3 + 90
    p = y + rng.normal(size=300)
    scores = score_predictions(y, p)
    assert scores["tau"] == kendalltau(y, p).statistic
    assert scores["sparse_tau"] == kendalltau(y, np.round(p, 1)).statistic
    assert scores["spearman"] == spearmanr(y, p).statistic
    assert scores["rmse"] == pytest.approx(np.sqrt(np.mean((y - p) ** 2)))
    assert scores["r2"] == pytest.approx(1 - np.sum((y - p) ** 2) / np.sum((y - y.mean()) ** 2))
    assert score_predictions(y, p, percent=False)["sparse_tau"] is None
    assert score_predictions(y, np.full(300, 90.0))["tau"] is None
    assert score_predictions(y[:1], p[:1])["r2"] is None


def test_a_file_gives_the_same_answers(fitted: Surrogate, tmp_path: Path) -> None:
    path = fitted.save(tmp_path / "mine.npz")
    read = Surrogate.load(path)
    np.testing.assert_array_equal(read.values, fitted.values)
    np.testing.assert_array_equal(read.training_values(4), fitted.training_values(4))
    np.testing.assert_array_equal(read.cost_seconds, fitted.cost_seconds)
    assert read.card == fitted.card
    assert read.sha256 == fitted.sha256
    assert list(tmp_path.iterdir()) == [path]


def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.npz"
    np.savez(other, a=np.arange(3))
    with pytest.raises(DamagedFileError):
        Surrogate.load(other)
    with pytest.raises(UnknownNameError):
        Surrogate.load("nb201/cifar10@12ep")


def test_scores_of_a_loss(mirror: Path) -> None:
    assert mirror
    nm.tables.fetch("transnas")
    surrogate = Surrogate.load("tnb101/room_layout")
    scores = surrogate.score()
    assert scores["held out"]["r2"] > 0.9
    best = nm.get_task("tnb101/room_layout").values.argmin()
    assert surrogate.values[best] < np.quantile(surrogate.values, 0.1)  # lower is better
