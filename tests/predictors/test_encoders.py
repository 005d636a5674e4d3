"""Encoders against slow, separate computations, and against what scikit-learn expects of a transformer."""

from __future__ import annotations

import pickle
import time
from itertools import combinations

import numpy as np
import pytest
from sklearn.base import clone

from nasmeta.errors import ArchitectureError, MissingValueError, SettingError, UnknownNameError
from nasmeta.predictors import ENCODERS, ColumnEncoder, CostEncoder, make_encoder
from nasmeta.spaces import get_space

NB201, TNB101 = get_space("nb201"), get_space("tnb101")
NAMES = sorted(set(ENCODERS) - {"columns"})
WIDTHS = {"one-hot": 30, "adjacency": 6, "paths": 155, "live-paths": 40, "operation-counts": 5, "cost": 2}
ROUTES = ((3,), (0, 4), (1, 5), (0, 2, 5))


@pytest.mark.parametrize("name", NAMES)
def test_manners(name: str) -> None:
    encoder = make_encoder(name, space="nb201")
    cells = NB201.sample(50, np.random.default_rng(0))
    features = encoder.fit_transform(cells)
    assert features.dtype == np.float64
    assert features.shape == (50, len(encoder.get_feature_names_out()))
    assert features.shape[1] == WIDTHS.get(name, features.shape[1])
    assert len(set(encoder.get_feature_names_out())) == features.shape[1]
    for form in (cells[:, None], cells.tolist(), NB201.to_string(cells), [[cell] for cell in cells.tolist()]):
        np.testing.assert_array_equal(encoder.transform(form), features)
    other = clone(encoder).set_params(space="tnb101", canonical=True)
    assert (other.space, encoder.space, encoder.canonical) == ("tnb101", "nb201", False)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(cells), features)
    frame = clone(encoder).set_output(transform="pandas").transform(cells)
    assert list(frame.columns) == list(encoder.get_feature_names_out())
    assert encoder.transform([]).shape == (0, features.shape[1])


