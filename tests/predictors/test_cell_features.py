"""Features against a slow, separate computation on the cells' paths."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from nasmeta.spaces import CellSpace, get_space


def live_paths(space: CellSpace, cell: int) -> Counter[tuple[str, ...]]:
    """Walk all paths from node 0 to node 3."""
    operation = dict(zip(space.edges, space.ops_of(cell).tolist(), strict=True))
    found: Counter[tuple[str, ...]] = Counter()
    for nodes in ((0, 3), (0, 1, 3), (0, 2, 3), (0, 1, 2, 3)):
        names = [operation[edge] for edge in pairwise(nodes)]
        if "none" not in names:
            found[tuple(name for name in names if name != "skip_connect")] += 1
    return found


@pytest.mark.parametrize(("name", "n_sequences"), [("nb201", 40), ("tnb101", 15)])
def test_live_paths_tell_cells_apart_as_the_walk_does(name: str, n_sequences: int) -> None:
    space = get_space(name)
    counts = space.feature("paths").counts
    assert counts.shape == (space.n_cells, n_sequences)
    by_walk = [frozenset(live_paths(space, cell).items()) for cell in range(space.n_cells)]
    by_counts = [row.tobytes() for row in counts]
    assert len(set(by_walk)) == len(set(by_counts)) == len(set(zip(by_walk, by_counts, strict=True)))
    np.testing.assert_array_equal(counts.sum(axis=1), [sum(n for _, n in paths) for paths in by_walk])


def test_counts_and_one_hot() -> None:
    space = get_space("nb201")
    one_hot = space.feature("edges").counts.reshape(space.n_cells, 6, 5)
    np.testing.assert_array_equal(one_hot.argmax(axis=2), space.digits)
    assert (one_hot.sum(axis=2) == 1).all()
    np.testing.assert_array_equal(space.feature("operations").counts, one_hot.sum(axis=1))
