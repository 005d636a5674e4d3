"""Disguises of tasks: other names, the same search; permutations and shuffles keep what they promise."""

import pickle

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.spaces import CellSpace, from_content, to_content
from nasmeta.tasks import disguise

SPACE = nm.SearchSpace(
    "net",
    {
        "rate": nm.Range(1e-4, 1e-1, log=True, levels=40),
        "act": ["relu", "gelu", "tanh"],
        "drop": [0, 1],
        "p": [1, 2, 3],
    },
    conditions={"p": {"drop": [1]}},
)
FRAME = SPACE.to_frame().assign(value=np.random.default_rng(0).normal(size=SPACE.size))
OWN = nm.Table.from_frame(FRAME, SPACE, metrics=["value"], direction="min").task()
CELLS = nm.get_task("nb201/cifar10")


def names(task: nm.tasks.Task) -> set[str]:
    return {str(name) for p in task.space.positions for name in (p.name, *p.choices)}


@pytest.mark.parametrize(
    "searcher", ["random", "evolution", "local-search", "tpe", "gp", "reinforce"]
)
@pytest.mark.parametrize("task", [CELLS, OWN])
def test_names_do_not_change_a_search(task: nm.tasks.Task, searcher: str) -> None:
    renamed = disguise(task, 3)
    assert names(renamed).isdisjoint(names(task))
    renamed.name = task.name  # so that runs have the same random numbers
    runs = [nm.search(searcher, each, evaluations=30, seed=1) for each in (task, renamed)]
    assert runs[0].architectures.tolist() == runs[1].architectures.tolist()
    assert runs[0].values.tolist() == runs[1].values.tolist()


@pytest.mark.parametrize("task", [CELLS, OWN])
def test_a_permutation_keeps_neighbours_and_functions(task: nm.tasks.Task) -> None:
    permuted, space = disguise(task, 0, "permuted"), task.space
    assert np.array_equal(permuted.values, task.values)
    assert not np.array_equal(permuted.space.codes, space.codes)
    assert names(permuted).isdisjoint(names(task))
    for architecture in range(0, space.size, 997 if task is CELLS else 50):
        nearest = [
            set(each.neighbours(architecture).tolist()) - {-1} for each in (space, permuted.space)
        ]
        assert nearest[0] == nearest[1]
    if isinstance(space, CellSpace):
        assert np.array_equal(permuted.space.live_edges, space.live_edges)
        assert np.array_equal(
            permuted.space.canonical(np.arange(99)), space.canonical(np.arange(99))
        )


def test_shuffled_values_belong_to_other_architectures() -> None:
    shuffled = disguise(CELLS, 0, "shuffled")
    assert shuffled.space is CELLS.space
    assert (shuffled.values == CELLS.values).mean() < 0.01
    assert np.array_equal(np.sort(shuffled.values), np.sort(CELLS.values))


def test_a_seed_determines_the_names_and_a_disguise_has_a_file() -> None:
    first, same, other = (disguise(CELLS, seed) for seed in (1, 1, 2))
    assert first.space == same.space != other.space
    assert from_content(to_content(first.space)) == first.space
    assert pickle.loads(pickle.dumps(first)).space.positions == first.space.positions


def test_a_large_space_has_no_disguise() -> None:
    with pytest.raises(SettingError) as caught:
        disguise(nm.get_task("lcbench/jasmine"), 0)
    assert caught.value.value == "lcbench"
