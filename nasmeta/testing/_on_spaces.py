"""What the contracts of everything that is made for a space share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import pytest

from nasmeta.spaces import SearchSpace, get_space
from nasmeta.threads import one_thread

__all__ = ["OnSpaces"]


class OnSpaces:
    """Run each test that asks for a ``space`` on all ``spaces`` of the class, on one thread."""

    spaces: ClassVar[Sequence[str | SearchSpace]] = ("nb201", "tnb101")

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        with one_thread():  # as every run of the package has it
            yield

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test of a space on all of them, unless a class overrides the fixture `space`."""
        own = next(kind for kind in type(self).__mro__ if "space" in vars(kind))
        if "space" in metafunc.fixturenames and own is OnSpaces:
            spaces = [get_space(space) for space in self.spaces]
            metafunc.parametrize("space", spaces, ids=[space.name for space in spaces], indirect=True)

    @pytest.fixture
    def space(self, request: pytest.FixtureRequest) -> SearchSpace:
        """Return each of the spaces."""
        found: SearchSpace = request.param
        return found
