"""The file of a meta-model: a zip archive of NumPy arrays and a card, nothing that could run."""

from __future__ import annotations

import inspect
import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, NasmetaError, SettingError
from nasmeta.files import write_atomically
from nasmeta.meta._registry import META_PREDICTORS
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import get_space

__all__ = ["SavedMetaModel", "checked_array", "read_meta_model", "save_meta_model", "training_settings"]

_FORMAT, _VERSION = "nasmeta-meta-model", 1
_LARGEST = 2**28  # bytes that a file may unpack to
_HINT = "`nasmeta meta-train NAME --sources FAMILY --leave-out DATASET --out FILE` makes one."


@dataclass(frozen=True)
class SavedMetaModel:
    """A meta-model in a file, and its card.

    Attributes
    ----------
    path : Path
    card : dict
        ``kind`` (the registered name), ``space``, ``settings`` of the meta-training, ``sources`` (of each its name,
        number of labels and what it held out), ``facts`` of the learner's own, ``nasmeta`` (version), ``sha256``.
    arrays : dict of str to ndarray
    """

    path: Path
    card: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    @property
    def kind(self) -> str:
        """The registered name of the learner."""
        return str(self.card["kind"])

    @property
    def sha256(self) -> str:
        """Of the arrays and of what the card says of them."""
        return str(self.card["sha256"])

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the tasks that it has learnt from."""
        return tuple(source["name"] for source in self.card["sources"])

    @property
    def held_out(self) -> tuple[str, ...]:
        """Datasets and devices that it has seen: with a target on one of these its success is no honest test."""
        return tuple(dict.fromkeys(name for source in self.card["sources"] for name in source["held_out"]))

    def restore(self, learner: Any) -> Any:
        """Give what was learnt to a learner of the same kind, space and settings, and return it.

        Raises
        ------
        SettingError
            Where the learner is of another kind, space or setting.
        DamagedFileError
            Where the arrays are not those of this kind.
        """
        kind, space = kind_of(learner), _space_of(learner)
        if kind != self.kind:
            raise SettingError(f"{self.path} holds a model of {self.kind}, but the learner is {kind}.")
        if space != self.card["space"]:
            raise SettingError(f"{self.path} is for the space {self.card['space']}, but the learner's is {space}.")
        for name, value in training_settings(learner).items():
            if name in self.card["settings"] and self.card["settings"][name] != value:
                raise SettingError(
                    f"{self.path} was meta-trained with {name}={self.card['settings'][name]!r:.80}, not {value!r:.80}: "
                    "leave the setting out, or meta-train anew."
                )
        try:
            learner.meta_model_ = learner._unpack(self.arrays, self.card["facts"])
        except NasmetaError:
            raise
        except Exception as reason:  # whatever a learner makes of altered content
            raise DamagedFileError(
                f"{self.path} is damaged: {type(reason).__name__}: {reason!s:.120}. {_HINT}"
            ) from reason
        learner.meta_sources_ = tuple(self.card["sources"])
        return learner

    def searcher(self, rng: np.random.Generator, **settings: Any) -> Any:
        """Return a new searcher that has learnt what the file holds; settings are those of the search."""
        made = SEARCHERS[self.kind](get_space(self.card["space"]), rng, **{**self.card["settings"], **settings})
        return self.restore(made)

    def predictor(self, **settings: Any) -> Any:
        """Return a meta-predictor that has learnt what the file holds: ``fit(cells, y)`` adapts it."""
        made = META_PREDICTORS[self.kind](space=self.card["space"], **{**self.card["settings"], **settings})
        return self.restore(made)


def save_meta_model(path: str | os.PathLike[str], learner: Any) -> Path:
    """Write what a meta-searcher or meta-predictor has learnt on its sources into one file.

    Parameters
    ----------
    path : str or path-like
    learner : MetaSearcher or meta-predictor
        After ``meta_fit``. A class of your own has to be registered, and to have ``_pack() -> (arrays, facts)``
        and ``_unpack(arrays, facts) -> meta_model_``.

    Returns
    -------
    Path

    Raises
    ------
    SettingError
        Where it has learnt nothing yet, or cannot be kept in a file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta import SourceOrder, load_meta_model, save_meta_model
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> order = SourceOrder(nm.get_space("nb201"), np.random.default_rng(0)).meta_fit(source)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = load_meta_model(save_meta_model(f"{folder}/order.npz", order))
    >>> saved.kind, saved.sources
    ('source-order', ('nb201/cifar10', 'nb201/imagenet16-120'))
    >>> bool((saved.searcher(np.random.default_rng(0)).ask(5) == order.ask(5)).all())
    True
    """
    if learner.meta_model_ is None:
        raise SettingError(f"{type(learner).__name__} has learnt from no source yet: call meta_fit(tasks) first.")
    arrays, facts = learner._pack()
    path = Path(path)
    content = encode(
        kind_of(learner), _space_of(learner), training_settings(learner), learner.meta_sources_, arrays, facts
    )
    write_atomically(path, content)
    return path


def encode(
    kind: str,
    space: str,
    settings: Mapping[str, Any],
    sources: Iterable[Mapping[str, Any]],
    arrays: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
) -> bytes:
    """Return the bytes of a file; the same content gives the same bytes."""
    from nasmeta import __version__

    said = {"kind": kind, "space": space, "settings": dict(settings), "sources": list(sources), "facts": dict(facts)}
    said = json.loads(json.dumps(said))
    card = {"format": _FORMAT, "version": _VERSION, "nasmeta": __version__, "sha256": _digest(said, arrays), **said}
    parts = {"card": np.frombuffer(json.dumps(card, indent=1).encode(), dtype=np.uint8), **arrays}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in parts.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy")  # with a fixed date
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def read_meta_model(path: Path) -> SavedMetaModel:
    """Read a file that `save_meta_model` wrote.

    Raises
    ------
    DamagedFileError
        Where it is none, is damaged, or has another version of the format.
    """
    try:
        raw = path.read_bytes()
    except OSError as reason:
        raise DamagedFileError(
            f"There is no meta-model to read at {path}: {reason.strerror or reason}. {_HINT}"
        ) from None
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _LARGEST:
                raise ValueError(f"it would unpack to more than {_LARGEST:,} bytes")
            arrays = {info.filename.removesuffix(".npy"): _array(archive.read(info)) for info in archive.infolist()}
        card = json.loads(arrays.pop("card").tobytes())
        if card.pop("format") != _FORMAT:
            raise ValueError("its card names another format")
        if (version := card.pop("version")) != _VERSION:
            raise DamagedFileError(
                f"{path} has version {version!r:.20} of the format (written by nasmeta {card.get('nasmeta')!s:.20}), "
                f"but this nasmeta reads version {_VERSION}. {_HINT}"
            )
        _check_card(card)
        said = {key: card[key] for key in ("kind", "space", "settings", "sources", "facts")}
        if _digest(said, arrays) != card["sha256"]:
            raise ValueError("its content is not what its checksum says")
    except DamagedFileError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile, LookupError,
            NotImplementedError, RuntimeError, MemoryError, OverflowError, zlib.error) as reason:  # fmt: skip
        raise DamagedFileError(
            f"{path} is no meta-model, or it is damaged ({type(reason).__name__}: {reason!s:.80}). {_HINT}"
        ) from reason
    return SavedMetaModel(path, card, arrays)


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


def kind_of(learner: Any) -> str:
    """Return the name under which the class of a learner is registered."""
    name = next((name for name, entry in SEARCHERS.items() if entry is type(learner)), None)
    name = name or META_PREDICTORS.name_of(type(learner))
    if name is not None:
        return name
    raise SettingError(f"{type(learner).__name__} is not registered, so a file could not name it.")


def _space_of(learner: Any) -> str:
    return learner.space if isinstance(learner.space, str) else str(learner.space.name)


def training_settings(learner: Any) -> dict[str, Any]:
    """Return the settings that meta-training depends on, as JSON has them."""
    names = [
        parameter.name
        for parameter in inspect.signature(type(learner)).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in ("space", *learner.search_settings)
    ]
    found: dict[str, Any] = json.loads(json.dumps({name: getattr(learner, name) for name in names}))
    return found


def _digest(said: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = sha256(json.dumps(said, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _array(data: bytes) -> NDArray[Any]:
    """Read an array whose header does not promise more than there is: nothing is allocated by its word."""
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("an array is of another version of NumPy's format")
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    if kind.hasobject or math.prod(shape) * kind.itemsize != len(data) - stream.tell():
        raise ValueError(f"an array of {kind} cannot have the shape {shape}")
    return np.frombuffer(data, kind, offset=stream.tell()).reshape(shape)


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
            and isinstance(source["labels"], int)
            and isinstance(source["held_out"], list)
            and all(isinstance(name, str) for name in source["held_out"])
            for source in card["sources"]
        )
    )
    if not right:
        raise ValueError("its card says something that no meta-model's does")
    get_space(card["space"])
