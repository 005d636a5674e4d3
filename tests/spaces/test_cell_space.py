"""Forms of cells, checked over all cells of both spaces and against independent computations."""

import itertools
import pickle
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from nasmeta.errors import ArchitectureError, UnknownNameError
from nasmeta.spaces import CellSpace, get_cell_space, get_space


@pytest.fixture(params=["nb201", "tnb101"])
def space(request: pytest.FixtureRequest) -> CellSpace:
    return get_cell_space(request.param)


def all_architectures(space: CellSpace) -> np.ndarray:
    return np.arange(space.n_architectures, dtype=np.int32)


def test_sizes() -> None:
    nb201, tnb101 = get_space("nb201"), get_space("tnb101")
    assert nb201.neighbour_table.shape == (15_625, 24)
    assert tnb101.neighbour_table.shape == (4_096, 18)
    assert tnb101.operations == nb201.operations[:4]


def test_every_form_leads_back_to_every_cell(space: CellSpace) -> None:
    architectures = all_architectures(space)
    np.testing.assert_array_equal(space.index_of(space.to_string(architectures)), architectures)
    np.testing.assert_array_equal(space.from_codes(space.codes), architectures)
    assert len(set(space.to_string(architectures))) == space.n_architectures


def test_one_cell_gives_what_many_give(space: CellSpace) -> None:
    for architecture in (0, space.n_architectures - 1):
        for form in (space.to_string, space.ops_of, space.neighbours, space.canonical):
            np.testing.assert_array_equal(form(architecture), form([architecture])[0])
        assert isinstance(space.index_of(architecture), int)


def test_official_order_of_nb201() -> None:
    """The lexicographic list of strings, shuffled once with seed 88, built here from scratch."""
    space = get_cell_space("nb201")
    strings = []
    for a, b, c, d, e, f in itertools.product(space.operations, repeat=6):
        strings.append(f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|")
    random.Random(88).shuffle(strings)
    assert space.to_string(all_architectures(space)) == strings
    # Cells that the official per-cell files number 0, 11 and 284.
    assert strings[0].startswith("|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|")
    assert (
        strings[11]
        == "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"
    )
    assert (
        strings[284]
        == "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
    )


def test_order_of_tnb101_is_lexicographic() -> None:
    space = get_cell_space("tnb101")
    np.testing.assert_array_equal(space.digits @ 4 ** np.arange(5, -1, -1), np.arange(4_096))
    assert space.to_string(4_095) == "64-41414-3_33_333"
    assert space.index_of("3_33_333") == 4_095, "the macro prefix may be left out"


def test_neighbours_differ_on_one_edge_and_are_mutual(space: CellSpace) -> None:
    architectures = all_architectures(space)
    neighbours = space.neighbours(architectures)
    edits = (space.digits[neighbours] != space.digits[architectures][:, None, :]).sum(axis=2)
    assert (edits == 1).all()
    assert all(len(set(row)) == neighbours.shape[1] for row in neighbours.tolist())
    for architecture in (0, 7, space.n_architectures - 1):
        assert all(
            architecture in space.neighbours(int(other)) for other in neighbours[architecture]
        )


@pytest.mark.parametrize(
    ("rule", "classes"), [("upstream", 6_466), ("skip", 12_751), ("zero", 5_390)]
)
def test_isomorphism_classes_of_nb201(rule: str, classes: int) -> None:
    space = get_cell_space("nb201")
    representatives = space.canonical(all_architectures(space), rule)
    assert len(np.unique(representatives)) == classes
    np.testing.assert_array_equal(space.canonical(representatives, rule), representatives)
    assert (representatives <= all_architectures(space)).all()
    # files of surrogates refer to these numbers
    assert space.function_classes[[0, 6111, 9930]].tolist() == [
        4767,
        2049,
        2050,
    ]


def _upstream_unique_string(architecture: str) -> str:
    """``Structure.to_unique_str(consider_zero=True)``, written from its description for this test."""
    nodes = ["0"]
    for node in architecture.split("+"):
        terms = []
        for edge in node.strip("|").split("|"):
            operation, source = edge.split("~")
            value = nodes[int(source)]
            if operation == "none" or value == "#":
                terms.append("#")
            elif operation == "skip_connect":
                terms.append(value)
            else:
                terms.append(f"({value})@{operation}")
        nodes.append("+".join(sorted(terms)))
    return nodes[-1]


def test_upstream_rule_against_strings() -> None:
    space = get_cell_space("nb201")
    architectures = all_architectures(space)
    unique = [
        _upstream_unique_string(architecture) for architecture in space.to_string(architectures)
    ]
    first = {text: architecture for architecture, text in reversed(list(enumerate(unique)))}
    np.testing.assert_array_equal(space.canonical(architectures), [first[text] for text in unique])


def test_costs_of_nb201_by_counting_operations() -> None:
    space = get_cell_space("nb201")
    architectures = all_architectures(space)
    ops = space.ops_of(architectures)
    n_1x1, n_3x3 = (ops == "nor_conv_1x1").sum(axis=1), (ops == "nor_conv_3x3").sum(axis=1)
    for dataset, base in (("cifar10", 73_306), ("cifar100", 79_156), ("ImageNet16-120", 80_456)):
        np.testing.assert_array_equal(
            space.params(architectures, dataset), base + 28_000 * n_1x1 + 243_040 * n_3x3
        )
    np.testing.assert_array_equal(
        space.flops(architectures, "cifar10"),
        np.rint(1e6 * (7.78305 + 3.93216 * n_1x1 + 35.38944 * n_3x3)),
    )
    # Recorded in the official files of cells 0, 11 and 284.
    assert [space.flops(c, "imagenet16-120") for c in (0, 11, 284)] == [
        3_919_480,
        28_495_480,
        2_936_440,
    ]
    assert [space.flops(c, "cifar100") for c in (0, 11, 284)] == [
        15_653_220,
        113_957_220,
        11_721_060,
    ]
    assert [space.params(c, "cifar100") for c in (0, 11, 284)] == [135_156, 808_276, 107_156]


@given(st.data())
def test_integers_of_all_kinds_are_accepted(data: st.DataObject) -> None:
    space = get_cell_space("nb201")
    architecture = data.draw(st.integers(0, space.n_architectures - 1))
    kind = data.draw(st.sampled_from([int, np.int16, np.int32, np.int64, np.uint16, np.uint64]))
    assert space.index_of(kind(architecture)) == architecture
    assert space.index_of(np.array([architecture], dtype=kind)).tolist() == [architecture]
    assert space.index_of(np.array(architecture, dtype=kind)) == architecture
    assert space.index_of([kind(architecture), space.to_string(architecture)]).tolist() == [
        architecture,
        architecture,
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        -1,
        15_625,
        np.array([3, -1]),
        1.0,
        True,
        None,
        "|none~0|+|none~0|none~1|+|none~0|none~1|conv_5x5~2|",
        "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|",
        "none~0+|none~0|none~1|+|none~0|none~1|none~2|",
        np.zeros((2, 2), dtype=int),
        {0: 1},
        "|" + "x" * 5000 + "|+|a|b|+|c|d|e|",
    ],
    ids=lambda wrong: type(wrong).__name__,
)
def test_other_objects_are_no_cells(wrong: object) -> None:
    with pytest.raises(ArchitectureError) as caught:
        get_space("nb201").index_of(wrong)  # type: ignore[call-overload]
    assert len(str(caught.value)) < 500


