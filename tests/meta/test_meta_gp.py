"""The meta-trained process: what it learns, and that it learns from sources alone."""

from functools import cache

import numpy as np
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.meta._meta_gp import MetaGP, MetaGPSearch
from nasmeta.spaces import get_space
from nasmeta.tasks import SourceTask, normal_scores

SPACE = get_space("nb201")
FEATURES = ("edges", "paths", "operations")


@cache
def learnt_without(dataset: str) -> MetaGP:
    """Return what a searcher has learnt from the two tasks of three that are on other data sets."""
    sources = nm.task_distribution("nb201").leave_out(dataset)[0]
    return MetaGPSearch(SPACE, np.random.default_rng(0)).meta_fit(sources).meta_model_


def test_it_finds_how_much_tasks_differ() -> None:
    """Two made-up tasks of known shared and own variance."""
    rng = np.random.default_rng(5)
    architectures = np.sort(SPACE.sample(400, rng))
    one_hot = SPACE.digits[architectures][:, :, None] == np.arange(5)
    shared = one_hot.reshape(400, -1) @ rng.normal(size=30)
    noisy = [shared + s * rng.normal(size=400) for s in (0.3, 0.3)]
    quiet = [shared + s * rng.normal(size=400) for s in (0.03, 0.03)]
    learnt = {}
    for name, tasks in (("noisy", noisy), ("quiet", quiet)):
        sources = [
            SourceTask(f"{name}{i}", "made up", SPACE, architectures, values)
            for i, values in enumerate(tasks)
        ]
        learnt[name] = MetaGP.learn(SPACE, sources, FEATURES)
        correlation = np.corrcoef(learnt[name].mean[architectures], normal_scores(shared))[0, 1]
        assert correlation > 0.97, "the mean recovers what the tasks share"
    unexplained = {
        name: model.hyperparameters.noise + model.hyperparameters.variances.sum()
        for name, model in learnt.items()
    }
    assert unexplained["noisy"] > 3 * unexplained["quiet"]


def test_the_unit_of_the_target_does_not_matter() -> None:
    values = nm.get_task("nb201/cifar10").values
    traces = []
    for change in (lambda y: y, lambda y: -1 / y, lambda y: np.exp(y / 10)):
        searcher = MetaGPSearch(SPACE, np.random.default_rng(0))
        searcher.meta_model_ = learnt_without("cifar10")
        trace = []
        for _ in range(12):
            architecture = searcher.ask()
            searcher.tell(architecture, change(values[architecture]))
            trace.append(int(architecture[0]))
        traces.append(trace)
    assert traces[0] == traces[1] == traces[2]


def test_sources_without_a_common_cell_are_learnt_from() -> None:
    source, target = nm.task_distribution("nb201").leave_out("cifar10")
    sources = source.as_sources(100, np.random.default_rng(0))
    assert len(np.intersect1d(sources[0].architectures, sources[1].architectures)) < 20
    searcher = MetaGPSearch(SPACE, np.random.default_rng(0))
    learnt = searcher.meta_fit(sources).meta_model_
    good = target[0].values > 60
    assert spearmanr(learnt.mean[good], target[0].values[good])[0] > 0.7
    values = []
    for _ in range(30):
        architecture = searcher.ask()
        values.append(target[0].values[architecture][0])
        searcher.tell(architecture, target[0].values[architecture])
    assert max(values) > np.quantile(target[0].values, 0.999)


def test_beta_is_the_weight_of_the_deviation_and_failures_are_observed() -> None:
    values = nm.get_task("nb201/cifar10").values
    proposals = []
    for beta, tell in ((0.0, "tell"), (9.0, "tell"), (9.0, "tell_failures")):
        searcher = MetaGPSearch(SPACE, np.random.default_rng(0), beta=beta)
        searcher.meta_model_ = learnt_without("cifar10")
        architectures = np.argsort(-values)[:20].astype(np.int32)
        getattr(searcher, tell)(architectures, values[architectures])
        proposals.append(searcher.ask().tolist())
    assert proposals[0] != proposals[1] == proposals[2]
