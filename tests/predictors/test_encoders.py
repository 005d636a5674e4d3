"""Encoders against slow, separate computations, and against scikit-learn's expectations of a transformer."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from example_spaces import EXAMPLE_SPACES, example_space
from sklearn.base import clone

from nasmeta.errors import ArchitectureError, SettingError, UnknownNameError
from nasmeta.predictors import ENCODERS, ColumnEncoder, make_encoder
from nasmeta.spaces import (
    CellSpace,
    SearchSpace,
    get_cell_space,
    get_space,
    move_cells,
    reference_space,
)
from nasmeta.tasks import normal_scores

NB201, TNB101 = get_cell_space("nb201"), get_cell_space("tnb101")
NAMES = sorted(set(ENCODERS) - {"columns"})
WIDTHS = {"one-hot": 30, "adjacency": 6, "paths": 155, "live-paths": 40, "operation-counts": 5}
EVERYWHERE = ("adjacency", "counts", "one-hot")
ON_CELLS = (*EVERYWHERE, "graph", "live-paths", "operation-counts", "paths")


@pytest.mark.parametrize("space", ["nb201", *EXAMPLE_SPACES])
@pytest.mark.parametrize("name", NAMES)
def test_encoders_are_transformers_or_name_the_space(name: str, space: str) -> None:
    own = get_space(space) if space == "nb201" else example_space(space)
    encoder = make_encoder(name, own)
    on = ON_CELLS if isinstance(own, CellSpace) else EVERYWHERE
    if name not in on:
        with pytest.raises(SettingError) as caught:
            encoder.transform([0])
        assert (caught.value.what, caught.value.value) == (f"encoder for {space}", name)
        return
    architectures = own.sample(50, np.random.default_rng(0))
    features = encoder.fit_transform(architectures)
    assert features.dtype == np.float64
    assert np.isfinite(features).all()
    assert features.shape == (50, len(set(encoder.get_feature_names_out())))
    if space == "nb201":
        assert features.shape[1] == WIDTHS.get(name, features.shape[1])
    for form in (
        architectures[:, None],
        architectures.tolist(),
        own.to_string(architectures),
        [[architecture] for architecture in architectures.tolist()],
    ):
        np.testing.assert_array_equal(encoder.transform(form), features)
    for same in (pickle.loads(pickle.dumps(clone(encoder))), copy.deepcopy(encoder)):
        np.testing.assert_array_equal(same.transform(architectures), features)
    frame = clone(encoder).set_output(transform="pandas").transform(architectures)
    assert list(frame.columns) == list(encoder.get_feature_names_out())
    assert encoder.transform([]).shape == (0, features.shape[1])
    for wrong in ([own.size], [1.5], [True], ["|none~0|"], [[1, 2]]):
        with pytest.raises(ArchitectureError):
            encoder.transform(wrong)


def test_spaces_with_the_same_cells_are_encoded_alike() -> None:
    mine = CellSpace("mine", ["avg_pool_3x3", "nor_conv_3x3", "none"])
    for space in (TNB101, mine):
        assert reference_space(space) == NB201
        architectures = np.arange(0, space.size, 11)
        same = move_cells(architectures, space, NB201)[0]
        for name in NAMES:
            np.testing.assert_array_equal(
                make_encoder(name, space).transform(architectures),
                make_encoder(name).transform(same),
            )
    for other in (
        CellSpace("mine", ["none", "skip_connect", "conv"]),  # another operation
        CellSpace("mine", ["none", "skip_connect"], skip=None),  # an operation that does not skip
        CellSpace("mine", ["none", "skip_connect"], n_nodes=3),  # another graph
    ):
        assert reference_space(other) is other


def live_paths(space: CellSpace, architecture: int) -> Counter[tuple[str, ...]]:
    """Walk all paths from node 0 to node 3."""
    operation = dict(zip(space.edges, space.ops_of(architecture).tolist(), strict=True))
    found = Counter()
    for nodes in ((0, 3), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3)):
        names = [operation[edge] for edge in pairwise(nodes)]
        if "none" not in names:
            found[tuple(name for name in names if name != "skip_connect")] += 1
    return found


@pytest.mark.parametrize(("name", "n_sequences"), [("nb201", 40), ("tnb101", 15)])
def test_live_paths_distinguish_cells_like_a_walk(name: str, n_sequences: int) -> None:
    space = get_cell_space(name)
    counts = space.feature("paths").counts
    assert counts.shape == (space.n_architectures, n_sequences)
    by_walk = [
        frozenset(live_paths(space, architecture).items())
        for architecture in range(space.n_architectures)
    ]
    by_counts = [row.tobytes() for row in counts]
    assert (
        len(set(by_walk)) == len(set(by_counts)) == len(set(zip(by_walk, by_counts, strict=True)))
    )
    np.testing.assert_array_equal(
        counts.sum(axis=1), [sum(n for _, n in paths) for paths in by_walk]
    )


def test_one_hot_adjacency_and_paths_by_hand() -> None:
    one_hot = NB201.feature("edges").counts.reshape(NB201.n_architectures, 6, 5)
    np.testing.assert_array_equal(one_hot.argmax(axis=2), NB201.digits)
    np.testing.assert_array_equal(NB201.feature("operations").counts, one_hot.sum(axis=1))
    architecture = NB201.from_codes([4, 2, 1, 2, 1, 0])
    present = {
        name: set(
            make_encoder(name).get_feature_names_out()[
                make_encoder(name).transform([architecture])[0] == 1
            ]
        )
        for name in ("one-hot", "paths", "live-paths")
    }
    edges = (
        "0to1=avg_pool_3x3",
        "0to2=nor_conv_1x1",
        "1to2=skip_connect",
        "0to3=nor_conv_1x1",
        "1to3=skip_connect",
    )
    assert present["one-hot"] == {*edges, "2to3=none"}
    assert make_encoder("adjacency").transform([architecture]).tolist() == [[5, 3, 2, 3, 2, 1]]
    sequences = ("avg_pool_3x3→skip_connect", "nor_conv_1x1→none", "avg_pool_3x3→skip_connect→none")
    assert present["paths"] == {"nor_conv_1x1", *sequences}
    assert present["live-paths"] == {"nor_conv_1x1", "avg_pool_3x3"}
    frame = (
        make_encoder("live-paths")
        .set_output(transform="pandas")
        .transform([NB201.from_codes([1] * 6)])
    )
    assert frame.loc[0, "skip_connect"] == 4


@pytest.mark.parametrize("space", [NB201, example_space("five-nodes")], ids=str)
def test_graph_features_by_walking(space: CellSpace) -> None:
    short = {
        "skip_connect": "skip",
        "nor_conv_1x1": "conv1x1",
        "nor_conv_3x3": "conv3x3",
        "avg_pool_3x3": "pool",
    }
    names = {i: short.get(name, name) for i, name in enumerate(space.operations) if i != space.none}
    architectures, last = range(0, space.size, space.size // 380), space.n_nodes - 1
    frame = make_encoder("graph", space).set_output(transform="pandas").transform(architectures)
    into = {i for i, (_, target) in enumerate(space.edges) if target == last}
    out = {
        node: {i for i, (source, _) in enumerate(space.edges) if source == node} for node in (0, 1)
    }
    for architecture, (_, found) in zip(architectures, frame.iterrows(), strict=True):
        digits = space.codes[architecture].tolist()
        routes = [
            route for route in space.paths if all(digits[edge] != space.none for edge in route)
        ]
        live = {edge for route in routes for edge in route}
        assert found["live_edges"] == len(live)
        assert found["live_paths"] == len(routes)
        assert found["depth"] == max(map(len, routes), default=0)
        nodes = {node for edge in live for node in space.edges[edge]}
        assert found["live_inner_nodes"] == len(nodes - {0, last})
        assert found[f"in_degree_{last}"] == len(live & into)
        assert found["out_degree_1"] == len(live & out[1])
        for chosen in [one for size in (1, 2) for one in combinations(names, size)]:
            name = "+".join(names[digit] for digit in chosen)
            on = [sum(digits[edge] in chosen for edge in route) for route in routes]
            only = [len(route) for route, n in zip(routes, on, strict=True) if n == len(route)]
            assert found[f"shortest_{name}_path"] == min(only, default=space.n_nodes)
            assert found[f"most_{name}_on_path"] == max(on, default=0)
            assert found[f"live_{name}"] == sum(digits[edge] in chosen for edge in live)
            assert found[f"out_degree_0_{name}"] == sum(
                digits[edge] in chosen for edge in live & out[0]
            )


def test_choices_and_levels_by_hand() -> None:
    space = example_space("mixed")
    at = space.index_of({"layers": 3, "width": 64, "act": "tanh", "norm": "none", "dropout": 0.5, "pool": "max",
                         "residual": True})  # fmt: skip
    found = make_encoder("counts", space).set_output(transform="pandas").transform([at]).iloc[0]
    ones = {
        "layers=3",
        "width=64",
        "act=tanh",
        "norm=none",
        "dropout=0.5",
        "pool=max",
        "residual=True",
    }
    levels = {"layers": 2 / 3, "width": 2 / 3, "dropout": 1.0}
    assert found[sorted(ones)].eq(1).all()
    assert found.drop([*ones, *levels]).eq(0).all()
    assert found[list(levels)].to_dict() == pytest.approx(levels)
    assert make_encoder("adjacency", space).transform([at]).tolist() == [[3, 3, 2, 1, 4, 1, 2]]
    kinds = {"a": ["x", "y"], "b": ["x", "y"], "c": ["x", "z"], "d": ["x", "z"]}
    names = make_encoder("operation-counts", SearchSpace("own", kinds)).get_feature_names_out()
    assert names.tolist() == ["n_x", "n_y", "n_x_2", "n_z"]


def test_many_levels_are_not_one_hot() -> None:
    space = SearchSpace("own", {"width": [2 * i for i in range(50)], "act": ["relu", "tanh"]})
    encoder = make_encoder("counts", space)
    assert encoder.get_feature_names_out().tolist() == [
        "act=relu",
        "act=tanh",
        "width",
        "log_width",
    ]
    found = encoder.transform(["width=14,act=tanh", "width=98,act=relu"])
    np.testing.assert_allclose(
        found, [[0, 1, 7 / 49, np.log(8) / np.log(50)], [1, 0, 1, 1]], rtol=1e-6
    )
    assert encoder.group_sizes() == [2, 1, 1]


def test_columns_are_ranked_and_unknown_values_are_marked() -> None:
    values = np.exp(np.arange(2.0 * NB201.n_architectures).reshape(-1, 2) / 5000)
    values[7, 1] = np.nan
    encoder = ColumnEncoder(values, names=["synflow", "nwot"])
    assert encoder.get_feature_names_out().tolist() == ["synflow", "nwot", "nwot_unknown"]
    found = encoder.transform(np.arange(NB201.n_architectures))
    np.testing.assert_array_equal(found[:, 0], normal_scores(values[:, 0]))
    np.testing.assert_array_equal(
        np.delete(found[:, 1], 7), normal_scores(np.delete(values[:, 1], 7))
    )
    assert found[7, 1] == pytest.approx(0, abs=1e-4)
    assert np.flatnonzero(found[:, 2]).tolist() == [7]


def test_joined_encoders() -> None:
    architectures = np.arange(20)
    proxies = ColumnEncoder(np.arange(NB201.n_architectures), names=["synflow"])
    joined = make_encoder(["one-hot", "graph", proxies])
    alone = [make_encoder("one-hot"), make_encoder("graph"), proxies]
    expected = [encoder.transform(architectures) for encoder in alone]
    np.testing.assert_array_equal(
        joined.fit_transform(architectures), np.concatenate(expected, axis=1)
    )
    assert joined.get_feature_names_out()[-1] == "columnencoder__synflow"
    one, two = (make_encoder(form, "tnb101") for form in ("one-hot + graph", ["one-hot", "graph"]))
    np.testing.assert_array_equal(one.transform(architectures), two.transform(architectures))
    assert make_encoder(joined) is joined


def test_unknown_encoders() -> None:
    with pytest.raises(UnknownNameError):
        make_encoder("one_hot")
