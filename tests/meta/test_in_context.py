"""The experts and the transformer: what they read, and that its weights have not seen the target."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import nasmeta as nm
from nasmeta.errors import (
    LeakageError,
    SettingError,
    SpaceExhaustedError,
)
from nasmeta.gaussian_process import log_expected_improvement
from nasmeta.meta import META_PREDICTORS, SavedMetaModel, proxy_scores
from nasmeta.meta.in_context import (
    EXPERTS,
    InContextNetwork,
    Reading,
    SearchState,
    Similarity,
    SourceView,
    chosen_weights,
    read,
    read_weights,
    shipped_weights,
)
from nasmeta.meta.in_context._reading import Context, _mixture
from nasmeta.meta.in_context._searcher import SearchSettings
from nasmeta.predictors import make_predictor
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import SourceTask, normal_scores
from nasmeta.testing import MetaPredictorContract, made_up_values

COLUMNS = SearchSpace(
    "columns", {"width": [8, 16, 32, 64], **{f"op{i}": ["conv", "pool", "skip"] for i in range(5)}}
)
GROUPS = {
    "nb201": "nb201",
    "tnb101": "tnb101",
    "tnb101-macro": "tnb101",
    "graph": "graph",
    "hpobench-mlp": "tabular",
}


class TestExperts(MetaPredictorContract):
    spaces: ClassVar[Any] = ("tnb101", COLUMNS)

    def make(self, space: Any) -> Any:
        return META_PREDICTORS["experts"](space)


def sources(space: SearchSpace, dataset: str = "made-up", sign: int = 1) -> list[SourceTask]:
    architectures = space.sample(150, np.random.default_rng(0))
    return [
        SourceTask(
            f"m/{shift}",
            f"{dataset}-{shift}",
            space,
            architectures,
            sign * made_up_values(space, shift)[architectures],
        )
        for shift in (0.1, 0.3)
    ]


def view_of_sources(space: SearchSpace, *shifts: float) -> SourceView:
    """Return made-up values of all architectures on two sources, or on one per shift."""
    return SourceView.of(np.stack([made_up_values(space, shift) for shift in shifts or (0.1, 0.4)]))


# -- weights
@pytest.mark.parametrize("space", GROUPS)
def test_a_known_space_is_predicted_by_weights_that_have_not_seen_its_group(space: str) -> None:
    card = chosen_weights(get_space(space), ["somebody's"]).card
    assert card == read_weights(shipped_weights()[f"without-{GROUPS[space]}"]).card
    assert space not in card["spaces"]
    assert space not in card["families"]


def test_weights_name_what_they_have_seen() -> None:
    for name, path in shipped_weights().items():
        card = read_weights(path).card
        for dataset, group in (
            ("cifar100", "nb201"),
            ("fpga", "nb201"),
            ("class_scene", "tnb101"),
            ("cora", "graph"),
        ):
            assert (dataset in card["seen"]) == (name != f"without-{group}"), (name, dataset)


def test_an_own_space_takes_the_weights_of_most_families_unless_a_dataset_was_seen() -> None:
    assert len(chosen_weights(COLUMNS, ["pets"]).card["families"]) == 7
    assert "nb201" not in chosen_weights(COLUMNS, ["pets", "CIFAR-100"]).card["families"]
    with pytest.raises(SettingError):
        chosen_weights(get_space("tnb101"), ["cora"])


@pytest.mark.parametrize("dataset", ["cifar10", "photos"])
def test_no_weights_that_have_seen_the_target_are_taken(
    dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def chosen(*asked: Any) -> Any:
        taken.append(chosen_weights(*asked))
        return taken[-1]

    monkeypatch.setattr("nasmeta.meta.in_context._searcher.chosen_weights", chosen)
    frame = pd.DataFrame(
        {"cell": np.arange(COLUMNS.size), "accuracy": 50 + made_up_values(COLUMNS, 0.2)}
    )
    target = nm.Table.from_frame(frame, space=COLUMNS, name=f"own-{dataset}", dataset=dataset).task(
        "accuracy"
    )
    nm.search("meta-nas", target, evaluations=3, sources=sources(COLUMNS, "pets"))
    assert {"nb201" in weights.card["families"] for weights in taken} == {dataset == "photos"}


def test_a_file_says_what_the_weights_have_seen(tmp_path: Path) -> None:
    learner = SEARCHERS["meta-nas"](get_space("tnb101"), np.random.default_rng(0))
    learner.meta_fit(sources(get_space("tnb101")))
    saved = SavedMetaModel.load(SavedMetaModel.write(tmp_path / "model.npz", learner))
    assert {"cifar100", "cora"} <= set(saved.held_out)
    assert "class_scene" not in saved.held_out
    own = nm.Table.from_frame(_frame(), space="tnb101", name="mine", dataset="cifar100").task(
        "accuracy"
    )
    with pytest.raises(LeakageError):
        nm.meta.meta_model_for("meta-nas", own, saved)
    arrays, facts = learner._pack()
    with pytest.raises(ValueError, match="checksum"):
        learner._unpack({**arrays, "weights.start": 1 + arrays["weights.start"]}, facts)


def _frame() -> Any:
    return pd.DataFrame({"cell": np.arange(50), "accuracy": np.arange(50.0)})


# -- what is read
def reading(order: slice = slice(None), n: int = 12, asked: int = 30) -> Reading:
    space = get_space("tnb101")
    scores = np.stack([made_up_values(space, shift) for shift in (0.1, 0.4, 0.8)])[order]
    rng = np.random.default_rng(0)
    known, others = np.split(rng.permutation(space.size)[: n + asked], [n])
    labels = normal_scores(made_up_values(space)[known]) if n else np.zeros(0)
    return read(
        Similarity(space), SourceView.of(scores), known, labels, others, np.arange(space.size)
    )


def test_a_known_cell_is_read_without_its_own_label() -> None:
    rng = np.random.default_rng(2)
    roots, labels = rng.standard_normal((3, 6, 6)), rng.standard_normal(6)
    covariances = roots @ roots.transpose(0, 2, 1) + np.eye(6)
    found = _mixture(lambda k: covariances[k], len(covariances), labels, None)
    covariances = np.concatenate([covariances + noise * np.eye(6) for noise in (0.01, 0.1, 0.5)])
    likelihoods = [multivariate_normal(np.zeros(6), one).pdf(labels) for one in covariances]
    np.testing.assert_allclose(found.weights.ravel(), likelihoods / np.sum(likelihoods))
    kept = np.arange(1, 6)
    direct = [
        one[0, kept] @ np.linalg.solve(one[np.ix_(kept, kept)], labels[kept]) for one in covariances
    ]
    assert found.left_out[0] == pytest.approx(found.weights.ravel() @ direct)


def test_errors_are_labels_minus_leave_one_out_predictions() -> None:
    space, known = get_space("tnb101"), np.arange(0, 1200, 100)
    sources = view_of_sources(space)
    labels, similarity = normal_scores(made_up_values(space)[known]), Similarity(space)
    architectures = np.arange(space.size)
    found = read(similarity, sources, known, labels, architectures[:1], architectures)
    errors = found.errors
    # the first expert always predicts 0
    np.testing.assert_allclose(errors[:, 0], labels, atol=1e-6)
    np.testing.assert_allclose(
        errors[:, -2], labels - (sources.mean[known] - sources.mean[known].mean()), atol=1e-5
    )
    assert np.abs(errors[:, 4] - errors[:, -2]).max() > 0.1  # a process corrects the sources' mean
    deviations = np.sqrt(((errors**2).sum(axis=0) + 1) / 13)  # of 12 labels and a prior one of 1
    np.testing.assert_allclose(np.exp(found.asked[0, -EXPERTS - 5 : -5]), deviations, rtol=1e-5)


def test_unlikely_members_may_be_left_out() -> None:
    space, known = get_space("tnb101"), np.arange(0, 3000, 100)
    sources = view_of_sources(space)
    labels, similarity = normal_scores(made_up_values(space)[known]), Similarity(space)
    among, asked = similarity.between(known, known), np.arange(5, 500)
    across = similarity.between(asked, known)
    whole = Context(sources, known, labels, among)
    some = Context(sources, known, labels, among, whole.likely)
    assert (
        0
        < sum(int(members.sum()) for members in whole.likely)
        < sum(members.size for members in whole.likely) / 2
    )
    np.testing.assert_allclose(some.experts(asked, across), whole.experts(asked, across), atol=0.05)


def test_experts_are_processes_weighted_by_likelihood() -> None:
    space, rng = get_space("tnb101"), np.random.default_rng(0)
    known, others = np.split(rng.permutation(space.size)[:42], [12])
    sources = view_of_sources(space, 0.1, 0.4, 0.8)
    labels, similarity = normal_scores(made_up_values(space)[known]), Similarity(space)
    found = read(similarity, sources, known, labels, others, np.arange(space.size)).experts

    def average(kernels: Any, crossed: Any, targets: Any) -> Any:
        """Return the mean prediction of processes with each kernel and noise, and their mean likelihood."""
        means, likelihoods = [], []
        for noise in (0.01, 0.1, 0.5):
            for kernel, cross in zip(kernels, crossed, strict=True):
                covariance = kernel + noise * np.eye(len(known))
                likelihoods.append(
                    multivariate_normal(np.zeros(len(known)), covariance).pdf(targets)
                )
                means.append(cross @ np.linalg.solve(covariance, targets))
        return likelihoods @ np.array(means) / np.sum(likelihoods), np.mean(likelihoods)

    prior = sources.mean - sources.mean[known].mean()
    contrasts = sources.each - sources.each.mean(axis=0)
    linear = 1.0 + np.outer(prior, prior[known]) + contrasts.T @ contrasts[:, known] / 3
    expected, weights = np.empty((6, len(others))), np.empty(6)
    for kind in range(3):
        among, across = (
            similarity.between(architectures, known)[kind] for architectures in (known, others)
        )
        expected[kind], weights[kind] = average(
            [one + 1.0 for one in among], [one + 1.0 for one in across], labels
        )
        kernels = [linear[known] + scale * one for scale in (0.1, 0.8) for one in among]
        crossed = [linear[others] + scale * one for scale in (0.1, 0.8) for one in across]
        correction, weights[3 + kind] = average(kernels, crossed, labels - prior[known])
        expected[3 + kind] = prior[others] + correction
    np.testing.assert_allclose(found[:, 1:-3].T, expected, atol=2e-3)
    np.testing.assert_allclose(found[:, -3], weights @ expected / weights.sum(), atol=2e-3)


@pytest.mark.parametrize("n", [0, 1, 12])
def test_each_cell_is_scored_as_if_it_were_the_only_one(n: int) -> None:
    network, found = (
        InContextNetwork(read_weights(shipped_weights()["without-graph"]).arrays),
        reading(n=n),
    )
    labels = normal_scores(np.arange(float(n)))
    one = found._replace(
        asked=found.asked[3:4], experts=found.experts[3:4], across=found.across[3:4]
    )
    scores = network.search_scores(found, labels)
    np.testing.assert_allclose(network.search_scores(one, labels), scores[3:4], atol=1e-4)


# -- experts
def test_experts_are_weighted_by_their_errors() -> None:
    space = get_space("tnb101")
    learner = META_PREDICTORS["experts"](space.name).meta_fit(sources(space))
    architectures, every = space.sample(9, np.random.default_rng(3)), np.arange(space.size)
    values = made_up_values(space)[architectures]
    mean, deviation = learner.fit(architectures, values).predict(every[:50], return_std=True)
    np.testing.assert_allclose(
        learner.fit(architectures[::-1], values[::-1]).predict(every[:50]), mean
    )
    similarity, view, labels = (
        Similarity(space),
        SourceView.of(learner.meta_model_),
        normal_scores(values),
    )
    proxies = proxy_scores(space).T.astype(np.float32)
    found = read(
        similarity, view._replace(proxies=proxies), architectures, labels, every[:50], every
    )
    squared = ((found.errors**2).sum(axis=0) + 1) / 10  # of nine labels and a prior one of 1
    weights = squared ** (-9 / 4) / (squared ** (-9 / 4)).sum()
    slope, level = np.polyfit(labels, values, 1)
    np.testing.assert_allclose(mean, level + slope * (found.experts @ weights), rtol=1e-4)
    spread = squared + (found.experts - found.experts @ weights[:, None]) ** 2
    np.testing.assert_allclose(deviation, slope * np.sqrt(spread @ weights), rtol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_labels_decide_how_far_sources_are_trusted(sign: int) -> None:
    from scipy.stats import spearmanr

    space = get_space("tnb101")
    learner = META_PREDICTORS["experts"](space.name).meta_fit(sources(space, sign=sign))
    truth = made_up_values(space)
    assert spearmanr(learner.prior()[0], sign * truth)[0] > 0.4
    architectures = space.sample(25, np.random.default_rng(5))
    assert (
        spearmanr(
            learner.fit(architectures, truth[architectures]).predict(np.arange(space.size)), truth
        )[0]
        > 0.5
    )


def test_errors_of_learners_are_cross_validated() -> None:
    learner, known = META_PREDICTORS["experts"](COLUMNS), np.arange(0, COLUMNS.size, 25)
    labels = made_up_values(COLUMNS)[known]
    predicted, errors = learner._learner("ridge", known, labels)
    fold = np.array_split(np.random.default_rng(len(known)).permutation(len(known)), 5)[2]
    kept = np.setdiff1d(np.arange(len(known)), fold)
    for some, found in ((kept, labels[fold] - errors[fold]), (slice(None), predicted[known[fold]])):
        ridge = make_predictor("ridge", space=COLUMNS).fit(known[some], labels[some])
        np.testing.assert_allclose(found, ridge.predict(known[fold]))


# -- search
def observed(
    order: slice = slice(None),
) -> tuple[SearchState, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return a state with 30 observations in this order, and columns and labels of these."""
    space = get_space("tnb101")
    sources = view_of_sources(space)
    state = SearchState(Similarity(space), sources, np.arange(space.size))
    known = np.random.default_rng(1).choice(space.size, 30, replace=False)[order]
    values = made_up_values(space)[known]
    for part in np.split(np.arange(30), [1, 20]):
        state.observe(known[part], values[part])
    state.observe(known[3:5], values[3:5] + 1)  # known, so without effect
    return state, known, values


