"""Training of the in-context learner: the same seed gives the same weights, and what is left out is not read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasmeta.spaces import get_space

pytest.importorskip("torch")
FOLDER = Path(__file__).resolve().parents[2] / "reports" / "meta"


@pytest.fixture(scope="module")
def scripts() -> Any:
    sys.path.insert(0, str(FOLDER))
    try:
        import in_context_tasks
        import in_context_train
    finally:
        sys.path.remove(str(FOLDER))
    return in_context_tasks, in_context_train


@pytest.mark.parametrize("n", [0, 1, 12])
def test_the_package_computes_what_the_trained_module_does(scripts: Any, n: int) -> None:
    import torch

    from nasmeta.meta.in_context._network import InContextNetwork, read_weights, shipped_weights
    from nasmeta.meta.in_context._reading import EXPERTS, INPUTS, SIMILARITIES, Reading

    arrays, rng = read_weights(shipped_weights()["all"]).arrays, np.random.default_rng(n)
    shapes = [(n, INPUTS), (n, EXPERTS), (40, INPUTS), (40, EXPERTS), (n, n, SIMILARITIES), (40, n, SIMILARITIES)]
    read = Reading(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))
    network = InContextNetwork(arrays)
    said = network.answer(network.contexts(read), read.asked, read.experts, read.across)
    module = scripts[1].TrainedNetwork()
    module.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in arrays.items()})
    with torch.inference_mode():
        wanted = module(*(torch.from_numpy(part)[None] for part in read))
    for part, other in zip(said, wanted, strict=True):
        np.testing.assert_allclose(part, other[0].numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def found(scripts: Any) -> Any:
    """Return some episodes of made-up functions, half of which are said to be of another family."""
    from nasmeta.meta.in_context._reading import Similarity

    tasks, _ = scripts
    space = get_space("tnb101")
    bank, similarity = next(tasks.drawn_banks("tnb101", space)), Similarity(space)
    pools = {}
    for size in (0, 6):
        rng = np.random.default_rng(size)
        drawn = [tasks.draw(bank, similarity, size, rng) for _ in range(24)]
        families = ["tnb101", "graph"] * 12
        pools[size] = tasks.Pool(families, [one.reading for one in drawn], np.stack([one.wanted for one in drawn]))
    return pools


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(scripts: Any, found: Any) -> None:
    _, train = scripts
    made = [dict(train.train(found, "graph", 4, seed)[0].named_parameters()) for seed in (0, 0, 1)]
    assert all(bool((value == made[1][name]).all()) for name, value in made[0].items())
    assert not all(bool((value == made[2][name]).all()) for name, value in made[0].items())


@pytest.mark.slow
def test_episodes_of_a_group_that_is_left_out_change_nothing(scripts: Any, found: Any) -> None:
    tasks, train = scripts
    spoilt = {}
    for size, pool in found.items():
        wanted = pool.wanted.copy()
        wanted[1::2] = 3.0
        spoilt[size] = tasks.Pool(pool.families, pool.readings, wanted)
    made = [dict(train.train(pools, "graph", 3, 0)[0].named_parameters()) for pools in (found, spoilt)]
    assert all(bool((value == made[1][name]).all()) for name, value in made[0].items())
    changed, _ = train.train(spoilt, "nothing", 3, 0)
    assert not all(bool((value == made[0][name]).all()) for name, value in changed.named_parameters())


def test_families_that_share_a_table_or_data_sets_are_left_out_together(scripts: Any) -> None:
    tasks, _ = scripts
    grouped = [family for families in tasks.GROUPS.values() for family in families]
    assert sorted(grouped) == sorted(tasks.FAMILIES)
