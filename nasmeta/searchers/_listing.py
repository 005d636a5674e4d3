"""The table of registered searchers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nasmeta.registry import listed
from nasmeta.searchers._base import SEARCHERS, MetaSearcher, MultiFidelitySearcher, Searcher

if TYPE_CHECKING:
    import pandas as pd

_EXTRAS = {
    "meta-predictor": "torch",
    **dict.fromkeys(("optuna", "optuna-nsgaii", "optuna-random", "optuna-tpe"), "optuna"),
    "optuna-gp": "optuna,torch",
    "ax": "ax",
    "botorch": "botorch",
    "pymoo-nsga2": "objectives",
    "smac": "smac",
    **dict.fromkeys(("syne-tune-bore", "syne-tune-cqr", "syne-tune-kde"), "syne-tune"),
    **dict.fromkeys(("syne-tune-bounding-box", "syne-tune-quantile-copula", "syne-tune-zero-shot"), "syne-tune"),
    "syne-tune-gp": "syne-tune,botorch",
}
_PACKAGES = {"objectives": "pymoo", "syne-tune": "syne_tune"}  # imported by another name than the extra


def missing_packages(name: str) -> list[str]:
    """Return the missing packages of a searcher, by import name."""
    extras = _EXTRAS.get(name, "").split(",")
    packages = [_PACKAGES.get(extra, extra) for extra in extras if extra]
    return [package for package in packages if find_spec(package) is None]


def list_searchers() -> pd.DataFrame:
    """Return the registered searchers, including other packages' searchers.

    In addition, any predictor with an acquisition is a searcher, such as ``xgboost-ei`` or ``maml-ucb``.

    Returns
    -------
    DataFrame
        One row per searcher: ``searcher`` (its name), ``summary`` (one line), ``learns`` (whether it learns from source
        tasks), ``fidelities`` (whether it uses trainings of several lengths), ``objectives`` (``one``, ``several`` or
        ``any``) and ``extra`` (the extra of this package with its dependencies, or empty).

    Examples
    --------
    >>> import nasmeta as nm
    >>> searchers = nm.list_searchers()
    >>> searchers.loc[searchers["fidelities"], "searcher"].to_list()
    ['asha', 'bohb', 'hyperband', 'successive-halving']
    """

    def facts(name: str, kind: type[Searcher]) -> dict[str, Any]:
        known = (issubclass(kind, MetaSearcher), issubclass(kind, MultiFidelitySearcher), kind.objectives)
        return dict(zip(unknown, known, strict=True))

    unknown = {"learns": False, "fidelities": False, "objectives": "one"}
    return listed("searcher", [SEARCHERS], facts, unknown, extras=_EXTRAS)
