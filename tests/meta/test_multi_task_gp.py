"""The process over cells and tasks: against a direct computation, on other spaces, on bad input, in a file."""

import pickle

import numpy as np
import pytest

from nasmeta.errors import SettingError
from nasmeta.gaussian_process import GridPosterior, Objective, count_model
from nasmeta.meta._default_searcher import SourcedSearch
from nasmeta.meta._joint_process import (
    SourceModels,
    fit_joint,
    joint_kernel,
    joint_pairs,
    joint_prior,
)
from nasmeta.meta._multi_task_gp import MultiTaskGPSearch
from nasmeta.meta._quantile_matching import matched_labels
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.spaces import CellSpace, SearchSpace, codes_by_level, get_space
from nasmeta.tasks import SourceTask, normal_scores
from nasmeta.testing import made_up_values

SPACE, LARGER = get_space("tnb101"), get_space("nb201")
FEATURES = ("edges", "paths")
KINDS = (MultiTaskGPSearch, RGPESearch)


def source(
    name: str, shift: float, labels: int = 40, space: CellSpace = SPACE, seed: int = 1
) -> SourceTask:
    architectures = space.sample(labels, np.random.default_rng(seed))
    return SourceTask(name, name, space, architectures, made_up_values(space, shift)[architectures])


def covariance(
    models: SourceModels, a: np.ndarray, b: np.ndarray, same: np.ndarray | bool
) -> np.ndarray:
    """The kernel of the docstring, written out on one-hot and path counts."""

    total = np.zeros((len(a), len(b)))
    for j, counts in enumerate((SPACE.feature("edges").counts, SPACE.feature("paths").counts)):
        distance = np.abs(counts[a][:, None].astype(int) - counts[b][None]).sum(axis=2)
        total += (models.shared[j] + models.own[j] * same) * np.exp(
            -distance / models.hyperparameters.lengthscales[j]
        )
    return total


def test_posterior_is_that_of_a_direct_computation() -> None:
    models = SourceModels.learn(SPACE, [source("a", 0.1), source("b", 0.5, seed=2)], FEATURES)
    architectures, labels = np.concatenate(models.architectures), np.concatenate(models.labels)
    task, at = np.repeat([0, 1], 40), SPACE.sample(25, np.random.default_rng(3))
    full = covariance(
        models, architectures, architectures, task[:, None] == task
    ) + models.noise * np.eye(80)
    weights = np.linalg.solve(full, labels)
    np.testing.assert_allclose(
        models.mean[at], covariance(models, at, architectures, False) @ weights, atol=1e-3
    )
    np.testing.assert_allclose(
        models.means[1][at], covariance(models, at, architectures, task == 1) @ weights, atol=1e-3
    )
    explained = models.rows[:, at].T @ models.rows[:, at]
    crossed = covariance(models, at, architectures, False)
    np.testing.assert_allclose(explained, crossed @ np.linalg.solve(full, crossed.T), atol=1e-3)


def test_weights_are_the_posterior_mean_of_a_bayesian_regression() -> None:
    searcher = MultiTaskGPSearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit([source("a", 0.1), source("b", 0.5, seed=2)])
    for _ in range(8):
        proposed = searcher.ask()
        searcher.tell(proposed, made_up_values(SPACE, 0.3)[proposed])
    labels, gp = searcher._labels(), searcher._gp
    sources = searcher.meta_model_.standard_means[:, gp.architectures].astype(np.float64)
    sources -= sources.mean(axis=1, keepdims=True)
    before, variance = np.full(2, 0.15), 0.05
    around = variance * sources.T @ sources + gp.factor @ gp.factor.T
    gain = variance * sources @ np.linalg.inv(around)
    expected = before + gain @ (labels - labels.mean() - before @ sources)
    np.testing.assert_allclose(searcher._weights(labels), expected, rtol=1e-6)


def test_gradient_of_the_joint_likelihood() -> None:
    from scipy.optimize import check_grad

    architectures = [SPACE.sample(15, np.random.default_rng(i)) for i in (0, 1)]
    labels = normal_scores(made_up_values(SPACE)[np.concatenate(architectures)])
    pairs = joint_pairs(count_model(SPACE, FEATURES), architectures)
    objective = Objective(joint_kernel(2), pairs, [labels], joint_prior(2))
    start = joint_prior(2).mean + np.random.default_rng(0).normal(scale=0.3, size=7)
    assert check_grad(lambda p: objective(p)[0], lambda p: objective(p)[1], start) < 1e-3


def test_tasks_that_agree_are_found_to_correlate_more() -> None:
    rng, model = np.random.default_rng(0), count_model(SPACE, ("edges",))
    one_hot = (SPACE.digits[:, :, None] == np.arange(4)).reshape(SPACE.n_architectures, -1)
    first, second = one_hot @ rng.normal(size=24), one_hot @ rng.normal(size=24)
    architectures = [SPACE.sample(80, rng), SPACE.sample(80, rng)]

    def correlation(other: np.ndarray) -> float:
        labels = [normal_scores(first[architectures[0]]), normal_scores(other[architectures[1]])]
        shared, own = fit_joint(model, architectures, labels).variances
        return float(shared / (shared + own))

    assert correlation(first) > 0.9 > 0.7 > correlation(second)