def test_a_column_of_a_data_frame_is_taken_by_rows(space: CellSpace) -> None:
    architectures, index = [7, 3, 5, 0], [2, 0, 3, 1]
    strings = pd.Series(space.to_string(architectures), index=index)
    for column in (
        pd.Series(architectures, index=index),
        strings,
        strings.astype("category"),
        pd.Index(architectures),
    ):
        assert space.index_of(column).tolist() == architectures
        np.testing.assert_array_equal(space.neighbours(column), space.neighbours(architectures))


def test_codes_and_operations_of_no_cell(space: CellSpace) -> None:
    assert space.from_codes(space.codes[[3, 4]].astype(np.uint64)).tolist() == [3, 4]
    with pytest.raises(ArchitectureError):
        space.from_codes([0] * 5 + [space.n_operations])
    for text in ("64-41414-1_02_3334", "1_02_334"):
        with pytest.raises(ArchitectureError):
            get_space("tnb101").index_of(text)


def test_sampling(space: CellSpace) -> None:
    architectures = space.sample(space.n_architectures, np.random.default_rng(0))
    assert sorted(architectures.tolist()) == list(range(space.n_architectures))
    many = space.sample(20_000, np.random.default_rng(0), replace=True)
    expected = 20_000 / space.n_operations
    counts = np.bincount(space.digits[many, 0], minlength=space.n_operations)
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all(), (
        "uniform over operations within 5 sigma"
    )


def test_spaces_by_name() -> None:
    assert get_space("nb201") is get_space("nb201")
    assert pickle.loads(pickle.dumps(get_space("nb201"))) is get_space("nb201")
    for unknown in (
        lambda: get_space("nb-201"),
        lambda: get_space("nb201").canonical(0, "strict"),  # type: ignore[arg-type]
        lambda: get_cell_space("nb201").params(0, "cifar1000"),
        lambda: get_cell_space("tnb101").params(0, "class_scene"),
    ):
        with pytest.raises(UnknownNameError):
            unknown()
