"""ConfigSpace spaces in and out."""

from __future__ import annotations

import pytest

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.testing import example_space

library = pytest.importorskip("ConfigSpace", reason="ConfigSpace comes with the extra smac")


def test_parameters_of_all_finite_kinds_become_positions() -> None:
    given = library.ConfigurationSpace(name="mine", seed=0)
    given.add(
        [
            library.UniformIntegerHyperparameter("depth", 2, 5),
            library.CategoricalHyperparameter("act", ["relu", "tanh", "gelu"]),
            library.OrdinalHyperparameter("width", [16, 32, 64]),
            library.Constant("norm", "batch"),
        ]
    )
    given.add(library.ForbiddenAndConjunction(
        library.ForbiddenEqualsClause(given["act"], "gelu"), library.ForbiddenInClause(given["depth"], [4, 5])
    ))  # fmt: skip
    given.add(library.ForbiddenEqualsClause(given["width"], 64))
    space = SearchSpace.from_configspace(given)
    assert space.name == "mine"
    assert {p.name: (p.choices, p.ordered) for p in space.positions} == {
        "depth": ((2, 3, 4, 5), True),
        "act": (("relu", "tanh", "gelu"), False),
        "width": ((16, 32, 64), True),
        "norm": (("batch",), False),
    }
    frame = space.to_frame()
    assert space.size == (4 * 3 - 2) * 2
    assert not ((frame["act"] == "gelu") & frame["depth"].isin([4, 5])).any()
    drawn = {space.index_of(dict(configuration)) for configuration in given.sample_configuration(400)}
    assert drawn == set(range(space.size))


@pytest.mark.parametrize("name", ["mixed", "sizes"])
def test_there_and_back(name: str) -> None:
    space = example_space(name)
    if space.n_combinations - space.size > 1_000:
        pytest.skip("more combinations are missing than become clauses")
    given = space.to_configspace()
    given.seed(0)
    for configuration in given.sample_configuration(20):
        assert 0 <= space.index_of(dict(configuration)) < space.size
    back = SearchSpace.from_configspace(given)
    names = list(given)  # ConfigSpace sorts them
    theirs, ours = (set(one.to_frame()[names].astype(str).itertuples(index=False)) for one in (back, space))
    assert {tuple(row) for row in theirs} == {tuple(row) for row in ours}


def test_what_has_no_list_of_choices_is_refused() -> None:
    for parameters in ({"rate": (0.1, 0.5)}, {"seed": (0, 10**6)}):
        with pytest.raises(SettingError):
            SearchSpace.from_configspace(library.ConfigurationSpace(parameters))
    given = library.ConfigurationSpace({"a": ["x", "y"], "b": ["p", "q"]})
    given.add(library.EqualsCondition(given["b"], given["a"], "x"))
    with pytest.raises(SettingError):
        SearchSpace.from_configspace(given)
