"""The weights that come with the package, what they have seen, and which of them know nothing of a target's family."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, digest_of
from nasmeta.errors import LeakageError, SettingError, UnknownNameError, shown
from nasmeta.files import shipped, write_atomically
from nasmeta.spaces import SearchSpace, held_out_name

KIND = ArchiveKind(
    "nasmeta-in-context",
    1,
    "file of in-context weights",
    "`python reports/meta/in_context_train.py` makes them.",
    largest=2**24,
)
_SAID = {"families": list, "spaces": list, "seen": list, "steps": int, "seed": int, "sha256": str}


class Weights(NamedTuple):
    """Weights of the transformer as half floats, and a card: families, spaces, and datasets and devices (seen)."""

    arrays: Mapping[str, NDArray[Any]]
    card: dict[str, Any]

    def seen_of(self, space: SearchSpace, names: Iterable[str]) -> list[str]:
        """Return what of a space and some datasets and devices they were trained on."""
        known = set(map(held_out_name, self.card["seen"]))
        of_space = [f"the space {space.name}"] if space.name in self.card["spaces"] else []
        return of_space + sorted(known.intersection(map(held_out_name, names)))


def shipped_weights() -> dict[str, Path]:
    """Return the files that come with the package, by name."""
    return {path.stem: path for path in sorted(shipped("in_context").glob("*.npz"))}


def save_weights(path: Path, arrays: Mapping[str, NDArray[Any]], card: Mapping[str, Any]) -> Path:
    """Write weights as half floats; the same content gives the same bytes."""
    halves = {name: np.asarray(array, np.float16) for name, array in arrays.items()}
    write_atomically(path, KIND.encode({**card, "sha256": digest_of(card, halves)}, halves))
    return path


def read_weights(path: Path) -> Weights:
    """Read a file that `save_weights` wrote, or raise a DamagedFileError; what did not change is read once."""
    about = path.stat() if path.is_file() else None
    return _read(path.resolve(), *((about.st_mtime_ns, about.st_size) if about else ()))


@lru_cache(maxsize=16)
def _read(path: Path, *_: int) -> Weights:
    """Read a file, whose time and size are named so that another one is no old acquaintance."""
    card, arrays = KIND.decode(KIND.read(path), path)
    with KIND.blaming(path):
        return checked_weights(arrays, card)


def checked_weights(arrays: Mapping[str, NDArray[Any]], card: Any) -> Weights:
    """Return weights whose card and checksum are right, or raise."""
    if not all(isinstance(card[key], kind) for key, kind in _SAID.items()):
        raise ValueError("its card says something that no weights' does")
    if digest_of({key: value for key, value in card.items() if key != "sha256"}, arrays) != card["sha256"]:
        raise ValueError("its content is not what its checksum says")
    return Weights(arrays, dict(card))


def chosen_weights(which: str | os.PathLike[str], space: SearchSpace, names: Iterable[str]) -> Weights:
    """Return weights that have seen neither the space nor any of some datasets and devices, those of the sources.

    Where one of these was seen, so may be a target of their family: weights that are named are refused then, and
    ``"auto"`` takes of the shipped ones that have not the one with the most families.
    """
    there, names = shipped_weights(), tuple(names)
    if which != "auto":
        if not isinstance(which, str | os.PathLike):
            raise SettingError(f'weights must be "auto", a name or a file, not {shown(which)}.')
        path = there.get(os.fspath(which), Path(which))
        if path.suffix != ".npz":
            raise UnknownNameError.of("file of in-context weights", which, ["auto", *there])
        weights = read_weights(path)
        if seen := weights.seen_of(space, names):
            raise LeakageError(
                f"The weights {path.stem} were trained on {', '.join(seen)}, so they may have seen the target. "
                f'Possible: weights="auto", which takes those that have not, or one of {", ".join(there)}.'
            )
        return weights
    honest = [weights for weights in map(read_weights, there.values()) if not weights.seen_of(space, names)]
    if honest:
        return max(honest, key=lambda weights: len(weights.card["families"]))
    said = f"All weights that are shipped ({', '.join(there) or 'none'}) were trained on {space.name} or on one of "
    raise SettingError(f"{said}{', '.join(names)}. {KIND.hint}")
