"""What a (dataset, split, epochs) means, and that nothing else is answered."""

from __future__ import annotations

import pytest

from nasmeta.errors import ColumnError
from nasmeta.tables import Table

WHOLE = {
    "dataset": "cifar10", "metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean",
}  # fmt: skip


@pytest.mark.parametrize(
    ("official", "ours"),
    [
        (("cifar10-valid", "x-valid"), ("cifar10", "valid")),
        (("cifar10-valid", "train"), ("cifar10", "train")),
        (("cifar10-valid", "ori-test"), ("cifar10-valid", "test")),
        (("cifar10", "ori-test"), ("cifar10", "test")),
        (("cifar100", "ori-test"), ("cifar100", "valid+test")),
        (("cifar100", "x-test"), ("cifar100", "test")),
        (("imagenet16-120", "x-valid"), ("imagenet16-120", "valid")),
        (("cifar10", "valid"), ("cifar10", "valid")),
    ],
)
def test_official_names_are_understood(
    full_table: Table, official: tuple[str, str], ours: tuple[str, str]
) -> None:
    columns = [
        info for info in full_table.columns if (info.metric, info.epochs) == ("accuracy", 200)
    ]
    release = next(info.release for info in columns if (info.dataset, info.split) == ours)
    found, expected = (
        full_table.info(dataset=dataset, split=split, seed="mean", epochs=200, release=release)
        for dataset, split in (official, ours)
    )
    assert found == expected
    assert (found.dataset, found.split) == ours


def test_the_last_point_of_a_curve_is_the_end(table: Table) -> None:
    assert table.query(0, epoch=200, **WHOLE) == table.query(0, **WHOLE)


def test_a_curve_of_another_source(table: Table) -> None:
    with pytest.raises(ColumnError):
        table.curve(0, **WHOLE)
    with pytest.raises(ColumnError):
        table.curve(0, "cifar10", split="valid", seed="mean")
