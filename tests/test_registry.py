"""Registries and lazy imports."""

import json
import subprocess
import sys

import pytest

from nasmeta.errors import NasmetaError
from nasmeta.meta import META_PREDICTORS
from nasmeta.registry import STYLES, Registry
from nasmeta.searchers import SEARCHERS


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return done.stdout.strip()


META = ["meta", "meta-nas", "meta-rl", "rgpe", "source-order"]


@pytest.fixture(scope="module")
def in_the_beginning() -> dict[str, list[object]]:
    """Return of each meta-searcher: is it known, before the room is imported; its class; and whether torch was."""
    code = f"""
import json, sys
from nasmeta.searchers import SEARCHERS
known = {{name: [name in SEARCHERS and name in list(SEARCHERS), "nasmeta.meta" in sys.modules] for name in {META}}}
print(json.dumps({{n: [*known[n], SEARCHERS[n].__name__, "torch" in sys.modules] for n in {META}}}))
"""
    found = json.loads(in_a_fresh_process(code))
    return found


@pytest.mark.parametrize("name", META)
def test_a_meta_searcher_is_known_before_its_room_is_imported_and_needs_no_torch(
    in_the_beginning: dict[str, list[object]], name: str
) -> None:
    assert in_the_beginning[name] == [True, False, SEARCHERS[name].__name__, False]


def test_the_message_for_an_unknown_searcher_lists_the_meta_searchers_in_a_fresh_process() -> None:
    code = """
from nasmeta.errors import UnknownNameError
from nasmeta.searchers import SEARCHERS
try:
    SEARCHERS["rgep"]
except UnknownNameError as reason:
    print(reason)
"""
    said = in_a_fresh_process(code)
    assert "Did you mean 'rgpe'?" in said


def test_declared_names_resolve() -> None:
    for registry in (SEARCHERS, META_PREDICTORS):
        assert len(registry) == len(list(registry))
        for name in registry:
            assert registry[registry.name_of(registry[name])] is registry[name]


def test_declared_names_differ_in_style() -> None:
    assert len({*STYLES.values()}) == len(STYLES)


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="rgpe"):
        SEARCHERS.register("rgpe")(SEARCHERS["random"])
    things = Registry("thing")
    things.declare("fraction", "fractions:Fraction")
    assert things.name_of(SEARCHERS) is None
    with pytest.raises(ValueError, match="fraction"):
        things.register("fraction")(SEARCHERS)
    from fractions import Fraction

    assert things.register("fraction")(Fraction) is things["fraction"] is Fraction


def test_a_missing_package_is_named_with_its_extra() -> None:
    things = Registry("thing")
    things.declare("there", "nasmeta_no_such_package.part:Thing", extra="torch")
    with pytest.raises(NasmetaError, match=r"nasmeta_no_such_package.*pip install torch"):
        things["there"]
