"""The spaces on which contracts run."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest

from nasmeta.spaces import SearchSpace, get_space
from nasmeta.threads import one_thread


@contextmanager
def generators_left_alone() -> Iterator[None]:
    """Check that the global generators of numpy and Python are neither used nor seeded inside."""
    python_state = random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002
    yield
    assert random.getstate() == python_state
    np.testing.assert_equal(np.random.get_state(), numpy_state)  # noqa: NPY002


class OnSpaces:
    """Run each test with the argument ``space`` on all ``spaces`` of the class, on one thread."""

    spaces: ClassVar[Sequence[str | SearchSpace]] = ("nb201", "tnb101")

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        with one_thread():  # as in every run
            yield

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrize tests over the spaces, unless a class overrides the fixture `space`."""
        owner = next(kind for kind in type(self).__mro__ if "space" in vars(kind))
        if "space" in metafunc.fixturenames and owner is OnSpaces:
            spaces = [get_space(space) for space in self.spaces]
            names = [space.name for space in spaces]
            metafunc.parametrize("space", spaces, ids=names, indirect=True)

    @pytest.fixture
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        """Return each of the spaces."""
        requested: SearchSpace = request.param
        return requested