def test_a_search_reads_what_a_prediction_reads() -> None:
    space = get_space("tnb101")
    state, known, values = observed()
    asked = np.arange(0, 800, 2)
    columns, found = state.candidates(asked, 10, 80, np.random.default_rng(0))
    assert len(columns) == len(set(columns.tolist())) == 80
    assert set(columns.tolist()) <= set(asked.tolist())
    sources = view_of_sources(space)
    wanted = read(
        Similarity(space), sources, known, normal_scores(values), columns, np.arange(space.size)
    )
    for part, other in zip(found, wanted, strict=True):
        # float32, whose sums depend on the processor
        np.testing.assert_allclose(part, other, atol=1e-3)


def test_the_order_of_observations_does_not_change_the_scores() -> None:
    network = InContextNetwork(read_weights(shipped_weights("joint")["without-tnb101"]).arrays)
    scores = []
    for order in (slice(None), slice(None, None, -1)):
        state, _, _ = observed(order)
        columns, found = state.candidates(np.arange(300), 300, 300, np.random.default_rng(0))
        scores.append(network.search_scores(found, state.labels)[np.argsort(columns)])
    np.testing.assert_allclose(*scores, rtol=1e-3, atol=2e-3)


def test_the_score_is_expected_improvement_and_the_output_of_the_search_head() -> None:
    weights, found = read_weights(shipped_weights()["without-graph"]).arrays, reading()
    labels = normal_scores(np.arange(12.0))
    head = np.zeros(EXPERTS + 2)
    head[-2:] = 0.3, np.log(np.expm1(0.47))  # a correction, and a deviation of .5
    of_head = {
        "head.weight": np.zeros((EXPERTS + 2, 32)),
        "search.weight": np.zeros((1, 32)),
        "head.bias": head,
        "search.bias": np.full(1, 0.5),
        "sharpness": np.log([3.0]),
    }
    network = InContextNetwork({**weights, **of_head})
    mean = found.experts.mean(axis=1) + 0.3
    alone = log_expected_improvement(mean.astype(float), np.full(30, 0.5), labels.max())
    np.testing.assert_allclose(network.search_scores(found, labels), 3 * alone + 0.5, atol=1e-3)
    others = np.linspace(-3.0, 0.0, 30)
    both = 3 * np.log((np.exp(alone) + np.exp(others)) / 2) + 0.5
    np.testing.assert_allclose(network.search_scores(found, labels, others), both, atol=1e-3)


