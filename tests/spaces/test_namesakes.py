"""Two spaces of one name that are not the same."""

from __future__ import annotations

import re

import pytest

import nasmeta as nm
from nasmeta.errors import SettingError
from nasmeta.spaces import Position, namesakes
from nasmeta.tasks import SourceTask, checked_sources


def test_spaces_of_one_name_say_what_differs() -> None:
    def made(positions: object = None, **settings: object) -> nm.SearchSpace:
        return nm.SearchSpace("mlp", positions or {"width": [16, 32], "act": ["relu", "tanh"]}, **settings)  # type: ignore[arg-type]

    codes = [[0, 0], [1, 1]]
    for one, other, told in (
        (
            made(),
            made({"width": [16, 32], "act": ["relu", "tanh"], "bias": [False, True]}),
            "positions are width, act in",
        ),
        (
            made(),
            made({"width": [16, 32], "act": ["relu", "gelu"]}),
            r"act are \('relu', 'tanh'\) in one, \('relu', 'ge",
        ),
        (
            made([Position("width", (16, 32))]),
            made([Position("width", (16, 32), ordered=True)]),
            "width are ordered in one, and not",
        ),
        (made(), made(architectures=codes), "one has 4 architectures, the other 2"),
        (made(architectures=codes), made(architectures=codes[::-1]), "other ones, or in another order"),
        (made(), made(isomorphic=lambda c: c[:, 0]), "which architectures are isomorphic differ"),
    ):
        assert re.search(rf" Both are called mlp, .*{told}.*or give one another name\.$", namesakes(one, other))
        assert namesakes(one, one) == namesakes(one, nm.get_space("nb201")) == ""
        source = SourceTask("mine", "food", other, [0, 1], [1.0, 2.0])
        with pytest.raises(SettingError, match="Both are called mlp, but are not the same"):
            checked_sources("source-order", [source], one)
