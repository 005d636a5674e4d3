"""Predictors of architectures: by name, from a module, or as an estimator; and moved to another space."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nasmeta.checks import check_names
from nasmeta.errors import NasmetaError, SettingError, shown
from nasmeta.registry import Registry
from nasmeta.spaces import SearchSpace, get_space, namesakes, reference_space

if TYPE_CHECKING:
    from numpy.typing import NDArray

P = TypeVar("P")


@dataclass(frozen=True)
class PredictorEntry:
    """What a name in `PREDICTORS` stands for; `encoder` is None if the regressor reads architectures itself."""

    regressor: str | type  # the class, or "module:class", imported when it is asked for
    encoder: str | None  # the default, as `make_encoder` reads it; ``counts`` on spaces that lack it

    def load(self) -> type:
        """Return the class."""
        if isinstance(self.regressor, type):
            return self.regressor
        module, _, name = self.regressor.partition(":")
        found: type = getattr(import_module(module), name)
        return found


def _accepted(found: object) -> Any:
    """Return what `make_predictor` builds from: an entry, an estimator, or a function that returns one; else None."""
    if isinstance(found, type) and all(hasattr(found, name) for name in ("fit", "predict", "get_params")):
        return PredictorEntry(found, _CELL)
    usable = callable(found) or (hasattr(found, "fit") and hasattr(found, "predict"))
    return found if usable or isinstance(found, PredictorEntry) else None


PREDICTORS: Registry[Any] = Registry(
    "predictor",
    group="nasmeta.predictors",
    accepts=_accepted,
    wanted="an estimator with fit and predict, its class, or a function that returns one",
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
    predictor: Any, encoder: Any = None, space: str | SearchSpace = "nb201", seed: int = 0, **settings: Any
) -> Any:
    """Build an unfitted predictor of architectures.

    Every predictor reads architectures: ``fit(cells, y)`` and ``predict(cells)``, with cells as indices or strings of
    shape (n,). An estimator that reads features is the last step of a pipeline that begins with an encoder.

    Parameters
    ----------
    predictor : str, estimator, class or function
        * A name in `PREDICTORS`: ridge, gp, random-forest, xgboost, ensemble, mlp, gnn, transformer.
        * An estimator with scikit-learn's interface, such as a pipeline that begins with an encoder; it is cloned.
        * The class of a regressor on features, which is put behind the encoder.
        * A function that returns an estimator; it may take ``space``.
        * ``package.module:Name`` of any of these.
    encoder : str, list, transformer, optional
        Read by `make_encoder`; ``default`` in it stands for the predictor's own. By default, each name has an encoder
        for cells, and ``counts`` for other spaces; an estimator gets none. gnn and transformer take none.
    space : str or SearchSpace, default "nb201"
        The space of the architectures; `nasmeta.predictors.move_to_space` moves a fitted predictor to another.
    seed : int, default 0
        Used for every part that has no seed of its own.
    **settings
        Parameters of the class, the function or the estimator. The ensemble takes ``members``, a list of names or of
        (name, predictor).

    Returns
    -------
    sklearn.pipeline.Pipeline or the estimator

    Raises
    ------
    UnknownNameError, SettingError

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from nasmeta.predictors import make_encoder, make_predictor
    >>> cells, y = np.arange(50), np.cos(np.arange(50.0))
    >>> make_predictor("gp").fit(cells, y).predict([51, 52]).shape
    (2,)
    >>> mine = make_pipeline(make_encoder("paths"), Ridge())
    >>> make_predictor(mine, ridge__alpha=0.1).fit(cells, y).predict([51, 52]).shape
    (2,)
    """
    own, found = get_space(space), PREDICTORS[predictor] if isinstance(predictor, str) else _accepted(predictor)
    if found is None:
        raise SettingError(f"A predictor is a name, or an estimator with fit and predict, not {shown(predictor)}.")
    if isinstance(found, PredictorEntry):
        model = _from_entry(found, f"The predictor {predictor}", encoder, space, seed, settings)
    else:
        model = _from_object(found, f"The predictor {label_of(predictor)}", own, settings)
        if encoder is not None:
            from sklearn.pipeline import Pipeline

            from nasmeta.predictors._encoders import make_encoder

            model = Pipeline([("encoder", make_encoder(encoder, space)), ("regressor", model)])
        _require_space(model, own)
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    unset = [name for name, value in parameters.items() if name.split("__")[-1] == "random_state" and value is None]
    return model.set_params(**dict.fromkeys(unset, seed)) if unset else model


def _from_object(found: Any, who: str, space: SearchSpace, settings: dict[str, Any]) -> Any:
    from sklearn.base import clone

    if not hasattr(found, "fit") or isinstance(found, type):
        known = inspect.signature(found).parameters
        check_names(who, "setting", settings, known)
        found = found(**({"space": space} if "space" in known else {}), **settings)
        if not (hasattr(found, "fit") and hasattr(found, "predict")):
            raise SettingError(f"{who} must be an estimator with fit and predict, not {shown(found)}.")
        return found
    model = clone(found, safe=False)
    if settings:
        check_names(who, "setting", settings, model.get_params())
        model.set_params(**settings)
    return model


def _from_entry(
    entry: PredictorEntry, who: str, encoder: Any, space: str | SearchSpace, seed: int, settings: dict[str, Any]
) -> Any:
    """Build the pipeline of an encoder and a regressor."""
    from sklearn.pipeline import Pipeline

    from nasmeta.predictors._encoders import CellIndices, default_encoder, make_encoder

    own, regressor = get_space(space), entry.load()
    if hasattr(regressor, "check_space"):
        regressor.check_space(own)
    known = inspect.signature(regressor).parameters
    check_names(who, "setting", settings, known)
    if "members" in known:
        settings["members"] = _members(settings.get("members"), encoder, space, seed)
        encoder = None
    elif entry.encoder is None and encoder is not None:
        raise SettingError(f"{who} reads {own.noun}s itself and takes no encoder.")
    if entry.encoder is None:
        first = CellIndices(space)
    else:
        default = default_encoder(entry.encoder, own)
        parts = encoder.split("+") if isinstance(encoder, str) else encoder
        if encoder is None:
            encoder = default
        elif isinstance(parts, list | tuple) and "default" in parts:
            encoder = [one for part in parts for one in (default.split("+") if part == "default" else [part])]
        first = make_encoder(encoder, space)
        grouped = hasattr(first, "transformer_list") or hasattr(first, "group_sizes")
        if "groups" in known and "groups" not in settings and grouped:
            settings["groups"] = _groups(first)
    for key, value in (("random_state", seed), ("seed", seed), ("space", space)):
        if key in known:
            settings.setdefault(key, value)
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
    made = []
    for member in names:
        if isinstance(member, str):
            reads_itself = getattr(PREDICTORS[member], "encoder", None) is None
            member = (member, make_predictor(member, None if reads_itself else encoder, space, seed))
        made.append(member)
    return made


def label_of(predictor: Any) -> str:
    """Return the name under which results of a predictor are kept: a name itself, else that of the class."""
    if isinstance(predictor, str):
        return predictor
    own = predictor[-1] if hasattr(predictor, "steps") else predictor
    return str(getattr(own, "__name__", type(own).__name__))


def fit_predictor(predictor: Any, X: NDArray[Any], y: NDArray[np.float64]) -> Any:
    """Fit a predictor; if it cannot read architectures, say that an encoder is missing."""
    try:
        return predictor.fit(X, y)
    except ValueError as reason:
        if X.ndim > 1 or "Expected 2D array" not in str(reason):
            raise
        name = type(predictor).__name__
        raise SettingError(
            f"{name} reads features, but a predictor receives architectures, shape (n,). Put an encoder before it: "
            f'make_pipeline(make_encoder("counts", space), {name}(…)).'
        ) from reason


def knows_deviation(predictor: Any) -> bool:
    """Whether ``predict`` takes ``return_std``, and has more than one member to deviate from each other.

    >>> knows_deviation(make_predictor("gp")), knows_deviation(make_predictor("xgboost"))
    (True, False)
    """
    last = predictor.steps[-1][1] if hasattr(predictor, "steps") else predictor
    alone = getattr(last, "n_members", 2) == 1
    return not alone and "return_std" in inspect.signature(last.predict).parameters


def _parts(predictor: Any) -> Iterator[Any]:
    """Yield a predictor and all of its parts."""
    yield predictor
    for steps in ("steps", "transformer_list", "members", "members_"):
        for named in getattr(predictor, steps, None) or ():
            if isinstance(named, tuple):
                yield from _parts(named[1])


def _require_space(predictor: Any, space: SearchSpace) -> None:
    """Raise an error if a part of the predictor reads the architectures of another space."""
    for part in _parts(predictor):
        own = _space_of(part)
        if own is not None and own != space:
            raise SettingError(
                f"{type(part).__name__} reads architectures of {own.name}, but those of the task are of {space.name}: "
                f"build it with space={space.name!r}.{namesakes(own, space)}"
            )


def _space_of(part: Any) -> SearchSpace | None:
    space = getattr(part, "space", None)
    try:
        return get_space(space) if isinstance(space, str | SearchSpace) else None
    except NasmetaError:  # a parameter of another class that has this name
        return None


def move_to_space(predictor: P, space: str | SearchSpace) -> P:
    """Return a copy of a predictor that reads the architectures of another space.

    Spaces with NAS-Bench-201's graph and operations among its five encode their cells alike, so a predictor that was
    fitted on one of them predicts on another.

    Parameters
    ----------
    predictor : Pipeline or regressor
        Built by `make_predictor`, fitted or not.
    space : str or SearchSpace

    Returns
    -------
    of the same type as `predictor`

    Raises
    ------
    SettingError
        If the two spaces are encoded in different ways, or the predictor holds columns for the architectures of its
        own space.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import make_predictor, move_to_space
    >>> predictor = make_predictor("ridge", space="tnb101").fit(np.arange(50), np.arange(50.0))
    >>> move_to_space(predictor, "nb201").predict([15000]).shape
    (1,)
    """
    target, moved = get_space(space), deepcopy(predictor)
    for part in _parts(moved):
        own = _space_of(part)
        if own is None or own == target:
            continue
        if reference_space(own) != reference_space(target):
            raise SettingError(
                f"A predictor of {own.name} cannot predict on {target.name}: the architectures are encoded in another "
                "way. Fit one on that space."
            )
        if hasattr(part, "values") or getattr(part, "extra", None) is not None:
            raise SettingError(
                f"{type(part).__name__} holds columns for the {own.noun}s of {own.name}: build it anew with columns "
                f"for those of {target.name}."
            )
        part.set_params(space=space)
    return moved