@pytest.mark.parametrize("name", ["meta-nas", "meta-rl"])
def test_observations_change_what_is_proposed(name: str) -> None:
    task = nm.get_task("nb201/cifar10")
    proposed = []
    for sign in (1, -1):
        searcher = SEARCHERS[name](task.space, np.random.default_rng(0))
        searcher.meta_fit(sources(task.space))
        for _ in range(12):
            architectures = searcher.ask()
            searcher.tell(architectures, sign * task.values[architectures])
            proposed.append(int(architectures[0]))
    assert proposed[0] == proposed[12]
    assert len(set(proposed[3:12]) & set(proposed[15:])) <= 3


def test_architectures_with_a_value_are_not_proposed() -> None:
    space = SearchSpace("few", {"a": [1, 2, 3], "b": [1, 2, 3]})
    labels = [SourceTask("s", "s", space, np.arange(9), np.arange(9.0))]
    searcher = SEARCHERS["meta-nas"](space, np.random.default_rng(0)).meta_fit(labels)
    searcher.tell(np.array([8, 7, 6, 5]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert set(searcher.ask(5).tolist()) == set(range(5))


def test_the_transformer_chooses_among_the_best_of_the_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nasmeta.meta.in_context._searcher.SEARCH", SearchSettings(candidates=40))
    space = get_space("tnb101")
    searcher = SEARCHERS["meta-nas"](space, np.random.default_rng(0)).meta_fit(sources(space))
    allowed, known = np.arange(0, space.size, 2), np.arange(0, 1200, 200)
    searcher.restrict(allowed)
    searcher.tell(known, np.arange(6.0))
    improvement = np.random.default_rng(1).standard_normal(space.size)
    open_ones = np.setdiff1d(allowed, known)
    best = open_ones[np.argsort(-improvement[open_ones])[:40]]
    others = []

    def last(_: Any, reading: Reading, labels: Any, improvements: Any) -> Any:
        np.testing.assert_array_equal(labels, normal_scores(np.arange(6.0)))
        others.extend(improvements)
        return np.arange(len(reading.asked))

    monkeypatch.setattr(InContextNetwork, "search_scores", last)
    guided = searcher._ready["sources"]
    chosen = guided._take_best(improvement.copy())
    assert sorted(others) == sorted(improvement[best])
    assert improvement[chosen] == others[-1]
    assert not guided._open[chosen]


def test_a_space_with_few_architectures_left_is_proposed_to_the_end() -> None:
    space = SearchSpace("few", {"a": [1, 2, 3], "b": [1, 2, 3]})
    labels = [
        SourceTask("s", "s", space, np.arange(9), np.arange(9.0)),
        SourceTask("t", "t", space, [0, 4], [1, 2]),
    ]
    searcher = SEARCHERS["meta-nas"](space, np.random.default_rng(0)).meta_fit(labels)
    proposed = [int(architecture) for n in (1, 4, 4) for architecture in searcher.ask(n)]
    assert sorted(proposed) == list(range(9))
    with pytest.raises(SpaceExhaustedError):
        searcher.ask()
