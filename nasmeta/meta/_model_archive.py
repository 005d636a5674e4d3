"""The bytes of a meta-model's file: a zip archive of NumPy arrays and a card, nothing that could run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import pack, unpack
from nasmeta.spaces import SPACES, SearchSpace, from_content, get_space, to_content

__all__ = ["LARGEST", "VERSION", "OtherVersion", "checked_array", "checked_logarithms", "decode", "encode", "space_in"]

_FORMAT, VERSION = "nasmeta-meta-model", 1
LARGEST = 2**28  # bytes that a file may unpack to
_MOST_LOGARITHM = 50.0  # of a hyperparameter: e^50 squared is still far from overflow


class OtherVersion(Exception):
    """A file of another version of the format."""


def encode(
    kind: str,
    space: str | SearchSpace,
    settings: Mapping[str, Any],
    sources: Iterable[Mapping[str, Any]],
    arrays: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    training: str | None = None,
) -> bytes:
    """Return the bytes of a file; the same content gives the same bytes.

    What `training` says is no part of the content's checksum: it is not what was learnt, but from what.
    """
    from nasmeta import __version__

    name = space if isinstance(space, str) else space.name
    said = {"kind": kind, "space": name, "settings": dict(settings), "sources": list(sources), "facts": dict(facts)}
    if not isinstance(space, str) and "registered" not in (content := to_content(space)):
        said["space_content"] = content
    said = json.loads(json.dumps(said))
    card = {"format": _FORMAT, "version": VERSION, "nasmeta": __version__, "sha256": _digest(said, arrays), **said}
    if training is not None:
        card["training"] = training
    parts = {"card": np.frombuffer(json.dumps(card, indent=1).encode(), dtype=np.uint8), **arrays}
    return pack(parts)


def decode(raw: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return card and arrays of the bytes of a file.

    Raises
    ------
    OtherVersion
    Exception
        Of whatever kind, where the bytes are no such file.
    """
    arrays = unpack(raw, LARGEST)
    card = json.loads(arrays.pop("card").tobytes())
    if card.pop("format") != _FORMAT:
        raise ValueError("its card names another format")
    if (version := card.pop("version")) != VERSION:
        raise OtherVersion(f"version {version!r:.20} of the format (written by nasmeta {card.get('nasmeta')!s:.20})")
    _check_card(card)
    said = {key: card[key] for key in ("kind", "space", "settings", "sources", "facts", "space_content") if key in card}
    if _digest(said, arrays) != card["sha256"]:
        raise ValueError("its content is not what its checksum says")
    return card, arrays


def checked_array(
    arrays: Mapping[str, NDArray[Any]], name: str, kind: Any, shape: tuple[int | None, ...], finite: bool = True
) -> NDArray[Any]:
    """Return an array of a file where it is of this type and shape (None: any length); else a ValueError."""
    array = arrays[name]
    fits = len(shape) == array.ndim and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype != kind or not fits:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, not {np.dtype(kind)} of shape {shape}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array


def checked_logarithms(arrays: Mapping[str, NDArray[Any]], length: int) -> NDArray[np.float64]:
    """Return the logarithms of hyperparameters, where they are numbers that a covariance can be made of."""
    logarithms = checked_array(arrays, "logarithms", np.float64, (length,))
    if np.abs(logarithms).max(initial=0.0) > _MOST_LOGARITHM:
        raise ValueError(f"logarithms of hyperparameters are beyond {_MOST_LOGARITHM:g}")
    return logarithms


def space_in(card: Mapping[str, Any]) -> SearchSpace:
    """Return the space that a card is for: a registered one by its name, any other by its content."""
    return from_content(card["space_content"]) if "space_content" in card else get_space(card["space"])


def _digest(said: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _check_card(card: Mapping[str, Any]) -> None:
    """Raise where the card lacks what is read of it, or that is of another type."""
    kinds: dict[str, type] = {
        "kind": str, "space": str, "settings": dict, "sources": list, "facts": dict, "nasmeta": str, "sha256": str
    }  # fmt: skip
    # Without a source it would pass as honest on every target.
    right = (
        all(isinstance(card[key], kind) for key, kind in kinds.items())
        and card["sources"]
        and all(
            isinstance(source["name"], str)
            and type(source["labels"]) is int
            and source["labels"] >= 0
            and isinstance(source["held_out"], list)
            and all(isinstance(name, str) for name in source["held_out"])
            and isinstance(source.get("metric_kind", ""), str)
            and isinstance(source.get("order_sha256", ""), str)
            for source in card["sources"]
        )
    )
    if not right:
        raise ValueError("its card says something that no meta-model's does")
    if "space_content" in card:
        space_in(card)
    elif card["space"] not in SPACES:
        raise ValueError(f"it is for the space {card['space']!r:.40}, which is none of {', '.join(SPACES)}")
