"""Any meta-learner by its name, searcher or predictor alike."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.meta._registry import META_PREDICTORS, is_meta_searcher
from nasmeta.moved import new_names
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import SearchSpace

__all__ = ["build_learner"]


def build_learner(name: str, space: SearchSpace, seed: int, settings: Mapping[str, Any]) -> Any:
    """Build a meta-searcher or meta-predictor; of the two of one name the predictor, whose file both can use.

    Parameters
    ----------
    name : str
        In `META_PREDICTORS` or `nasmeta.searchers.SEARCHERS`.
    space : SearchSpace
    seed : int
        Of the meta-training.
    settings : mapping
        Keyword arguments of the learner.

    Raises
    ------
    UnknownNameError, SettingError

    Examples
    --------
    >>> from nasmeta.meta._building import build_learner
    >>> from nasmeta.spaces import get_space
    >>> build_learner("meta-np", get_space("nb201"), 0, {"steps": 7}).steps
    7
    """
    is_predictor = name in META_PREDICTORS
    if not (is_predictor or is_meta_searcher(name)):
        possible_names = [*META_PREDICTORS, *filter(is_meta_searcher, SEARCHERS)]
        raise UnknownNameError.of("meta-learner", name, list(dict.fromkeys(possible_names)))
    kind: Any = META_PREDICTORS[name] if is_predictor else SEARCHERS[name]
    settings = new_names(kind.__init__, settings)
    parameters = list(inspect.signature(kind).parameters.values())
    if is_predictor:
        parameters = [parameter for parameter in parameters if parameter.name not in ("space", "seed")]
    else:
        parameters = parameters[2:]  # after space and generator
    possible = {parameter.name: parameter.default for parameter in parameters}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    strange = sorted(set(settings) - set(possible))
    if strange and not takes_any:
        listed = ", ".join(f"{key}={default!r}" for key, default in possible.items())
        raise SettingError(f"{name} has no setting {strange[0]!r}. Possible: {listed or 'none, it has no setting'}.")
    plain = {key: _plain(name, key, value) for key, value in settings.items()}
    try:
        if is_predictor:
            return kind(space=space, seed=seed, **plain)
        if "training_seed" in possible:  # beside the generator of the search
            plain = {"training_seed": seed, **plain}
        return kind(space, np.random.default_rng(seed), **plain)
    except (TypeError, ValueError) as reason:
        if isinstance(reason, SettingError) or not plain:
            raise
        raise SettingError(f"{name} cannot take the settings {plain}: {reason}") from reason


def _plain(learner: str, key: str, value: Any) -> Any:
    """Return a setting as JSON has it, and so the card of a model."""
    try:
        return json.loads(json.dumps(value, default=lambda number: number.item()))
    except (AttributeError, TypeError, ValueError, RecursionError) as reason:
        raise SettingError(
            f"The setting {key} of {learner} is {shown(value)} ({type(value).__name__}), but settings are kept with "
            "the model: numbers, strings, booleans, None, lists of them, and mappings of names to them."
        ) from reason
