"""Two spaces of one name that are not the same."""

from __future__ import annotations

import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.spaces import Position, namesakes
from nasmeta.tasks import SourceTask, checked_sources


def test_different_spaces_of_one_name() -> None:
    def made(positions: object = None, **settings: object) -> nm.SearchSpace:
        return nm.SearchSpace(
            "mlp", positions or {"width": [16, 32], "act": ["relu", "tanh"]}, **settings
        )  # type: ignore[arg-type]

    codes = [[0, 0], [1, 1]]
    for one, other in (
        (made(), made({"width": [16, 32], "act": ["relu", "tanh"], "bias": [False, True]})),
        (made(), made({"width": [16, 32], "act": ["relu", "gelu"]})),
        (made([Position("width", (16, 32))]), made([Position("width", (16, 32), ordered=True)])),
        (made(), made(architectures=codes)),
        (made(architectures=codes), made(architectures=codes[::-1])),
        (made(), made(isomorphic=lambda c: c[:, 0])),
    ):
        assert "Both are called mlp" in namesakes(one, other)
        assert namesakes(one, one) == namesakes(one, nm.get_space("nb201")) == ""
        source = SourceTask("mine", "food", other, [0, 1], [1.0, 2.0])
        with pytest.raises(SettingError):
            checked_sources("source-order", [source], one)
