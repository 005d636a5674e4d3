"""Tables of all registered predictors and encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.errors import SettingError
from nasmeta.meta import META_PREDICTORS
from nasmeta.prediction._models import MEASURED, PUBLISHED, SOURCE_ORDER, label_free_names
from nasmeta.predictors import ENCODERS, PREDICTORS, make_encoder
from nasmeta.registry import listed
from nasmeta.spaces import SearchSpace, get_space

if TYPE_CHECKING:
    import pandas as pd


def list_predictors() -> pd.DataFrame:
    """Return the predictors that `nasmeta.predict` knows by name.

    Returns
    -------
    DataFrame
        One row per predictor: ``predictor`` (its name), ``summary`` (one line), ``encoder`` (the
        default one for cells; empty without one), ``extra`` (of this package that it needs; empty
        for none) and ``sources`` (whether it learns on source tasks).

    Examples
    --------
    >>> import nasmeta as nm
    >>> predictors = nm.list_predictors().set_index("predictor")
    >>> predictors["encoder"]["gp"], predictors.index[predictors["sources"]].to_list()[-1]
    ('one-hot+live-paths+graph', 'source-order')
    """

    def facts(_: str, entry: Any) -> dict[str, Any]:
        return {"encoder": getattr(entry, "default_encoder", None) or ""}

    free = {name: f"Order by {name}, highest first; needs no label." for name in label_free_names()}
    order = {SOURCE_ORDER: "Mean score on the sources; needs no label."}
    extras = PREDICTORS.extras | META_PREDICTORS.extras
    mappings = [free, PREDICTORS, META_PREDICTORS, order]
    predictors = listed("predictor", mappings, facts, {"encoder": ""}, extras)
    learns_on_sources = predictors["predictor"].isin([*META_PREDICTORS, SOURCE_ORDER])
    return predictors.assign(sources=learns_on_sources)


def list_encoders(space: str | SearchSpace = "nb201") -> pd.DataFrame:
    """Return the encoders of architectures that `nasmeta.predict` and `nasmeta.predictors.make_encoder` know by name.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space, or its name.

    Returns
    -------
    DataFrame
        One row per encoder: ``encoder`` (its name), ``summary`` (one line) and ``columns`` (their
        number on the space; 0 if it does not encode this space, or encodes given columns).

    Raises
    ------
    UnknownNameError
        If the space is not registered.

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_encoders("tnb101").set_index("encoder").loc[["one-hot", "counts"], "columns"].to_list()
    [30, 75]
    """
    space = get_space(space)

    def facts(name: str, entry: Any) -> dict[str, Any]:
        if name in of_predict or name == "columns":  # the values are given
            return {"columns": 0}
        try:
            return {"columns": make_encoder(name, space).fit([0]).transform([0]).shape[1]}
        except SettingError:
            return {"columns": 0}

    of_predict = {
        MEASURED: "Zero-cost proxies that come with the package; in predict only.",
        PUBLISHED: "Zero-cost proxies that the task's table has; in predict only.",
    }
    return listed("encoder", [of_predict, ENCODERS], facts, {"columns": 0})