@pytest.mark.parametrize("canonical", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_encoded_alike_on_both_spaces(name: str, canonical: bool) -> None:
    cells = np.arange(0, TNB101.n_cells, 11)
    same = NB201.from_digits(TNB101.to_digits(cells))
    np.testing.assert_array_equal(
        make_encoder(name, space="tnb101", canonical=canonical).transform(cells),
        make_encoder(name, space="nb201", canonical=canonical).transform(same),
    )


@pytest.mark.parametrize("name", NAMES)
def test_canonical_gives_isomorphic_cells_one_encoding(name: str) -> None:
    cells = np.arange(NB201.n_cells)
    representatives = NB201.canonical(cells)
    encoder = make_encoder(name, canonical=True)
    np.testing.assert_array_equal(encoder.transform(cells), make_encoder(name).transform(representatives))


@pytest.mark.parametrize("name", [*NAMES, "one-hot+live-paths+operation-counts+graph"])
def test_all_cells_in_a_tenth_of_a_second(name: str) -> None:
    cells, encoder = np.arange(NB201.n_cells), make_encoder(name)
    encoder.transform(cells)

    def seconds() -> float:
        start = time.process_time()
        encoder.transform(cells)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.1


def test_one_hot_adjacency_and_paths_by_hand() -> None:
    cell = NB201.from_digits([4, 2, 1, 2, 1, 0])
    names = make_encoder("one-hot").get_feature_names_out()
    assert set(names[make_encoder("one-hot").transform([cell])[0] == 1]) == {
        "0to1=avg_pool_3x3",
        "0to2=nor_conv_1x1",
        "1to2=skip_connect",
        "0to3=nor_conv_1x1",
        "1to3=skip_connect",
        "2to3=none",
    }
    assert make_encoder("adjacency").transform([cell]).tolist() == [[5, 3, 2, 3, 2, 1]]
    paths, live = (make_encoder(name) for name in ("paths", "live-paths"))
    assert set(paths.get_feature_names_out()[paths.transform([cell])[0] == 1]) == {
        "nor_conv_1x1",
        "avg_pool_3x3→skip_connect",
        "nor_conv_1x1→none",
        "avg_pool_3x3→skip_connect→none",
    }
    assert set(live.get_feature_names_out()[live.transform([cell])[0] == 1]) == {"nor_conv_1x1", "avg_pool_3x3"}
    all_skips = NB201.from_digits([1] * 6)
    frame = make_encoder("live-paths").set_output(transform="pandas").transform([all_skips])
    assert frame.loc[0, "skip_connect"] == 4


def test_graph_features_by_walking() -> None:
    frame = make_encoder("graph").set_output(transform="pandas").transform(np.arange(0, NB201.n_cells, 41))
    names = {1: "skip", 2: "conv1x1", 3: "conv3x3", 4: "pool"}
    for row, cell in enumerate(range(0, NB201.n_cells, 41)):
        digits = NB201.to_digits(cell).tolist()
        routes = [route for route in ROUTES if all(digits[edge] for edge in route)]
        live = {edge for route in routes for edge in route}
        found = frame.iloc[row]
        assert found["live_edges"] == len(live)
        assert found["live_paths"] == len(routes)
        assert found["depth"] == max((len(route) for route in routes), default=0)
        inner = {node for edge in live for node in NB201.edges[edge]} & {1, 2}
        assert found["live_inner_nodes"] == len(inner)
        assert found["in_degree_3"] == len(live & {3, 4, 5})
        assert found["out_degree_1"] == len(live & {2, 4})
        for size in (1, 2):
            for chosen in combinations(names, size):
                name = "+".join(names[digit] for digit in chosen)
                only = [len(route) for route in routes if all(digits[edge] in chosen for edge in route)]
                assert found[f"shortest_{name}_path"] == min(only, default=4)
                most = max((sum(digits[edge] in chosen for edge in route) for route in routes), default=0)
                assert found[f"most_{name}_on_path"] == most
                assert found[f"live_{name}"] == sum(digits[edge] in chosen for edge in live)
                assert found[f"out_degree_0_{name}"] == sum(digits[edge] in chosen for edge in live & {0, 1, 3})


def test_costs_are_the_formulas() -> None:
    cells = np.arange(0, NB201.n_cells, 31)
    costs = 10 ** CostEncoder(dataset="cifar100").transform(cells)
    np.testing.assert_allclose(costs[:, 0], NB201.params(cells, "cifar100"))
    np.testing.assert_allclose(costs[:, 1], NB201.flops(cells, "cifar100"))


def test_columns() -> None:
    values = np.arange(2.0 * NB201.n_cells).reshape(-1, 2)
    values[7, 1] = np.nan
    encoder = ColumnEncoder(values, names=["synflow", "nwot"])
    np.testing.assert_array_equal(encoder.transform([3, 4]), values[[3, 4]])
    with pytest.raises(MissingValueError, match=r"nwot of cell 7 .*indicator"):
        encoder.transform([6, 7])
    filled = ColumnEncoder(values, names=["synflow", "nwot"], missing="indicator")
    assert filled.get_feature_names_out().tolist() == ["synflow", "nwot", "nwot_unknown"]
    found = filled.transform([6, 7])
    assert found[:, 2].tolist() == [0, 1]
    assert found[1, 1] == np.nanmedian(values[:, 1])
    ranked = ColumnEncoder(np.exp(values[:, 0] / 5000), scale="rank").transform(np.arange(NB201.n_cells))[:, 0]
    assert (np.diff(ranked) > 0).all()
    assert ranked.std() == pytest.approx(1, abs=0.01)
    isomorphs = np.flatnonzero(NB201.canonical(np.arange(NB201.n_cells)) == NB201.canonical(11))
    assert len(np.unique(ColumnEncoder(values[:, 0], canonical=True).transform(isomorphs))) == 1
    for wrong in (values[:5], np.zeros((5, 5, 5))):
        with pytest.raises(SettingError, match="15,625 cells"):
            ColumnEncoder(wrong).transform([0])
    with pytest.raises(SettingError, match="2 columns, but 1"):
        ColumnEncoder(values, names=["one"]).fit()
    with pytest.raises(SettingError, match="missing must be one of error, indicator"):
        ColumnEncoder(values, missing="zero").fit()
    with pytest.raises(SettingError, match="column_1 is unknown for every cell"):
        ColumnEncoder(np.where([True, False], values, np.nan), missing="indicator").fit()


def test_join_and_names() -> None:
    cells = np.arange(20)
    proxies = ColumnEncoder(np.arange(NB201.n_cells), names=["synflow"])
    joined = make_encoder(["one-hot", "graph", proxies])
    expected = [make_encoder("one-hot").transform(cells), make_encoder("graph").transform(cells), cells[:, None]]
    np.testing.assert_array_equal(joined.fit_transform(cells), np.concatenate(expected, axis=1))
    assert joined.get_feature_names_out()[-1] == "columnencoder__synflow"
    np.testing.assert_array_equal(
        make_encoder("one-hot + cost", "tnb101", canonical=True, dataset="cifar100").transform(cells),
        make_encoder(["one-hot", "cost"], "tnb101", canonical=True, dataset="cifar100").transform(cells),
    )
    assert make_encoder(joined) is joined


def test_bad_input() -> None:
    with pytest.raises(UnknownNameError, match=r"'one_hot'.*Did you mean 'one-hot'"):
        make_encoder("one_hot")
    with pytest.raises(UnknownNameError, match="space"):
        make_encoder("one-hot", space="nb101").fit()
    with pytest.raises(SettingError, match="needs values"):
        make_encoder("columns")
    with pytest.raises(SettingError, match=r"no setting 'colour'.*canonical"):
        make_encoder("one-hot", colour=1)
    with pytest.raises(SettingError, match="colour"):
        make_encoder(["one-hot", "graph"], colour=1)
    with pytest.raises(SettingError, match="twice"):
        make_encoder(["one-hot", "one-hot"])
    with pytest.raises(SettingError, match="transformer"):
        make_encoder(3)
    encoder = make_encoder("one-hot", space="tnb101")
    for wrong in ([4096], [1.5], [True], ["|none~0|"], [[1, 2]], [NB201.to_string(0)]):
        with pytest.raises(ArchitectureError):
            encoder.transform(wrong)
