"""A space as plain content: what is pickled, stored beside a table, and compared between processes."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._positions import Position

if TYPE_CHECKING:
    from nasmeta.spaces._search_space import SearchSpace

__all__ = ["digest", "from_content", "packed", "to_content", "unpacked"]

_known: WeakValueDictionary[str, SearchSpace] = WeakValueDictionary()  # one object a content in each process


def to_content(space: SearchSpace) -> dict[str, Any]:
    """Return a space as what JSON knows; a registered one is its name and digest.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> sorted(to_content(get_space("nb201")))
    ['registered']
    """
    from nasmeta.spaces._catalog import registered_name

    name = registered_name(space)
    return _described(space, features=True) if name is None else {"registered": name}


def from_content(content: Mapping[str, Any]) -> SearchSpace:
    """Return the space that `to_content` described: in one process always the same object.

    Raises
    ------
    DamagedFileError
        Where it is no such content.
    UnknownNameError
        Where a registered space is not known here.
    """
    from nasmeta.spaces._catalog import get_space

    if "registered" in content:
        return get_space(content["registered"])
    key = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    found = _known.get(key)
    if found is None:
        try:
            found = _known[key] = _built(content)
        except (KeyError, TypeError, ValueError, zlib.error) as reason:
            raise DamagedFileError(f"This is no description of a space: {type(reason).__name__}: {reason}") from reason
    return found


def digest(space: SearchSpace) -> str:
    """Return the checksum of positions, architectures and isomorphism."""
    return sha256(json.dumps(_described(space, features=False), sort_keys=True).encode()).hexdigest()


def _described(space: SearchSpace, *, features: bool) -> dict[str, Any]:
    from nasmeta.spaces._cell_space import CellSpace

    described: dict[str, Any] = {"name": space.name}
    if isinstance(space, CellSpace):
        return described | space.described()
    described["positions"] = [[p.name, list(p.choices), p.ordered] for p in space.positions]
    ranks = space.raw_codes.astype(np.int64) @ space.place_values
    if len(ranks) < space.n_combinations or not np.array_equal(ranks, np.arange(len(ranks))):
        described["raw_codes"] = packed(space.raw_codes)
    if space.architecture_of_raw is not None:
        described["architecture_of_raw"] = packed(space.architecture_of_raw)
    canonical = space.canonical(np.arange(space.size, dtype=np.int32))
    if not np.array_equal(canonical, np.arange(space.size)):
        described["canonical"] = packed(np.asarray(canonical))
    if features:
        more = {name: space.feature(name) for name in space._more_features}
        described["features"] = [[name, packed(f.counts), list(f.names)] for name, f in more.items()]
        described["kernel_features"] = list(space.kernel_features)
    return described


def _built(content: Mapping[str, Any]) -> SearchSpace:
    from nasmeta.spaces._cell_space import CellSpace
    from nasmeta.spaces._search_space import SearchSpace

    if "operations" in content:
        return CellSpace.from_described(content)
    positions = [Position(name, tuple(choices), ordered) for name, choices, ordered in content["positions"]]
    features = {
        name: partial(_given, CountFeature(unpacked(counts), tuple(names)))
        for name, counts, names in content.get("features", ())
    }
    space = SearchSpace(
        content["name"],
        positions,
        architectures=unpacked(content["raw_codes"]) if "raw_codes" in content else None,
        features=features,
        kernel_features=content.get("kernel_features"),
    )
    if "architecture_of_raw" in content:
        own = unpacked(content["architecture_of_raw"])
        first = np.unique(own, return_index=True)[1]
        space.codes, space.architecture_of_raw = space.raw_codes[first], own
        space._finish()
    if "canonical" in content:
        space._canonical = unpacked(content["canonical"])
    return space


def _given(feature: CountFeature, space: SearchSpace) -> CountFeature:
    return feature


def packed(array: NDArray[Any]) -> list[Any]:
    raw = zlib.compress(np.ascontiguousarray(array).tobytes(), 6)
    return [array.dtype.str, list(array.shape), base64.b64encode(raw).decode("ascii")]


def unpacked(packed: list[Any]) -> NDArray[Any]:
    kind, shape, text = packed
    if np.dtype(kind).kind not in "iub":
        raise ValueError(f"an array of {kind}")
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"an array of {len(raw)} bytes, not {size}")
    return np.frombuffer(raw, dtype=kind).reshape(shape)
