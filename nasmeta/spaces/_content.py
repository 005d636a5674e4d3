"""Spaces read from their descriptions, in files and pickles."""

from __future__ import annotations

import copyreg
import zlib
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from nasmeta.arrays import Array, Facts
from nasmeta.errors import DamagedFileError
from nasmeta.registry import names_from_file
from nasmeta.spaces._catalog import get_space
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._enumerated_space import EnumeratedSpace
from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._large_space import LargeSpace
from nasmeta.spaces._packed_arrays import digest, unpacked
from nasmeta.spaces._positions import Position
from nasmeta.spaces._search_space import SearchSpace

# one object per content in each process
_known: WeakValueDictionary[str, SearchSpace] = WeakValueDictionary()


def to_content(space: SearchSpace) -> str | dict[str, Any]:
    """Return the name of a registered space, or the whole content of any other space, as JSON types.

    Examples
    --------
    >>> from nasmeta.spaces import get_space, to_content
    >>> to_content(get_space("nb201"))
    'nb201'
    """
    return space.registered_name or space.described()


def from_content(content: str | Facts) -> SearchSpace:
    """Return the space that `to_content` described: in one process always the same object.

    Content may come from a data file, so names resolve as in `names_from_file`.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace, from_content, to_content
    >>> from_content(to_content(SearchSpace("mlp", {"width": [16, 32]})))
    SearchSpace('mlp', 2 architectures, positions: width (2))
    """
    if isinstance(content, str):
        with names_from_file():
            return get_space(content)
    key = digest(content)
    space = _known.get(key)
    if space is None:
        try:
            space = _search_space(content) if "positions" in content else _cell_space(content)
        except (KeyError, TypeError, ValueError, zlib.error) as reason:
            raise DamagedFileError(
                "description of a space", dict(content), "another", f"{reason!r}."
            ) from reason
        _known[key] = space
    return space


def _search_space(content: Facts) -> SearchSpace:
    """Return the space of a description by `SearchSpace.described`."""
    if content.get("large"):
        raise ValueError("functions of a large space are not in a file")
    positions = [
        Position(name, tuple(choices), *rest) for name, choices, *rest in content["positions"]
    ]
    features = {
        name: partial(_constant, CountFeature(unpacked(counts), tuple(columns)))
        for name, counts, columns in content.get("features", ())
    }
    raw_codes = unpacked(content["raw_codes"]) if "raw_codes" in content else None
    classes = content.get("architecture_of_raw", content.get("canonical"))
    space = SearchSpace(
        content["name"],
        positions,
        conditions=content.get("conditions"),
        architectures=raw_codes,
        isomorphic=None if classes is None else lambda _: unpacked(classes),
        merge="architecture_of_raw" in content,
        features=features,
        kernel_features=content.get("kernel_features"),
    )
    space.is_sample = content.get("is_sample", False)
    return space


def _constant(feature: CountFeature, codes: Array) -> CountFeature:
    return feature


def _cell_space(content: Facts) -> CellSpace:
    """Return the space of a description by `CellSpace.described`."""
    order = content.get("official_order")
    return CellSpace(
        content["name"],
        content["operations"],
        official_order=None if order is None else unpacked(order),
        n_nodes=content["n_nodes"],
        edges=[(source, target) for source, target in content["edges"]],
        none=content["none"],
        skip=content["skip"],
        position_names=content.get("position_names"),
    )


def _reduced(space: SearchSpace) -> str | tuple[Any, ...]:
    """Return what a pickle contains: the content, or the functions of a large space, which no content has."""
    if isinstance(space, LargeSpace) and not space.registered_name:
        return space.__reduce__()
    return from_content, (to_content(space),)


# A pickle of a space gives the same object in one process.
for _kind in (EnumeratedSpace, LargeSpace, CellSpace):
    copyreg.pickle(_kind, _reduced)
