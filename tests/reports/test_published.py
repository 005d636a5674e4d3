"""Published comparisons that modules measure: differences, raw networks, NNI's evolution, which cells are scored."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from nasmeta.spaces import get_cell_space, get_space

FOLDER = Path(__file__).parents[2] / "reports" / "published"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(request.param)


@pytest.mark.parametrize("module", ["pages"], indirect=True)
def test_a_difference_counts_the_spreads_that_are_known(module: ModuleType) -> None:
    values = pd.Series([1.0, 2.0, 3.0])
    both = module.against(values, 1.0, 2.0, 4, 2)
    assert both == {
        "published": "1.00 ± 2.00",
        "measured": "2.00 ± 1.00",
        "difference": "+1.00",
        "standard errors": "+0.9",  # 1 / √(2² / 4 + 1² / 3)
    }
    assert module.against(values, 1.0, None, None, 2)["standard errors"] == "+1.7"  # 1 / √(1² / 3)
    assert module.against(values[:1], 1.5, None, None, 1) == {
        "published": "1.5",
        "measured": "1.0",
        "difference": "-0.5",
        "standard errors": "–",
    }


@pytest.mark.parametrize("module", ["graph_paper"], indirect=True)
def test_a_raw_network_has_the_parents_that_it_says(module: ModuleType) -> None:
    space = get_space("graph")
    found = module.raw_values(np.arange(space.size, dtype=float))
    macros = space.positions[0].choices
    operations = (3, 1, 0, 5)
    for row, links in enumerate(module._LINKS):
        macro, *own = space.codes[int(found[(row, *operations)])].tolist()
        parents = [int(digit) for digit in macros[macro]]
        follows = {op: own[parent - 1] if parent else None for op, parent in zip(own, parents, strict=True)}
        assert follows == {
            op: operations[parent - 1] if parent else None for op, parent in zip(operations, links, strict=True)
        }
    assert (found[:, 8, 8, 8, 8] == 0).all()


@pytest.mark.parametrize("module", ["graph_paper"], indirect=True)
def test_evolution_without_mutations_is_its_first_population(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.indices((24, 9, 9, 9, 9)).sum(axis=0).astype(float)  # a hill that mutations climb
    evolved = module.nni_evolution(values, np.random.default_rng(0))
    monkeypatch.setattr(module, "MUTATION", 0.0)
    rng = np.random.default_rng(0)
    first = [module._drawn(rng) for _ in range(module.POPULATION)]
    best = max(values[(a * 12 + b * 4 + c, *operations)] for a, b, c, *operations in first)
    assert module.nni_evolution(values, np.random.default_rng(0)) == best
    assert best < evolved <= values.max()


@pytest.mark.parametrize("module", ["help_latency"], indirect=True)
def test_the_fastest_and_the_slowest_tenth_are_left_out(module: ModuleType) -> None:
    values = -np.arange(100.0)
    assert module.middle(np.arange(40, 60), values).tolist() == list(range(57, 41, -1))


@pytest.mark.parametrize("module", ["suite_zero"], indirect=True)
def test_a_missing_proxy_is_the_mean_of_the_isomorphs(module: ModuleType) -> None:
    space = get_cell_space("nb201")
    classes = np.asarray(space.canonical(np.arange(space.size)))
    several = np.flatnonzero(np.bincount(classes)[classes] == 3)
    one, two, three = np.flatnonzero(classes == classes[several[0]])
    alone = np.flatnonzero(np.bincount(classes)[classes] == 1)[0]
    values = np.ones((space.size, 2))
    values[[one, two, three], 1] = 4.0, 8.0, np.nan
    values[alone] = np.nan
    found = module.filled(values)
    assert found[three].tolist() == [1.0, 6.0]
    assert found[one].tolist() == [1.0, 4.0]
    assert np.isnan(found[alone]).all()
