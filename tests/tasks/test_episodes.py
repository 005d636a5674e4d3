"""Episodes and augmentation."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.spaces import get_space, move_cells
from nasmeta.tasks import (
    Augmentation,
    EpisodeSampler,
    SourceTask,
    TaskDistribution,
    normal_scores,
)

NB201, TNB101 = get_space("nb201"), get_space("tnb101")


def made_up(name: str, space: nm.spaces.CellSpace, seed: int, n: int = 500) -> SourceTask:
    rng = np.random.default_rng(seed)
    return SourceTask(name, name, space, space.sample(n, rng), rng.standard_normal(n))


SOURCES = [made_up("a", NB201, 0), made_up("b", NB201, 1), made_up("c", TNB101, 2)]


def test_an_episode_holds_scores_of_its_source() -> None:
    sampler = EpisodeSampler(SOURCES[:1], support=(3, 30), query=40)
    scores = dict(
        zip(
            SOURCES[0].architectures.tolist(),
            normal_scores(SOURCES[0].utilities).tolist(),
            strict=True,
        )
    )
    sizes = set()
    for episode in sampler.sample_many(50, np.random.default_rng(0)):
        sizes.add(len(episode.support_architectures))
        assert len(episode.query_architectures) == len(episode.query_labels) == 40
        assert not set(episode.support_architectures.tolist()) & set(
            episode.query_architectures.tolist()
        )
        assert [
            scores[c] for c in episode.support_architectures.tolist()
        ] == episode.support_labels.tolist()
        assert [
            scores[c] for c in episode.query_architectures.tolist()
        ] == episode.query_labels.tolist()
        assert episode.sources == ("a",)
    assert min(sizes) >= 3
    assert max(sizes) <= 30
    assert len(sizes) > 10


def test_the_same_generator_gives_the_same_episode_and_spaces_are_not_mixed() -> None:
    sampler = EpisodeSampler(
        SOURCES, support=5, query=5, augment=Augmentation(mixture=1.0, noise=0.1)
    )
    one, other = (sampler.sample_many(30, np.random.default_rng(7)) for _ in range(2))
    assert all((a.query_labels == b.query_labels).all() for a, b in zip(one, other, strict=True))
    assert {(e.space.name, "c" in e.sources) for e in one} == {("nb201", False), ("tnb101", True)}


def test_sources_of_another_space_are_moved() -> None:
    moved = SOURCES[2].in_space(NB201)
    assert (NB201.ops_of(moved.architectures) == TNB101.ops_of(SOURCES[2].architectures)).all()
    back, kept = move_cells(moved.architectures, NB201, TNB101)
    assert kept.all()
    assert (back == SOURCES[2].architectures).all()
    with pytest.raises(SettingError):
        SourceTask("x", "x", NB201, np.array([0], np.int32), np.ones(1)).in_space(TNB101)


def test_a_mixture_lies_between_its_members() -> None:
    source, _ = nm.task_distribution("nb201").leave_out("cifar100")
    architectures, labels = EpisodeSampler(source, augment=Augmentation(mixture=1.0)).full_task(
        np.random.default_rng(0)
    )
    for task in source:
        assert spearmanr(task.values[architectures], labels).statistic > 0.9
    best = np.sort(labels)[-5000:]  # the worst cells are tied
    np.testing.assert_allclose(
        best, normal_scores(np.arange(NB201.n_architectures))[-5000:], atol=0.01
    )


def test_a_mixture_has_the_scale_of_its_members() -> None:
    scores = [normal_scores(np.random.default_rng(seed).random(500)) for seed in (0, 1)]
    mixed = Augmentation(mixture=1.0).combined(scores, np.random.default_rng(2))
    assert (mixed.mean(), mixed.std()) == pytest.approx((0, 1))


def test_the_number_of_support_labels_is_uniform_on_a_logarithmic_scale() -> None:
    sampler = EpisodeSampler(SOURCES[:1], support=(1, 2), query=1)
    sizes = [
        len(episode.support_architectures)
        for episode in sampler.sample_many(400, np.random.default_rng(0))
    ]
    assert {*sizes} == {1, 2}
    assert sizes.count(1) / 400 == pytest.approx(np.log(2) / np.log(3), abs=0.08)


def test_noise_has_its_deviation() -> None:
    scores = normal_scores(np.random.default_rng(0).standard_normal(15_000))
    noisy = Augmentation(noise=0.3).combined([scores], np.random.default_rng(1))
    assert (noisy - scores).std() == pytest.approx(0.3, rel=0.02)
    sampler = EpisodeSampler(SOURCES[:1], support=5, query=5, augment=Augmentation(noise=0.3))
    # ranked anew
    assert sampler.full_task(np.random.default_rng(0))[1].std() == pytest.approx(1.0, abs=0.02)


def test_bad_input() -> None:
    with pytest.raises(SettingError):
        EpisodeSampler([])
    with pytest.raises(SettingError):
        EpisodeSampler([SOURCES[0], SOURCES[0]])


@pytest.mark.parametrize("by", ["dataset", "task"])
def test_splits_share_nothing_with_the_target(by: Literal["dataset", "task"]) -> None:
    names = [
        "nb201/cifar10", "nb201/cifar100", "nb201/latency/pixel3", "nb201/latency/pixel2", "nb201/energy/fpga",
        "nb201/cifar100/within-5ms/pixel3", "nb201/train-seconds/cifar10", "tnb101/jigsaw",
    ]  # fmt: skip
    tasks = TaskDistribution(nm.get_task(name) for name in names)
    due = {"dataset": {"cifar10", "cifar100", "jigsaw"}, "task": set(names)}[by]
    found = {name: (sources, target) for name, sources, target in tasks.splits(by=by)}
    assert set(found) == due
    for sources, target in found.values():
        assert set(sources.datasets).isdisjoint(target.datasets)
