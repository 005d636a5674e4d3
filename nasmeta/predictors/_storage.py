"""Fitted predictors in one file, without pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.files import write_atomically
from nasmeta.spaces import SearchSpace, from_content, to_content

__all__ = ["load_predictor", "save_predictor"]

_FORMAT, _VERSION = "nasmeta-predictor", 1
_HEAD = "predictor.json"
_LARGEST = 2**30  # bytes that a file may unpack to

# Classes that a file may name: pipelines and unions by their steps, encoders by their settings, the others by their
# settings and what they have learnt.
_CLASSES = {
    "Pipeline": "sklearn.pipeline:Pipeline",
    "FeatureUnion": "sklearn.pipeline:FeatureUnion",
    **{
        name: f"nasmeta.predictors._encoders:{name}"
        for name in (
            "AdjacencyEncoder",
            "CellIndices",
            "ColumnEncoder",
            "CostEncoder",
            "CountEncoder",
            "GraphEncoder",
            "LivePathEncoder",
            "OneHotEncoder",
            "OperationCountEncoder",
            "PathEncoder",
        )
    },
    **{
        name: f"nasmeta.predictors._estimators:{name}"
        for name in ("EnsembleRegressor", "ForestRegressor", "GPRegressor", "RidgeRegressor", "XGBoostRegressor")
    },
    "LearningCurveRegressor": "nasmeta.predictors._learning_curves:LearningCurveRegressor",
    **{name: f"nasmeta.predictors._neural:{name}" for name in ("CellTransformer", "GraphNetwork", "MLPEnsemble")},
}


def save_predictor(predictor: Any, path: str | os.PathLike[str]) -> Path:
    """Write a fitted predictor into one file: a zip archive of JSON, NumPy arrays and XGBoost's UBJ.

    Parameters
    ----------
    predictor : Pipeline or regressor
        As `make_predictor` builds it, fitted. A class of your own can be saved where it has ``get_params()``,
        ``state() -> dict`` (numbers, strings, arrays, bytes, lists and dicts) and ``set_state(state)``.
    path : str or path-like

    Returns
    -------
    Path

    Raises
    ------
    SettingError
        Where a part of it cannot be saved.

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

    parts: dict[str, bytes] = {}
    tree = _to_tree(predictor, parts)
    head = {"format": _FORMAT, "version": _VERSION, "nasmeta": __version__, "predictor": tree}
    path = Path(path)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_HEAD, json.dumps(head))
        for name, part in parts.items():
            archive.writestr(name, part)
    write_atomically(path, content.getvalue())
    return path


def load_predictor(path: str | os.PathLike[str], classes: Iterable[type] = ()) -> Any:
    """Read a predictor that `save_predictor` wrote.

    Parameters
    ----------
    path : str or path-like
    classes : iterable of type, optional
        Classes of your own that the file may name, beside the package's.

    Returns
    -------
    Pipeline or regressor, fitted

    Raises
    ------
    DamagedFileError
        Where the file is damaged, of another kind or of another version.
    """
    own = {kind.__name__: kind for kind in classes}
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                raise DamagedFileError(f"{path} unpacks to more than {_LARGEST:,} bytes: no predictor.")
            head = json.loads(archive.read(_HEAD))
            if not isinstance(head, dict) or head.get("format") != _FORMAT:
                raise DamagedFileError(f"{path} is no predictor file.")
            if head.get("version") != _VERSION:
                raise DamagedFileError(
                    f"{path} has version {head.get('version')!r:.20} of the format (written by nasmeta "
                    f"{head.get('nasmeta')!r:.20}), but this is version {_VERSION}. Fit the predictor again, or "
                    "install the version that wrote it."
                )
            return _from_tree(head["predictor"], archive, own)
    except (DamagedFileError, FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except ImportError:
        raise
    except Exception as reason:  # whatever a library makes of altered bytes
        raise DamagedFileError(f"{path} is damaged or no predictor file: {reason!s:.200}") from reason


def _to_tree(value: Any, parts: dict[str, bytes]) -> Any:
    """Describe a value in JSON; arrays and bytes go into `parts`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray):
        name = f"{len(parts)}.bin"
        parts[name] = bytes(value)
        return {"bytes": name}
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise SettingError("An array of Python objects cannot be saved.")
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=False)
        name = f"{len(parts)}.npy"
        parts[name] = buffer.getvalue()
        return {"array": name}
    if isinstance(value, list | tuple):
        return {"tuple" if isinstance(value, tuple) else "list": [_to_tree(item, parts) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _to_tree(item, parts) for key, item in value.items()}}
    if isinstance(value, SearchSpace):
        return {"space": to_content(value)}
    kind = type(value).__name__
    if kind in ("Pipeline", "FeatureUnion"):
        steps = value.steps if kind == "Pipeline" else value.transformer_list
        return {"class": kind, "steps": _to_tree([tuple(step) for step in steps], parts)}
    fitted = hasattr(value, "state") and hasattr(value, "set_state")
    if not fitted and not (kind in _CLASSES and hasattr(value, "transform")):
        raise SettingError(f"{kind} cannot be saved: it has no state() and set_state(state).")
    settings = value.get_params(deep=False)
    if kind == "EnsembleRegressor":
        settings.pop("members")  # the fitted ones are in its state
    return {
        "class": kind,
        "settings": _to_tree(settings, parts),
        "state": _to_tree(value.state(), parts) if fitted else None,
    }


def _from_tree(tree: Any, archive: zipfile.ZipFile, own: dict[str, type]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "bytes" in tree:
        return archive.read(tree["bytes"])
    if "array" in tree:
        return np.load(io.BytesIO(archive.read(tree["array"])), allow_pickle=False)
    if "space" in tree:
        return from_content(tree["space"])
    if "list" in tree or "tuple" in tree:
        items = [_from_tree(item, archive, own) for item in tree["list" if "list" in tree else "tuple"]]
        return items if "list" in tree else tuple(items)
    if "dict" in tree:
        return {key: _from_tree(item, archive, own) for key, item in tree["dict"].items()}
    name = tree["class"]
    if name in own:
        kind = own[name]
    elif name in _CLASSES:
        module, _, attribute = _CLASSES[name].partition(":")
        kind = getattr(import_module(module), attribute)
    else:
        raise DamagedFileError(
            f"The file names the class {name!r:.80}, which is not of this package; "
            "load_predictor(path, classes=[...]) takes classes of your own."
        )
    if "steps" in tree:
        return kind(_from_tree(tree["steps"], archive, own))
    made = kind(**_from_tree(tree["settings"], archive, own))
    state = _from_tree(tree["state"], archive, own)
    if state is not None:
        made.set_state(state)
    return made
