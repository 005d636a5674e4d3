"""Predictors of architectures: by name, from a module, or as an estimator; and moved to another space."""

from __future__ import annotations

import inspect
from typing import Any

from nasmeta.checks import check_names
from nasmeta.errors import SettingError
from nasmeta.predictors._registered import DEFAULT_ENCODER, PREDICTORS
from nasmeta.spaces import SearchSpace, get_space, namesakes


def make_predictor(
    predictor: Any,
    encoder: Any = None,
    space: str | SearchSpace = "nb201",
    seed: int = 0,
    **settings: Any,
) -> Any:
    """Build an unfitted predictor of architectures.

    Every predictor reads architectures: ``fit(architectures, y)`` and ``predict(architectures)``,
    indices or strings of shape (n,). An estimator that reads features is put behind an encoder. An
    estimator is used without one if it contains an encoder of nasmeta, such as a pipeline that
    starts with one, or has the attribute ``reads_architectures = True``.

    Parameters
    ----------
    predictor : str, estimator, class or function
        * A name in `PREDICTORS`: ridge, gp, random-forest, xgboost, ensemble, mlp.
        * A scikit-learn estimator, such as a pipeline; it is cloned.
        * The class of an estimator, or a function that returns one. Both may take ``space`` and
          ``random_state``.
        * ``package.module:Name`` of any of these.
    encoder : str, list, transformer, optional
        Read by `make_encoder`; ``default`` in it stands for the predictor's default. By default, an
        encoder for cells, and ``counts`` for other spaces. Predictors that read architectures take
        none.
    space : str or SearchSpace, default "nb201"
        The space of the architectures.
    seed : int, default 0
        Used for every part without a seed.
    **settings
        Parameters of the class, the function or the estimator. The ensemble takes ``members``, a
        list of names or of (name, predictor).

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
    >>> architectures, y = np.arange(50), np.cos(np.arange(50.0))
    >>> make_predictor("gp").fit(architectures, y).predict([51, 52]).shape
    (2,)
    >>> make_predictor(Ridge(), alpha=0.1).fit(architectures, y).predict([51, 52]).shape
    (2,)
    >>> mine = make_pipeline(make_encoder("paths"), Ridge())
    >>> make_predictor(mine, ridge__alpha=0.1).fit(architectures, y).predict([51, 52]).shape
    (2,)
    """
    from sklearn.pipeline import Pipeline

    from nasmeta.predictors._encoders._encoder import CellIndices

    kind = PREDICTORS[predictor] if isinstance(predictor, str) else predictor
    default = getattr(kind, "default_encoder", DEFAULT_ENCODER)
    if isinstance(kind, type) and "members" in inspect.signature(kind).parameters:
        settings["members"] = _members(settings.get("members"), encoder, space, seed)
        encoder = None  # it is that of the members
    model = _estimator(kind, f"the predictor {label_of(predictor)}", space, seed, settings)
    _require_space(model, get_space(space))
    reads = any(getattr(part, "reads_architectures", False) for part in _parts(model))
    if reads and encoder is not None:
        raise SettingError(
            f"encoder of {label_of(predictor)}", encoder, "None, as it reads architectures itself"
        )
    if not reads or default is None:
        if reads:
            first = CellIndices(space)
        else:
            first = _encoder(encoder, default or DEFAULT_ENCODER, space)
        grouped = hasattr(first, "transformer_list") or hasattr(first, "group_sizes")
        if grouped and model.get_params().get("groups", ()) is None:
            model.set_params(groups=_groups(first))
        model = Pipeline([("encoder", first), ("regressor", model)])
    for setting, value in model.get_params().items():
        if setting.split("__")[-1] == "random_state" and value is None:
            model.set_params(**{setting: seed})
    return model


def _estimator(
    kind: Any, who: str, space: str | SearchSpace, seed: int, settings: dict[str, Any]
) -> Any:
    """Return a new estimator from a class, a function or an estimator."""
    from sklearn.base import clone

    if isinstance(kind, type) or (callable(kind) and not hasattr(kind, "fit")):
        known = inspect.signature(kind).parameters
        check_names(who, "setting", settings, known)
        given = {"space": space, "seed": seed, "random_state": seed} | settings
        model = kind(**{name: value for name, value in given.items() if name in known})
    else:
        model = clone(kind, safe=False)
        changeable = model.get_params() if hasattr(model, "get_params") else ()
        check_names(who, "setting", settings, changeable)
        if settings:
            model.set_params(**settings)
    return model


def _encoder(encoder: Any, default: str, space: str | SearchSpace) -> Any:
    """Return the encoder of a regressor on features, with its default encoder in place of ``default``."""
    from nasmeta.predictors._encoders._encoder import make_encoder, suitable_encoder

    usual = suitable_encoder(default, get_space(space))
    if encoder is None:
        return make_encoder(usual, space)
    parts = encoder.split("+") if isinstance(encoder, str) else encoder
    if isinstance(parts, list | tuple) and "default" in parts:
        encoder = []
        for part in parts:
            encoder += usual.split("+") if part == "default" else [part]
    return make_encoder(encoder, space)


def _groups(encoder: Any) -> list[int]:
    """Return the numbers of columns of the features that an encoder joins."""
    if hasattr(encoder, "transformer_list"):
        return [size for _, part in encoder.transformer_list for size in _groups(part)]
    if hasattr(encoder, "group_sizes"):
        sizes: list[int] = encoder.group_sizes()
        return sizes
    return [len(encoder.get_feature_names_out())]


def _members(
    members: Any, encoder: Any, space: str | SearchSpace, seed: int
) -> list[tuple[str, Any]]:
    """Return the named members of an ensemble; the encoder is for those that read features."""
    named = []
    for member in ["gp", "xgboost"] if members is None else members:
        if isinstance(member, str):
            reads = getattr(PREDICTORS[member], "default_encoder", DEFAULT_ENCODER) is None
            own_encoder = None if reads else encoder
            member = (member, make_predictor(member, own_encoder, space, seed))
        named.append(member)
    return named


def label_of(predictor: Any) -> str:
    """Return the name of a predictor in results: the given name, else the name of its class.

    >>> label_of("ridge"), label_of(make_predictor("ridge"))
    ('ridge', 'RidgeRegressor')
    """
    if isinstance(predictor, str):
        return predictor
    last = predictor[-1] if hasattr(predictor, "steps") else predictor
    return str(getattr(last, "__name__", type(last).__name__))


def knows_deviation(predictor: Any) -> bool:
    """Return whether ``predict`` takes ``return_std``, and has more than one member if it has members.

    >>> knows_deviation(make_predictor("gp")), knows_deviation(make_predictor("xgboost"))
    (True, False)
    """
    last = predictor.steps[-1][1] if hasattr(predictor, "steps") else predictor
    alone = getattr(last, "n_members", 2) == 1
    return not alone and "return_std" in inspect.signature(last.predict).parameters


def _parts(predictor: Any) -> list[Any]:
    """Return an estimator and the estimators in its parameters."""
    every = (predictor, *predictor.get_params().values())
    return [part for part in every if hasattr(part, "get_params") and not isinstance(part, type)]


def _require_space(predictor: Any, space: SearchSpace) -> None:
    """Raise an error if a part of the predictor reads the architectures of another space."""
    for part in _parts(predictor):
        if not getattr(part, "reads_architectures", False) or not hasattr(part, "space"):
            continue
        other = get_space(part.space)
        if other != space:
            raise SettingError(
                f"space of {type(part).__name__}",
                other.name,
                space.name,
                namesakes(other, space).strip(),
            )
