"""All searchers as a table."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from nasmeta.errors import NasmetaError
from nasmeta.searchers._base import SEARCHERS, MetaSearcher
from nasmeta.searchers._multi_fidelity import MultiFidelitySearcher

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_searchers"]

# What their libraries are imported for is a search, so that nothing but one could tell.
_EXTRAS = {
    **dict.fromkeys(("meta-nas", "meta-np", "meta-predictor", "meta-rl", "ppo"), "torch"),
    **dict.fromkeys(("optuna", "optuna-nsgaii", "optuna-random", "optuna-tpe"), "optuna"),
    "optuna-gp": "optuna,torch",
    "pymoo-nsga2": "objectives",
}


def list_searchers() -> pd.DataFrame:
    """Return all searchers that have a name, those of other packages among them.

    Beside these, any predictor with an acquisition is one, such as ``xgboost-ei`` or ``maml-ucb``.

    Returns
    -------
    DataFrame
        One row a searcher: ``searcher`` (its name), ``summary`` (one line), ``learns`` (whether it learns on source
        tasks), ``fidelities`` (whether it uses trainings of several lengths), ``objectives`` (``one``, ``several`` or
        ``any``) and ``extra`` (of this package that
        brings what it needs; empty for none).

    Examples
    --------
    >>> import nasmeta as nm
    >>> searchers = nm.list_searchers()
    >>> searchers.loc[searchers["fidelities"], "searcher"].to_list()
    ['asha', 'bohb', 'hyperband', 'successive-halving']
    """
    import pandas as pd

    rows = []
    for name in sorted(SEARCHERS):
        try:
            kind = SEARCHERS[name]
        except NasmetaError as reason:  # of another package that cannot be imported here
            rows.append((name, str(reason), False, False, "one", ""))
            continue
        summary = (inspect.getdoc(kind) or "").partition("\n")[0]
        learns, fidelities = issubclass(kind, MetaSearcher), issubclass(kind, MultiFidelitySearcher)
        rows.append((name, summary, learns, fidelities, kind.objectives, _EXTRAS.get(name, "")))
    return pd.DataFrame(rows, columns=["searcher", "summary", "learns", "fidelities", "objectives", "extra"])
