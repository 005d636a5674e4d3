"""The bytes of a meta-model's file: a card and the arrays that were learnt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, check_array as check_array, digest_of
from nasmeta.spaces import SearchSpace, from_content, to_content

KIND = ArchiveKind(
    "nasmeta-meta-model",
    1,
    "meta-model",
    "`nasmeta meta-train NAME --sources FAMILY --leave-out DATASET --out FILE` makes one.",
    largest=2**28,
)
_MOST_LOGARITHM = 50.0  # of a hyperparameter: e^50 squared is still far from overflow


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

    said = {
        "kind": kind,
        "space": space if isinstance(space, str) else to_content(space),
        "settings": dict(settings),
        "sources": list(sources),
        "facts": dict(facts),
    }
    said = json.loads(json.dumps(said))
    card = {"nasmeta": __version__, "sha256": digest_of(said, arrays), **said}
    if training is not None:
        card["training"] = training
    return KIND.encode(card, arrays)


def decode(raw: bytes, path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return card and arrays of the bytes of a file."""
    card, arrays = KIND.decode(raw, path)
    with KIND.blaming(path):
        _check_card(card)
        keys = ("kind", "space", "settings", "sources", "facts")
        if digest_of({key: card[key] for key in keys}, arrays) != card["sha256"]:
            raise ValueError("its content is not what its checksum says")
    return card, arrays


def checked_logarithms(arrays: Mapping[str, NDArray[Any]], length: int) -> NDArray[np.float64]:
    """Return the logarithms of hyperparameters, where they are numbers that a covariance can be made of."""
    logarithms = check_array(arrays, "logarithms", np.float64, (length,))
    if np.abs(logarithms).max(initial=0.0) > _MOST_LOGARITHM:
        raise ValueError(f"logarithms of hyperparameters are beyond {_MOST_LOGARITHM:g}")
    return logarithms


def _check_card(card: Mapping[str, Any]) -> None:
    """Raise where the card lacks what is read of it, or that is of another type."""
    kinds: dict[str, Any] = {
        "kind": str, "space": str | dict, "settings": dict, "sources": list, "facts": dict, "nasmeta": str,
        "sha256": str,
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
            and isinstance(source["metric_kind"], str)
            and isinstance(source["order_sha256"], str)
            for source in card["sources"]
        )
    )
    if not right:
        raise ValueError("its card says something that no meta-model's does")
    from_content(card["space"])
