"""Fitted predictors in one file, without pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.archives import ArchiveKind, digest_of
from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.files import write_atomically
from nasmeta.registry import is_place
from nasmeta.spaces import SearchSpace, from_content, get_space, to_content

_KIND = ArchiveKind(
    "nasmeta-predictor",
    2,
    "predictor file",
    "Fit the predictor again, or install the version that wrote it.",
    largest=2**30,
)


def save_predictor(predictor: Any, path: str | os.PathLike[str]) -> Path:
    """Write a fitted predictor into one file: a card and named arrays, see `nasmeta.archives`.

    Parameters
    ----------
    predictor : Pipeline or regressor
        Built by `make_predictor` and fitted. A custom class needs ``get_params()``, ``state() -> dict`` (numbers,
        strings, arrays, bytes, lists and dicts) and ``set_state(state)``.
    path : str or path-like

    Returns
    -------
    Path

    Raises
    ------
    SettingError
        If a part of it cannot be saved.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from nasmeta.predictors import load_predictor, make_predictor, save_predictor
    >>> predictor = make_predictor("ridge").fit(np.arange(30), np.arange(30.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_predictor(save_predictor(predictor, f"{folder}/ridge.zip"))
    >>> bool((again.predict([40, 41]) == predictor.predict([40, 41])).all())
    True
    """
    from nasmeta import __version__

    arrays: dict[str, NDArray[Any]] = {}
    content = json.loads(json.dumps({"predictor": _to_tree(predictor, arrays)}))
    path = Path(path)
    write_atomically(
        path, _KIND.encode({"nasmeta": __version__, "sha256": digest_of(content, arrays), **content}, arrays)
    )
    return path


def load_predictor(path: str | os.PathLike[str], classes: Iterable[type] = ()) -> Any:
    """Read a predictor that `save_predictor` wrote.

    Parameters
    ----------
    path : str or path-like
    classes : iterable of type, optional
        Custom classes that the file may name.

    Returns
    -------
    Pipeline or regressor, fitted

    Raises
    ------
    DamagedFileError
        If the file does not exist, is damaged, or has another kind or version.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from nasmeta.predictors import load_predictor, make_predictor, save_predictor
    >>> predictor = make_predictor("ridge").fit(np.arange(30), np.arange(30.0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_predictor(save_predictor(predictor, f"{folder}/ridge.zip")).predict([40]).shape
    (1,)
    """
    custom = {kind.__name__: kind for kind in classes}
    path = Path(path)
    card, arrays = _KIND.decode(_KIND.read(path), path)
    with _KIND.blaming(path):
        tree = card["predictor"]
        if digest_of({"predictor": tree}, arrays) != card["sha256"]:
            raise ValueError("the checksum does not match")
        return _from_tree(tree, arrays, custom)


def _to_tree(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Describe a value in JSON; arrays and bytes go into `arrays`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    name = str(len(arrays))
    if isinstance(value, bytes | bytearray):
        arrays[name] = np.frombuffer(value, dtype=np.uint8)
        return {"bytes": name}
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise SettingError("An array of Python objects cannot be saved.")
        in_columns = (
            value.flags.f_contiguous and not value.flags.c_contiguous
        )  # stays, because the last bits of sums depend on it
        arrays[name] = value.T if in_columns else value
        return {"array": name, "transposed": True} if in_columns else {"array": name}
    if isinstance(value, list | tuple):
        return {"tuple" if isinstance(value, tuple) else "list": [_to_tree(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _to_tree(item, arrays) for key, item in value.items()}}
    if isinstance(value, SearchSpace):
        return {"space": to_content(value)}
    kind = type(value).__name__
    if kind in ("Pipeline", "FeatureUnion"):
        steps = value.steps if kind == "Pipeline" else value.transformer_list
        return {"class": kind, "steps": _to_tree([tuple(step) for step in steps], arrays)}
    fitted = hasattr(value, "state") and hasattr(value, "set_state")
    if not fitted and not (_class_named(kind) and hasattr(value, "transform")):
        raise SettingError("part of the predictor", kind, "a class with state() and set_state(state)")
    return {
        "class": kind,
        "settings": _to_tree(_settings_of(value), arrays),
        "state": _to_tree(value.state(), arrays) if fitted else None,
    }


def _settings_of(value: Any) -> dict[str, Any]:
    settings: dict[str, Any] = value.get_params(deep=False)
    if is_place(settings.get("space")):
        settings["space"] = get_space(settings["space"])  # a file must not name code
    if type(value).__name__ == "EnsembleRegressor":
        settings.pop("members")  # its state contains the fitted ones
    return settings


def _class_named(name: object) -> Any:
    """Return the encoder or estimator of this package, or the class of scikit-learn, that a file may name."""
    if name in ("Pipeline", "FeatureUnion"):
        return getattr(import_module("sklearn.pipeline"), str(name))
    predictors = import_module(__package__)
    parts = ("_encoders", "_estimators", "_neural")
    known = " ".join(predictors.MODULES[part] for part in parts).split()
    found = getattr(predictors, str(name)) if name in known else None
    return found if isinstance(found, type) else None


def _from_tree(tree: Any, arrays: Mapping[str, NDArray[Any]], custom: dict[str, type]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "bytes" in tree:
        return arrays[tree["bytes"]].tobytes()
    if "array" in tree:
        array = arrays[tree["array"]].copy(order="K")  # arrays of a file are read-only
        return array.T if "transposed" in tree else array
    if "space" in tree:
        return from_content(tree["space"])
    if "list" in tree or "tuple" in tree:
        items = [_from_tree(item, arrays, custom) for item in tree["list" if "list" in tree else "tuple"]]
        return items if "list" in tree else tuple(items)
    if "dict" in tree:
        return {key: _from_tree(item, arrays, custom) for key, item in tree["dict"].items()}
    name = tree["class"]
    kind = custom.get(name) or _class_named(name)
    if kind is None:
        raise DamagedFileError("class in the file", name, "one of nasmeta", "Pass others as classes=[...].")
    if "steps" in tree:
        return kind(_from_tree(tree["steps"], arrays, custom))
    settings = _from_tree(tree["settings"], arrays, custom)
    if isinstance(settings.get("space"), str):
        from_content(settings["space"])  # raises unless the space is registered
    made = kind(**settings)
    state = _from_tree(tree["state"], arrays, custom)
    if state is not None:
        made.set_state(state)
    return made
