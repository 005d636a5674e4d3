"""Surrogates of tables that a user brings: on any space, with holes, with few rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from example_spaces import EXAMPLE_SPACES, example_space
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.errors import LabelError
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.surrogates import Surrogate, class_features, feature_sets, fit_surrogate

SPACES = EXAMPLE_SPACES


def smooth_values(space: SearchSpace) -> np.ndarray:
    """Return a made-up accuracy of each architecture, of cells one that all with the same function have."""
    if isinstance(space, CellSpace):
        paths = space.feature("paths").counts
        return 60 + 10 * np.tanh(paths @ np.linspace(-0.3, 0.4, paths.shape[1]))
    x = space.codes / (np.array(space.n_choices) - 1)
    return (
        np.cos(2.5 * x + np.arange(space.n_positions)).sum(axis=1) + 0.3 * x[:, 0] * x[:, -1] + 60
    )


def made_up_task(space: SearchSpace, n_rows: int, seconds: bool = True) -> nm.Task:
    rows = space.sample(n_rows, np.random.default_rng(0))
    frame = pd.DataFrame({"index": rows, "accuracy": smooth_values(space)[rows]})
    if seconds:
        frame["train_seconds"] = 10.0 + 2 * space.codes[rows].sum(axis=1)
    return nm.Table.from_frame(frame, space=space, name="mine").task("accuracy")


@pytest.mark.parametrize("name", SPACES)
def test_a_partial_table_of_any_space(name: str, tmp_path: Path) -> None:
    space = example_space(name)
    surrogate = fit_surrogate(made_up_task(space, 250), steps=20)
    assert surrogate.card["scores"]["held out"]["tau"] > 0.6
    assert 180 < surrogate.trained.sum() <= 200
    space = space.whole[0]
    assert surrogate.space == space
    assert kendalltau(surrogate.values, smooth_values(space)).statistic > 0.6
    np.testing.assert_allclose(surrogate.cost_seconds, 10 + 2 * space.codes.sum(axis=1), atol=0.01)
    file = surrogate.save(tmp_path / "mine.npz")
    assert Surrogate.load(file).predict(space.to_string(7)) == surrogate.values[7]
    run = nm.search("random", made_up_task(space, 250), evaluations=5, evaluator=file)
    assert len(run) == 5


def test_few_rows_and_no_cost() -> None:
    space = example_space("mixed")
    surrogate = fit_surrogate(made_up_task(space, 60, seconds=False), steps=5)
    assert surrogate.cost_coefficients is None
    assert np.isnan(surrogate.cost_seconds).all()
    assert surrogate.card["cost_r2"] is None
    assert np.isfinite(surrogate.values).all()
    with pytest.raises(LabelError):
        fit_surrogate(made_up_task(space, 49))


def test_isomorphs_are_one_class() -> None:
    own = SearchSpace(
        "own",
        {"a": list(range(9)), "b": list(range(9))},
        isomorphic=lambda codes: codes.sum(axis=1),
    )
    classes = own.function_classes
    assert classes.max() + 1 == 17
    np.testing.assert_array_equal(classes[own.index_of(["a=0,b=4", "a=2,b=2"])], [4, 4])
    assert [len(part) for part in class_features(own)] == [17] * len(feature_sets(own))


@pytest.mark.parametrize("name", SPACES[:2])
def test_features_of_cells_belong_to_their_function(name: str) -> None:
    space = example_space(name)
    edges, paths, _, _ = class_features(space)
    classes = space.function_classes
    first = np.unique(classes, return_index=True)[1]
    counts = space.feature("paths").counts
    # so any member speaks for its class
    np.testing.assert_array_equal(counts, counts[first][classes])
    assert len(np.unique(edges, axis=0)) == len(edges) == len(paths) == classes.max() + 1
