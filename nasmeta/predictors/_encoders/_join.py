"""Encoders by name, and several side by side."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from sklearn.pipeline import FeatureUnion

from nasmeta.checks import check_names
from nasmeta.errors import SettingError, shown
from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder
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
    if isinstance(encoder, str):
        parts = [part.strip() for part in encoder.split("+")]
        if len(parts) > 1:
            return join(*parts, space=space, **settings)
        kind = ENCODERS[encoder]
        parameters = inspect.signature(kind).parameters
        check_names(f"The encoder {encoder}", "setting", settings, parameters)
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and name not in settings:
                raise SettingError(f"The encoder {encoder} needs {name}: {kind.__name__}({name}=...).")
        return kind(space=space, **settings)
    if isinstance(encoder, list | tuple):
        return join(*encoder, space=space, **settings)
    return _transformer(encoder)


def _transformer(encoder: Any) -> Any:
    if not hasattr(encoder, "transform"):
        raise SettingError(f"An encoder is a name, a list of names or a transformer, not {shown(encoder)}.")
    return encoder


def join(*encoders: str | CellEncoder, space: str | SearchSpace = "nb201", **settings: Any) -> FeatureUnion:
    """Put encoders side by side; each that is given by name takes those of the `settings` that it knows.

    >>> join("one-hot", "operation-counts").transform([5]).shape
    (1, 35)
    """
    if not encoders:
        raise SettingError(f"join needs at least one encoder. Possible: {', '.join(sorted(ENCODERS))}.")
    steps: list[tuple[str, Any]] = []
    used: set[str] = set()
    for encoder in encoders:
        if isinstance(encoder, str):
            known = set(inspect.signature(ENCODERS[encoder]).parameters)
            chosen = {key: value for key, value in settings.items() if key in known}
            used |= set(chosen)
            name, encoder = encoder, make_encoder(encoder, space, **chosen)
        else:
            name = type(_transformer(encoder)).__name__.lower()
        if name in dict(steps):
            raise SettingError(f"The encoder {name} appears twice.")
        steps.append((name, encoder))
    if set(settings) - used:
        raise SettingError(f"None of the encoders has a setting {', '.join(sorted(set(settings) - used))}.")
    return FeatureUnion(steps)
