"""What every multi-fidelity searcher must do, beside what every searcher must."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.searchers import MultiFidelitySearcher
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.testing._searchers import SearcherContract, made_up_values

__all__ = ["MultiFidelityContract"]


class MultiFidelityContract(SearcherContract):
    """Tests of a multi-fidelity searcher: inherit, say how to make it, and let pytest find the class.

    Examples
    --------
    >>> from nasmeta.searchers import ASHA
    >>> from nasmeta.testing import MultiFidelityContract
    >>> class TestASHA(MultiFidelityContract):
    ...     def make(self, space, rng):
    ...         return ASHA(space, rng)

    The class attribute ``spaces`` says on which spaces, see `SearcherContract`.
    """

    def begun(self, space: SearchSpace, lengths: Sequence[int], seed: int = 0) -> MultiFidelitySearcher:
        """Return a searcher that knows the lengths of training."""
        searcher = self.ready(space, seed)
        assert isinstance(searcher, MultiFidelitySearcher)
        searcher.begin(lengths)
        return searcher

    def trace(self, searcher: MultiFidelitySearcher, n: int, batch: int = 1) -> list[tuple[int, int]]:
        """Ask and tell made-up values, which short trainings see through noise; return (architecture, epochs)."""
        space, found = searcher.space, []
        values, noise = made_up_values(space), np.random.default_rng(1).standard_normal(space.size)
        for _ in range(0, n, batch):
            cells, epochs = searcher.ask_at(batch)
            told: NDArray[np.float64] = values[cells] + noise[cells] / epochs
            searcher.tell_at(cells, epochs, told)
            found += list(zip(cells.tolist(), epochs.tolist(), strict=True))
        return found

    @pytest.mark.parametrize("batch", [1, 4])
    def test_proposes_cells_with_possible_lengths(self, space: SearchSpace, batch: int) -> None:
        """Check dtype, shape and range of both parts of a proposal, and that it uses short and full trainings."""
        searcher = self.begun(space, [12, 50, 200])
        for part in searcher.ask_at(batch):
            assert part.dtype == np.int32
            assert part.shape == (batch,)
        found = self.trace(searcher, 80, batch)
        assert all(0 <= cell < space.size and epochs in (12, 50, 200) for cell, epochs in found)
        assert {12, 200} <= {epochs for _, epochs in found}

    def test_same_generator_gives_the_same_lengths(self, space: SearchSpace) -> None:
        """Check that nothing but generator and answers decides about architectures and epochs."""
        first, second = (self.trace(self.begun(space, [12, 200]), 60) for _ in range(2))
        assert first == second

    def test_waits_for_no_value(self, space: SearchSpace) -> None:
        """Check that it can be asked ahead, and takes values late, in another order, and of what it never proposed."""
        searcher, values = self.begun(space, [12, 200]), made_up_values(space)
        foreign = np.array([5, 6, 7], np.int32) % np.int32(space.size)
        searcher.tell_at(foreign, np.full(3, 200, np.int32), values[foreign])
        waiting = [searcher.ask_at(3) for _ in range(6)]
        for cells, epochs in reversed(waiting):
            searcher.tell_at(cells[::-1].copy(), epochs[::-1].copy(), values[cells[::-1]])
        assert len(self.trace(searcher, 20)) == 20

    def test_lengths_must_ascend(self) -> None:
        """Check that impossible lengths are refused."""
        for lengths in ([], [12, 12], [200, 12]):
            with pytest.raises(SettingError):
                self.begun(get_space(self.spaces[-1]), lengths)
