"""The embedded table holds what its source holds, in the official order."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.tables import Table

DATASETS = ("cifar10", "cifar100", "imagenet16-120")
ACCURACY = {"metric": "accuracy", "split": "valid", "epochs": 200}


@pytest.mark.parametrize("dataset", DATASETS)
def test_values_are_those_of_the_source(table: Table, records: dict, dataset: str) -> None:
    for architecture in table.space.sample(300, np.random.default_rng(0)).tolist():
        record = records[dataset]["".join(map(str, table.space.codes[architecture]))]
        seeds = (777, 888, 999)[: len(record["val_acc"])]
        assert table.available_seeds(architecture, dataset) == seeds
        for seed, accuracy, parameters in zip(
            seeds, record["val_acc"], record["model_size"], strict=True
        ):
            assert table.query(architecture, dataset, seed=seed, **ACCURACY) == np.float32(accuracy)
            assert table.query(architecture, dataset, "parameters", seed=seed) == round(
                parameters * 1e6
            )
        assert table.query(architecture, dataset, seed="mean", **ACCURACY) == np.float32(
            np.mean(record["val_acc"])
        )
        assert table.query(architecture, dataset, "train_seconds") == np.float32(
            record["train_time"][0]
        )
        assert table.query(architecture, dataset, "latency_seconds") == np.float32(
            record["latency"][0]
        )


@pytest.mark.parametrize("dataset", DATASETS)
def test_known_counts(table: Table, dataset: str) -> None:
    assert np.isnan(table.column(dataset, seed=999, **ACCURACY)).sum() == 7456
    for seed in (777, 888, "mean"):
        assert not np.isnan(table.column(dataset, seed=seed, **ACCURACY)).any()
    exact = table.space.params(np.arange(table.space.n_architectures), dataset)
    recorded = np.stack(
        [table.column(dataset, "parameters", seed=seed) for seed in (777, 888, 999)]
    )
    contradicts = (recorded != exact) & ~np.isnan(recorded)
    assert contradicts.any(axis=0).sum() == 204


def test_draws_follow_the_generator_uniformly(table: Table) -> None:
    architecture = int(np.flatnonzero(np.isnan(table.column("cifar10", seed=999, **ACCURACY)))[0])
    draws = table.query([architecture] * 2000, "cifar10", seed=np.random.default_rng(0), **ACCURACY)
    first = table.query(architecture, "cifar10", seed=777, **ACCURACY)
    assert 900 < np.count_nonzero(draws == first) < 1100
