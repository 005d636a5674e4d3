"""What sources say: groups, roles, completion, and that a group is left out."""

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.meta import SourceMatrix
from nasmeta.tasks import SourceTask, normal_scores
from nasmeta.testing import made_up_values

SPACE = nm.get_space("tnb101")


def source(
    name: str, held_out: tuple[str, ...], values: np.ndarray, labels: int | None = None
) -> SourceTask:
    architectures = np.arange(SPACE.n_architectures, dtype=np.int32)
    if labels is not None:
        architectures = np.sort(SPACE.sample(labels, np.random.default_rng(0)))
    return SourceTask(name, held_out[0], SPACE, architectures, values[architectures], held_out)


VALUES = made_up_values(SPACE)


def test_what_shares_something_is_a_group() -> None:
    names = [("a", "phone"), ("b",), ("c", "phone"), ("B",), ("c",)]
    sources = [source(f"{i}", held_out, VALUES) for i, held_out in enumerate(names)]
    assert SourceMatrix.of(SPACE, sources).groups == (0, 1, 0, 1, 0)


def test_roles_and_means_without_a_group() -> None:
    sources = [
        source("f/a", ("a",), VALUES), source("f/b", ("b",), -VALUES), source("f/c", ("c",), VALUES),
        source("f/a@12ep", ("a",), VALUES),
    ]  # fmt: skip
    matrix = SourceMatrix.of(SPACE, sources)
    assert (matrix.groups, matrix.roles) == ((0, 1, 2, 0), (0, 0, 0, 1))
    means = matrix.role_means(without=(1,))
    assert np.corrcoef(means[0], VALUES)[0, 1] > 0.5
    np.testing.assert_allclose(
        matrix.role_means(without=(0,))[1], matrix.role_means(without=(0,))[0]
    )
    assert np.ptp(matrix.role_means(without=(0, 1, 2))) == 0
    # the other two sources are equal
    np.testing.assert_allclose(matrix.spread(without=(1,)), 0, atol=1e-6)
    assert matrix.spread().mean() > 0.1
    assert not matrix.spread(without=(0, 1, 2)).any()


def test_missing_cells_are_predicted_and_precise_labels_kept() -> None:
    classes = SPACE.canonical(np.arange(SPACE.n_architectures, dtype=np.int32), rule="zero")
    smooth = VALUES[classes]
    few = source("f/a", ("a",), smooth, labels=400)
    matrix = SourceMatrix.of(SPACE, [few, source("f/b", ("b",), smooth)])
    assert np.corrcoef(matrix.scores[0], normal_scores(smooth))[0, 1] > 0.8
    np.testing.assert_allclose(matrix.scores[1], normal_scores(smooth), atol=1e-5)


@pytest.mark.parametrize(("gap", "kept"), [(0.0, True), (2.0, False)])
def test_forty_pairs_of_copies_decide_whether_labels_are_noisy(gap: float, kept: bool) -> None:
    classes = SPACE.canonical(np.arange(SPACE.size, dtype=np.int32), rule="zero")
    sizes, rng = np.bincount(classes)[classes], np.random.default_rng(0)
    alone, pairs = np.flatnonzero(sizes == 1), rng.permutation(np.unique(classes[sizes > 1]))[:40]
    second = [np.flatnonzero(classes == pair)[1] for pair in pairs]
    architectures = np.sort(np.r_[alone, pairs, second])
    labels = SPACE.feature("operations").counts[classes[architectures]] @ np.arange(4.0)
    labels += gap * np.isin(architectures, second)
    matrix = SourceMatrix.of(SPACE, [SourceTask("f/a", "a", SPACE, architectures, labels)])
    assert (
        len(np.unique(matrix.scores[0, alone].round(4))) < 20
    ) == kept  # there are 16 different labels