def test_process_of_the_target_is_conditioned_on_sources_and_observations() -> None:
    """Its posterior is that of one process over the labels of two sources and of the target."""
    models = SourceModels.learn(SPACE, [source("a", 0.1), source("b", 0.5, seed=2)], FEATURES)
    models = pickle.loads(pickle.dumps(models))  # without the cached arrays
    process, observed = GridPosterior(models, models.mean), [401, 17, 2033]
    for architecture in (*observed, 5):
        process.add(architecture)
    process.forget_last(1)
    architectures = np.concatenate([*models.architectures, observed])
    task = np.repeat([0, 1, 2], [40, 40, 3])
    full = covariance(
        models, architectures, architectures, task[:, None] == task
    ) + models.noise * np.eye(83)
    at, labels = SPACE.sample(25, np.random.default_rng(3)), np.array([1.0, -1.0, 0.5])
    crossed = covariance(models, at, architectures, task == 2)
    gain = np.linalg.solve(full, crossed.T).T
    mean, deviation = process.posterior(labels)
    np.testing.assert_allclose(mean[at], gain @ np.r_[*models.labels, labels], atol=2e-3)
    explained = np.einsum("ij,ij->i", gain, crossed)
    np.testing.assert_allclose(
        deviation[at] ** 2, (models.shared + models.own).sum() - explained, atol=2e-3
    )


def test_labels_without_a_prediction_are_normal_scores() -> None:
    # some of their scores are beyond three deviations
    values = np.random.default_rng(0).normal(size=999)
    np.testing.assert_allclose(
        matched_labels(values, np.zeros(999), np.ones(999)), normal_scores(values), atol=0.01
    )
    assert matched_labels(values, np.full(999, 2.0), np.full(999, 0.1)).mean() == pytest.approx(
        2, abs=0.01
    )


def test_a_source_that_the_target_contradicts_loses_its_weight() -> None:
    values = made_up_values(SPACE, 0.1)
    other = np.random.default_rng(7).permutation(values)
    architectures = SPACE.sample(100, np.random.default_rng(4))
    sources = [
        SourceTask(name, name, SPACE, architectures, v[architectures])
        for name, v in (("same", values), ("other", other))
    ]
    searcher = MultiTaskGPSearch(SPACE, np.random.default_rng(0)).meta_fit(sources)
    np.testing.assert_allclose(searcher._weights(np.empty(0)), 0.15)
    seen = SPACE.sample(40, np.random.default_rng(5))
    searcher.tell(seen, values[seen])
    searcher.ask()
    same, unlike = searcher._weights(searcher._labels())
    assert same > 0.3
    assert abs(unlike) < 0.15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("space", "others"), [(SPACE, LARGER), (LARGER, SPACE)])
def test_sources_of_another_space(
    kind: type[MultiTaskGPSearch], space: CellSpace, others: CellSpace
) -> None:
    values = made_up_values(space)
    searcher = kind(space, np.random.default_rng(0)).meta_fit(
        [source("a", 0.0, 100, others), source("b", 0.1, 100, space)]
    )
    assert searcher.meta_model_.joint is LARGER
    observed = []
    for _ in range(8):
        architecture = searcher.ask()
        searcher.tell(architecture, values[architecture])
        observed.append(values[architecture[0]])
    assert max(observed) > np.quantile(values, 0.95)


HEADS, BIAS = [2, 4, 8], ["no", "yes"]
SMALL = SearchSpace(
    "small",
    {"width": [1, 2, 4], "depth": [1, 2], "bias": BIAS, "heads_1": HEADS, "heads_2": HEADS},
    conditions={"heads_2": {"depth": [2]}},
)
LARGE = SearchSpace(
    "large",
    {
        "width": [8, 9, 32],
        "depth": [3, 4],
        "bias": BIAS,
        **{f"heads_{i}": HEADS for i in range(1, 5)},
        "rate": HEADS,
    },
    conditions={"heads_4": {"depth": [4]}},
)


def quality(space: SearchSpace) -> np.ndarray:
    codes = space.codes.astype(float)
    return codes[:, 0] * 3 + codes[:, 1] + codes[:, 3:5].sum(axis=1) / 2


@pytest.mark.parametrize("kind", [*KINDS, SourcedSearch])
def test_positions_of_another_space_are_matched_by_level(kind: type[MultiTaskGPSearch]) -> None:
    learned = SourceTask("small", "small", SMALL, np.arange(SMALL.size), quality(SMALL))
    # without some of the counterparts
    target = LARGE.listed(LARGE.sample(300, np.random.default_rng(1)))
    searcher = kind(target, np.random.default_rng(0)).meta_fit([learned])
    models = searcher._models
    assert target.size < models.joint.size < LARGE.size
    assert np.corrcoef(models.mean, quality(target))[0, 1] > 0.9
    searcher.meta_model_ = type(searcher.meta_model_).unpack(
        target, searcher.features, *searcher.meta_model_.pack()
    )
    np.testing.assert_array_equal(models.mean, searcher._models.mean)


def test_codes_by_level() -> None:
    small = ["width=4,depth=1,bias=yes,heads_1=8", "width=2,depth=2,bias=no,heads_1=2,heads_2=8"]
    matched = codes_by_level(SMALL.codes_of(small), SMALL, LARGE)
    assert LARGE.to_string(LARGE.from_codes(matched)) == [
        # the counterpart of the third layer is inactive; only the large space has a rate
        "width=32,depth=3,bias=yes,heads_1=8,heads_2=8,heads_3=4,rate=4",
        "width=9,depth=4,bias=no,heads_1=2,heads_2=2,heads_3=8,heads_4=8,rate=4",
    ]


@pytest.mark.parametrize("other", [SPACE, SearchSpace("other", {"bias": ["maybe", "no"]})])
def test_a_space_that_lacks_positions_or_choices(other: SearchSpace) -> None:
    with pytest.raises(SettingError):
        MultiTaskGPSearch.check_sources(SMALL, [SourceTask("a", "a", other, [0, 1], [0.0, 1.0])])
