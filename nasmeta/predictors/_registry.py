"""Predictors by name: an estimator after the encoder that suits it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from nasmeta.checks import check_names
from nasmeta.errors import SettingError, shown
from nasmeta.registry import Registry
from nasmeta.spaces import SearchSpace, get_space

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class PredictorEntry:
    """What a name in `PREDICTORS` stands for; `encoder` is None where it reads architectures itself."""

    regressor: str | type  # the class, or "module:class", imported when it is asked for
    encoder: str | None  # by default, as `make_encoder` reads it; ``counts`` where the space lacks it

    def load(self) -> type:
        """Return the class."""
        if isinstance(self.regressor, type):
            return self.regressor
        module, _, name = self.regressor.partition(":")
        found: type = getattr(import_module(module), name)
        return found


def _entry(found: object) -> PredictorEntry | None:
    """Return the entry of a regressor that another package has; cells reach it through the usual encoders."""
    if isinstance(found, PredictorEntry):
        return found
    is_regressor = isinstance(found, type) and all(hasattr(found, name) for name in ("fit", "predict", "get_params"))
    return PredictorEntry(found, _CELL) if is_regressor else None  # type: ignore[arg-type]


PREDICTORS: Registry[PredictorEntry] = Registry(
    "predictor",
    group="nasmeta.predictors",
    accepts=_entry,
    wanted="a scikit-learn estimator (fit, predict and get_params), or a nasmeta.predictors.PredictorEntry",
)

_OWN = "nasmeta.predictors._estimators"
# Chosen on CIFAR-100 validation labels, as are the regressors' defaults.
_CELL = "one-hot+live-paths+operation-counts+graph"
for _name, _regressor, _encoder in (
    ("ridge", f"{_OWN}:RidgeRegressor", _CELL),
    ("gp", f"{_OWN}:GPRegressor", "one-hot+live-paths+graph"),
    ("random-forest", f"{_OWN}:ForestRegressor", _CELL),
    ("xgboost", f"{_OWN}:XGBoostRegressor", _CELL),
    ("ensemble", f"{_OWN}:EnsembleRegressor", None),
    ("mlp", "nasmeta.predictors._neural:MLPEnsemble", _CELL),
    ("gnn", "nasmeta.predictors._neural:GraphNetwork", None),
    ("transformer", "nasmeta.predictors._neural:CellTransformer", None),
):
    PREDICTORS.register(_name)(PredictorEntry(_regressor, _encoder))
PREDICTORS.extras.update(dict.fromkeys(("mlp", "gnn", "transformer"), "torch"))


def make_predictor(
    name: str, encoder: Any = None, space: str | SearchSpace = "nb201", seed: int = 0, **settings: Any
) -> Pipeline:
    """Build a predictor of architectures: a pipeline of an encoder and a regressor, to be fitted.

    Parameters
    ----------
    name : str
        A name in `PREDICTORS`: ridge, gp, random-forest, xgboost, ensemble, mlp, gnn, transformer.
    encoder : str, list, transformer, optional
        As `make_encoder` reads it; each predictor has a default of its own for cells, and ``counts`` for others. gnn
        and transformer read architectures themselves and take none.
    space : str or SearchSpace, default "nb201"
        The space whose architectures X will hold, or its name; `nasmeta.predictors.move_to_space` moves a fitted one to
        another.
    seed : int, default 0
    **settings
        Of the regressor's class. The ensemble takes ``members``, names in `PREDICTORS`, and passes the rest to
        `EnsembleRegressor`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        ``fit(cells, y)``, ``predict(cells, return_std=True)`` where it knows; the cells, or architectures of another
        kind, are indices or strings, (n,).

    Raises
    ------
    UnknownNameError, SettingError

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor
    >>> cells, y = np.arange(50), np.cos(np.arange(50.0))
    >>> make_predictor("gp").fit(cells, y).predict([51, 52]).shape
    (2,)
    """
    from sklearn.pipeline import Pipeline

    from nasmeta.predictors._encoders import CellIndices, default_encoder, make_encoder

    entry = PREDICTORS[name]
    own = get_space(space)
    regressor = entry.load()
    if hasattr(regressor, "check_space"):
        regressor.check_space(own)
    known = inspect.signature(regressor).parameters
    if name == "ensemble":
        settings["members"] = _members(settings.get("members"), encoder, space, seed)
    elif entry.encoder is None and encoder is not None:
        raise SettingError(f"The predictor {name} reads {own.noun}s itself and takes no encoder.")
    chosen = encoder
    if encoder is None and entry.encoder is not None:
        chosen = default_encoder(entry.encoder, own)
    if name == "ensemble" or chosen is None:
        first = CellIndices(space)
    else:
        first = make_encoder(chosen, space)
        grouped = hasattr(first, "transformer_list") or hasattr(first, "group_sizes")
        if "groups" in known and "groups" not in settings and grouped:
            settings["groups"] = _groups(first)
    check_names(f"The predictor {name}", "setting", settings, known)
    for key, value in (("random_state", seed), ("seed", seed), ("space", space)):
        if key in known and key not in settings:
            settings[key] = value
    return Pipeline([("encoder", first), ("regressor", regressor(**settings))])


def _groups(encoder: Any) -> list[int]:
    """Return the numbers of columns that stand for different things."""
    if hasattr(encoder, "transformer_list"):
        return [size for _, part in encoder.transformer_list for size in _groups(part)]
    return encoder.group_sizes() if hasattr(encoder, "group_sizes") else [len(encoder.get_feature_names_out())]


def _members(members: Any, encoder: Any, space: str | SearchSpace, seed: int) -> list[tuple[str, Any]]:
    names = ["gp", "xgboost"] if members is None else members
    if isinstance(names, str):
        names = [part.strip() for part in names.split("+")]
    if not isinstance(names, list | tuple):
        raise SettingError(f"members must be a list of names or of (name, regressor), not {shown(members)}.")
    made = []
    for member in names:
        if isinstance(member, str):
            takes = encoder if PREDICTORS[member].encoder is not None else None
            member = (member, make_predictor(member, takes, space, seed))
        made.append(member)
    return made
