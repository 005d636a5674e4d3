"""Which cells compute one function, against a plain recursive rule; and the features of the classes."""

import numpy as np
import pytest

from nasmeta.spaces import CellSpace, get_space
from nasmeta.surrogates import class_features


def flat_sums(space: CellSpace) -> list[str]:
    """Write what each cell computes as nested tuples of sorted terms."""
    written = []
    for row in space.digits.tolist():
        terms = {0: ("input",), 1: (), 2: (), 3: ()}
        for (source, target), digit in zip(space.edges, row, strict=True):
            if digit == 1:
                terms[target] += terms[source]
            elif digit > 1 and terms[source]:
                terms[target] += ((digit, tuple(sorted(terms[source], key=repr))),)
        written.append(repr(sorted(terms[3], key=repr)))
    return written


@pytest.mark.parametrize("name", ["nb201", "tnb101"])
def test_classes_are_those_of_the_plain_rule(name: str) -> None:
    space = get_space(name)
    classes = space.function_classes
    _, expected = np.unique(flat_sums(space), return_inverse=True)
    assert (
        len(set(zip(classes.tolist(), expected.tolist(), strict=True)))
        == classes.max() + 1
        == expected.max() + 1
    )


@pytest.mark.parametrize("name", ["nb201", "tnb101"])
def test_classes_never_divide_isomorphs(name: str) -> None:
    space = get_space(name)
    architectures = np.arange(space.n_architectures)
    for rule in ("upstream", "zero"):
        representatives = space.canonical(architectures, rule)  # type: ignore[arg-type]
        np.testing.assert_array_equal(
            space.function_classes[representatives], space.function_classes
        )


def test_a_cell_that_passes_the_input_on() -> None:
    space = get_space("nb201")
    number = space.function_classes[space.from_codes([0, 0, 0, 1, 0, 0])]
    edges, paths, operations, shape = (part[number] for part in class_features(space))
    assert np.count_nonzero(edges) == 6  # five times none, one skip
    assert np.count_nonzero(paths) == np.count_nonzero(operations) == 1
    assert shape[-1] > 0  # one identity path
