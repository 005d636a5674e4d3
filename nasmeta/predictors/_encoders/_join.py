"""Encoders by name, and several side by side."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion

from nasmeta.checks import check_names
from nasmeta.errors import SettingError, shown
from nasmeta.predictors._encoders._base import ENCODERS
from nasmeta.spaces import SearchSpace, reference_space


def default_encoder(encoder: str, space: SearchSpace) -> str:
    """Return the name of an encoder where the space has all that it encodes, else ``counts``, which any space has."""
    reference = reference_space(space)
    works = all(ENCODERS[part.strip()].works_on(reference) for part in encoder.split("+"))
    return encoder if works else "counts"


def make_encoder(encoder: str | Sequence[Any] | Any, space: str | SearchSpace = "nb201", **settings: Any) -> Any:
    """Build an encoder from its name.

    Parameters
    ----------
    encoder : str, encoder, or sequence of these
        A name in `ENCODERS`; several, as a list or joined by ``+``, stand side by side. A transformer that is built
        already is returned as it is.
    space : str or SearchSpace, default "nb201"
        The space whose architectures will be handed over, or its name.
    **settings
        Of the encoder's class, such as ``canonical=True``; with several encoders, each takes those that it knows.

    Returns
    -------
    CellEncoder or sklearn.pipeline.FeatureUnion

    Raises
    ------
    UnknownNameError, SettingError

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("one-hot+live-paths").transform([0, 1, 2]).shape
    (3, 70)
    """
    parts = encoder.split("+") if isinstance(encoder, str) else encoder
    if not isinstance(parts, list | tuple):
        if not hasattr(parts, "transform"):
            raise SettingError(f"An encoder is a name, a list of names or a transformer, not {shown(parts)}.")
        return parts
    steps: dict[str, Any] = {}
    used: set[str] = set()
    for part in parts:
        if isinstance(part, str):
            name = part.strip()
            kind = ENCODERS[name]
            parameters = inspect.signature(kind).parameters
            chosen = {key: value for key, value in settings.items() if key in parameters}
            for key, parameter in parameters.items():
                if parameter.default is parameter.empty and key not in chosen:
                    raise SettingError(f"The encoder {name} needs {key}: {kind.__name__}({key}=...).")
            used |= {*parameters}
            made: Any = kind(space=space, **chosen)
        else:
            name, made = type(part).__name__.lower(), make_encoder(part)
        if name in steps:
            raise SettingError(f"The encoder {name} appears twice.")
        steps[name] = made
    check_names(f"The encoder {' + '.join(steps)}", "setting", settings, used)
    return made if isinstance(encoder, str) and len(steps) == 1 else FeatureUnion([*steps.items()])
