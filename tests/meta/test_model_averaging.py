"""Meta-predictors unlearn what a target's labels contradict, and keep what they bear out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, norm

import nasmeta as nm
from nasmeta.meta import META_PREDICTORS, MetaPredictor
from nasmeta.meta._model_averaging import _densities
from nasmeta.predictors import make_predictor
from nasmeta.tasks import SourceTask, Task, normal_scores

N_LABELS = 50


@pytest.fixture(scope="module")
def target() -> Task:
    return nm.get_task("nb201/cifar100")


@pytest.fixture(scope="module")
def sources() -> list[SourceTask]:
    return nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(400, np.random.default_rng(0))


def _tau(predictor, target: Task, seed: int) -> float:
    order = np.random.default_rng(seed).permutation(target.space.size)
    known, rest = order[:N_LABELS], order[N_LABELS : N_LABELS + 3000]
    return float(kendalltau(predictor.fit(known, target.values[known]).predict(rest), target.values[rest]).statistic)


class _Stubborn(MetaPredictor):
    """The mean of the sources, whatever the labels say."""

    def _meta_learn(self, sources):
        scores = np.zeros(self.cell_space.size)
        for source in sources:
            scores[source.architectures] += normal_scores(source.utilities)
        return scores / len(sources)

    def _expected(self, learnt):
        return learnt

    def _adapted(self, learnt, architectures, scores):
        return learnt, np.ones(len(learnt))

    def _pack(self):
        return {"mean": self.meta_model_}, {}

    def _unpack(self, arrays, facts):
        return arrays["mean"]


def test_a_target_that_contradicts_its_sources_is_not_predicted_by_them(target) -> None:
    sisters = [task.as_source() for task in nm.task_distribution("nb201") if task.dataset != "cifar100"]
    rng = np.random.default_rng(3)
    for sources in (
        [replace(one, utilities=-one.utilities) for one in sisters],
        [replace(one, utilities=rng.permutation(one.utilities)) for one in sisters],
    ):
        misled = _Stubborn().meta_fit(sources)
        losses = [_tau(make_predictor("gp"), target, seed) - _tau(misled, target, seed) for seed in range(3)]
        assert np.mean(losses) < 0.02
        assert misled.weights_["adapted"] < 0.01
        misled.blends = False
        assert _tau(misled, target, 0) < 0.05


@pytest.mark.slow
def test_sisters_keep_their_say(target, sources) -> None:
    learner = META_PREDICTORS["experts"](blends=True).meta_fit(sources)
    blended = [_tau(learner, target, seed) for seed in range(3)]
    assert sum(learner.weights_.values()) == pytest.approx(1)
    assert learner.weights_["alone"] < 0.05
    learner.blends = False
    own = [_tau(learner, target, seed) for seed in range(3)]
    assert learner.weights_ == {"adapted": 1.0}
    assert np.mean(blended) > np.mean(own) - 0.01
    assert np.mean(blended) > np.mean([_tau(make_predictor("gp"), target, seed) for seed in range(3)]) + 0.05


def test_few_labels_and_equal_labels_leave_the_learner_alone(target, sources) -> None:
    learner = META_PREDICTORS["experts"](blends=True).meta_fit(sources)
    architectures = np.arange(0, 7000, 1000)
    assert learner.fit(architectures, target.values[architectures]).weights_ == {"adapted": 1.0}
    architectures = np.arange(0, 15000, 1000)
    assert learner.fit(architectures, np.ones(len(architectures))).weights_ == {"adapted": 1.0}
    assert set(learner.fit(architectures, target.values[architectures]).weights_) == {"adapted", "corrected", "alone"}
    mean, std = learner.predict(np.arange(100), return_std=True)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_fold_densities_are_those_of_the_conditioned_normal_distributions() -> None:
    rng = np.random.default_rng(2)
    root, labels = rng.normal(size=(9, 9)), rng.normal(size=9)
    covariance, folds = root @ root.T + np.eye(9), np.array_split(rng.permutation(9), 3)
    expected = np.empty(9)
    for fold in folds:
        others = np.setdiff1d(np.arange(9), fold)
        gain = np.linalg.solve(covariance[np.ix_(others, others)], covariance[np.ix_(others, fold)])
        mean, variance = gain.T @ labels[others], np.diag(covariance)[fold]
        variance = variance - np.einsum("ij,ij->j", covariance[np.ix_(others, fold)], gain)
        expected[fold] = norm.logpdf(labels[fold], mean, np.sqrt(variance))
    np.testing.assert_allclose(_densities(covariance, labels, folds), expected)


def test_a_corrected_prediction_meets_the_labels(target, sources) -> None:
    learner = META_PREDICTORS["experts"](blends=True).meta_fit(sources)
    architectures = np.random.default_rng(5).permutation(target.space.size)[:60]
    learner.fit(architectures, target.values[architectures])
    assert kendalltau(learner.predict(architectures), target.values[architectures]).statistic > 0.85
