"""How well the sources order the observations of a run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import nasmeta as nm


@pytest.mark.parametrize("searcher", ["rgpe", "source-order", "meta"])
def test_every_searcher_with_sources_states_how_they_order_its_observations(searcher: str) -> None:
    sources = nm.task_distribution("nb201")[:2]
    run = nm.search(searcher, "nb201/imagenet16-120", sources=sources, evaluations=25)
    assert run.transfer.index.tolist() == [10, 10, 20, 20]
    assert run.transfer["source"].tolist() == 2 * [source.name for source in sources]
    for (n, row), source in zip(run.transfer.iterrows(), [*sources, *sources], strict=True):
        first = run.architectures[: int(str(n))]
        assert row["correlation"] == pytest.approx(
            spearmanr(source.values[first], run.values[: len(first)]).statistic
        )
        assert row["low"] < row["correlation"] < row["high"]


def test_only_common_architectures_are_compared() -> None:
    few = nm.task_distribution("nb201")[:1].as_sources(3000, np.random.default_rng(0))
    run = nm.search("source-order", "nb201/cifar100", sources=few, evaluations=20)
    labelled = np.isin(run.architectures, few[0].architectures)
    assert run.transfer["common"].tolist() == [labelled[:10].sum(), labelled.sum()]
    assert nm.search("random", "nb201/cifar10", evaluations=20).transfer.empty
