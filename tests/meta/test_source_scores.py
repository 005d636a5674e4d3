"""What sources say: groups, roles, completion, and that a group is left out."""

import numpy as np

import nasmeta as nm
from nasmeta.meta import SourceMatrix
from nasmeta.tasks import SourceTask, normal_scores
from nasmeta.testing import made_up_values

SPACE = nm.get_space("tnb101")


def source(name: str, held_out: tuple[str, ...], values: np.ndarray, labels: int | None = None) -> SourceTask:
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
    assert (matrix.groups, matrix.roles, matrix.scale) == ((0, 1, 2, 0), (0, 0, 0, 1), "rank")
    means = matrix.role_means(without=(1,))
    assert np.corrcoef(means[0], VALUES)[0, 1] > 0.5
    np.testing.assert_allclose(matrix.role_means(without=(0,))[1], matrix.role_means(without=(0,))[0])
    assert np.ptp(matrix.role_means(without=(0, 1, 2))) == 0
    assert len(matrix.contrasts(without=(1,))) == 2
    assert len(matrix.contrasts(without=(0, 1))) == 0


def test_missing_cells_are_predicted_and_precise_labels_kept() -> None:
    classes = SPACE.canonical(np.arange(SPACE.n_architectures, dtype=np.int32), rule="zero")
    smooth = VALUES[classes]
    few = source("f/a", ("a",), smooth, labels=400)
    matrix = SourceMatrix.of(SPACE, [few, source("f/b", ("b",), smooth)])
    assert np.corrcoef(matrix.scores[0], normal_scores(smooth))[0, 1] > 0.8
    np.testing.assert_allclose(matrix.scores[1], normal_scores(smooth), atol=1e-5)


def test_each_source_without_a_group() -> None:
    """Rows of a group that is left out are 0; others deviate from the mean of those that are left."""
    precise = VALUES[SPACE.canonical(np.arange(SPACE.n_architectures, dtype=np.int32), rule="zero")]
    sources = [
        source("f/a", ("a",), precise), source("f/b", ("b",), -precise), source("f/c", ("c",), precise**2),
        source("f/a/train", ("a",), precise**3),
    ]  # fmt: skip
    matrix = SourceMatrix.of(SPACE, sources)
    deviations, own = matrix.each(without=(1,)).reshape(2, 4, -1)
    assert not deviations[1].any()
    assert not own[1].any()
    np.testing.assert_allclose(own[[0, 2, 3]] * np.sqrt(3), matrix.scores[[0, 2, 3]], atol=1e-5)
    np.testing.assert_allclose(deviations[0], -deviations[2], atol=1e-5)
    np.testing.assert_allclose(deviations[3], 0, atol=1e-5)
    without, never = matrix.each(without=(1,)), SourceMatrix.of(SPACE, [sources[0], *sources[2:]]).each()
    np.testing.assert_allclose(without[without.any(axis=1)], never[never.any(axis=1)], atol=1e-5)


def test_the_unit_keeps_gaps_between_labels() -> None:
    smooth = VALUES[SPACE.canonical(np.arange(SPACE.n_architectures, dtype=np.int32), rule="zero")]
    unit = SourceMatrix.of(SPACE, [source("f/a", ("a",), 100 * smooth + 7)], "unit")
    np.testing.assert_allclose(unit.scores[0], (smooth - smooth.mean()) / smooth.std(), atol=1e-5)
