"""The meta-searcher by default: whom it listens to, and that it says so."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import nasmeta as nm
from nasmeta.meta._default_searcher import DefaultMetaSearch
from nasmeta.meta._model_averaging import left_out_densities, predictive_weights
from nasmeta.runs import Clock
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import made_up_values

SPACE = get_space("tnb101")
EVERY = np.arange(SPACE.n_architectures, dtype=np.int32)


def source(name: str, values: np.ndarray, architectures: np.ndarray = EVERY) -> SourceTask:
    return SourceTask(name, name, SPACE, architectures, values[architectures])


def search(sources: list[SourceTask], values: np.ndarray, n: int, **settings: object) -> DefaultMetaSearch:
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0), **settings)  # type: ignore[arg-type]
    searcher.meta_fit(sources)
    for _ in range(n):
        proposed = searcher.ask()
        searcher.tell(proposed, values[proposed])
    return searcher


def test_equal_evidence_gives_equal_weights_and_one_observation_decides_little() -> None:
    rng = np.random.default_rng(0)
    assert predictive_weights(np.zeros((3, 8)), rng) == pytest.approx([1 / 3] * 3)
    better = np.where(np.arange(20) == 0, 5.0, 0.0)
    once = predictive_weights(np.stack([better, np.zeros(20)]), rng)
    often = predictive_weights(np.stack([np.full(20, better.mean()), np.zeros(20)]), rng)
    assert 0.5 < once[0] < often[0]  # the same sum of log densities, of one lucky observation or of all


@pytest.mark.parametrize("labels", [400, pytest.param(None, marks=pytest.mark.slow)])
def test_a_prior_that_the_target_contradicts_loses_its_weight(labels: int | None) -> None:
    values, rng = made_up_values(SPACE), np.random.default_rng(0)
    architectures = EVERY if labels is None else SPACE.sample(labels, rng)
    like = search([source("a", values, architectures), source("b", values + 0.01, architectures)], values, 16).notes[0]
    unlike = search(
        [source("a", -values, architectures), source("b", -values + 0.01, architectures)], values, 16
    ).notes[0]
    assert like["by"] == unlike["by"] == "members"
    assert like["weights"]["gp"] < 0.2
    assert unlike["weights"]["multi-task-gp"] > 0.5  # the one that may give sources a negative weight


def test_the_beginning_alternates_between_sources_and_chance() -> None:
    values = made_up_values(SPACE)
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0), n_initial=5, n_random=2)
    searcher.meta_fit([source("a", values), source("b", values + 0.01)])
    said = []
    for _ in range(6):
        proposed = searcher.ask()
        searcher.tell(proposed, values[proposed])
        said.append(searcher.notes[0]["by"])
    assert said == ["sources", "sources", "random", "sources", "random", "members"]


@pytest.mark.parametrize(("shared", "least", "most"), [(True, 0.6, 1.0), (False, 0.0, 0.1)])
def test_single_architectures_of_complete_sources_count_if_the_target_confirms_them(
    shared: bool, least: float, most: float
) -> None:
    space, rng = get_space("graphgym"), np.random.default_rng(0)
    every = np.arange(space.size, dtype=np.int32)
    smooth = made_up_values(space)
    of_target, of_sources = rng.normal(0, smooth.std(), (2, space.size))
    if shared:
        of_sources = of_target
    sources = [
        SourceTask(name, name, space, every, smooth + of_sources + rng.normal(0, 0.1 * smooth.std(), space.size))
        for name in "ab"
    ]
    searcher = DefaultMetaSearch(space, np.random.default_rng(0)).meta_fit(sources)
    for _ in range(20):
        proposed = searcher.ask()
        searcher.tell(proposed, (smooth + of_target)[proposed])
    assert least <= searcher.notes[0]["weights"]["meta-gp"] <= most


def test_the_unit_of_the_learned_mean_does_not_matter() -> None:
    space = get_space("graphgym")
    values = made_up_values(space)
    every, rng = np.arange(space.size, dtype=np.int32), np.random.default_rng(1)
    sources = [SourceTask(name, name, space, every, values + rng.normal(0, 0.1, space.size)) for name in "ab"]
    histories = []
    for unit in (1.0, 0.1):
        searcher = DefaultMetaSearch(space, np.random.default_rng(0)).meta_fit(sources)
        complete = searcher.meta_model_.complete
        h = complete.hyperparameters
        scaled = replace(h, variances=h.variances * unit**2, noise=h.noise * unit**2)
        complete = replace(complete, mean=complete.mean * unit, hyperparameters=scaled)
        searcher.meta_model_ = replace(searcher.meta_model_, complete=complete)
        history = []
        for _ in range(16):
            proposed = searcher.ask()
            searcher.tell(proposed, values[proposed])
            history.append(int(proposed[0]))
        histories.append(history)
    assert histories[0] == histories[1]


def test_the_common_mean_of_complete_sources_is_a_member_only_if_they_agree() -> None:
    space = SearchSpace("few", {letter: [0, 1, 2, 3] for letter in "abc"})
    values = space.codes @ [1.0, 2.0, 4.0]
    for sign in (1, -1):
        sources = [SourceTask(name, name, space, range(64), own) for name, own in (("a", values), ("b", sign * values))]
        searcher = DefaultMetaSearch(space, np.random.default_rng(0)).meta_fit(sources)
        for _ in range(6):
            proposed = searcher.ask()
            searcher.tell(proposed, values[proposed])
        assert ("meta-gp" in searcher.notes[0]["weights"]) == (sign == 1)


def test_in_a_batch_members_expect_their_means() -> None:
    improvements: list[np.ndarray] = []

    class Recording(DefaultMetaSearch):
        def _take_improving(self, improvement: np.ndarray) -> int:
            improvements.append(improvement.copy())
            return super()._take_improving(improvement)

    values = made_up_values(SPACE)
    searcher = Recording(SPACE, np.random.default_rng(0)).meta_fit([source("a", values, EVERY[::40])])
    architectures = SPACE.sample(12, np.random.default_rng(1))
    searcher.tell(architectures, values[architectures])
    searcher.ask(3)
    assert (np.diff(improvements, axis=0) < 1e-3).all()  # the means stay, and the deviations shrink


def test_each_proposal_has_a_note() -> None:
    few = nm.task_distribution("nb201")[:1].as_sources(60, np.random.default_rng(0))
    run = nm.search("meta", "nb201/cifar100", sources=few, evaluations=8)
    assert [note["by"] for note in run.notes] == ["sources", "sources", "random", "sources", "random", *["members"] * 3]


def test_run_and_journal_say_who_proposed(tmp_path: Path) -> None:
    asked = {"evaluations": 9, "sources": nm.task_distribution("nb201")[:1].as_sources(60, np.random.default_rng(0))}
    path = tmp_path / "run.jsonl"
    run = nm.search("meta", "nb201/cifar100", journal=path, **asked)
    assert json.loads(path.read_text().splitlines()[9])[3] == {"note": run.notes[8]}
    assert run.weights.loc[9].sum() == pytest.approx(1.0, abs=1e-3)
    assert run.weights.loc[:5].isna().all(axis=None)
    longer = nm.search("meta", "nb201/cifar100", journal=path, **asked | {"evaluations": 11})
    assert longer.notes[:9] == run.notes
    asked["clock"] = Clock(workers=2)
    on_clock = nm.search("meta", "nb201/cifar100", journal=tmp_path / "clock.jsonl", **asked)
    assert nm.search("meta", "nb201/cifar100", journal=tmp_path / "clock.jsonl", **asked).notes == on_clock.notes


def test_it_keeps_to_a_part_of_the_space() -> None:
    searcher = DefaultMetaSearch(SPACE, np.random.default_rng(0))
    searcher.meta_fit([source("a", made_up_values(SPACE), SPACE.sample(40, np.random.default_rng(0)))])
    assert searcher.restrict(EVERY[:30])
    assert searcher.ask(9).max() < 30


def test_left_out_densities_are_those_of_the_conditioned_normal_distributions() -> None:
    rng = np.random.default_rng(2)
    n, root = 7, rng.normal(size=(7, 7))
    covariance, labels = root @ root.T + np.eye(n), rng.normal(size=n)
    means = rng.normal(size=(n, n))  # row i is the prior of those who have not seen label i
    expected = []
    for i in range(n):
        others = np.delete(np.arange(n), i)
        gain = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, i])
        mean = means[i, i] + gain @ (labels - means[i])[others]
        variance = covariance[i, i] - gain @ covariance[others, i]
        expected.append(norm.logpdf(labels[i], mean, np.sqrt(variance)))
    np.testing.assert_allclose(left_out_densities(np.linalg.cholesky(covariance), labels, means), expected)


def test_sources_that_are_noise_do_not_predict_left_out_values() -> None:
    """Weights that have seen a value make it look foretold, by sources that say nothing."""
    target = nm.get_task("nb201/cifar100")
    sources = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(100, np.random.default_rng(0))
    shares = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        noise = [replace(one, utilities=rng.permutation(one.utilities)) for one in sources]
        searcher = DefaultMetaSearch(target.space, rng, n_random=0)
        searcher.meta_model_ = searcher.meta_fit(noise).meta_model_
        architectures = rng.choice(target.space.size, 12, replace=False).astype(np.int32)
        searcher.tell(architectures, target.values[architectures])
        searcher._n_asked = len(architectures)
        searcher.ask(1)
        shares.append(list(searcher.notes[-1]["weights"].values()))
    gp, *guided = np.mean(shares, axis=0)
    assert gp > max(guided)
