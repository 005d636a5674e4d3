"""All searchers as a table."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nasmeta.registry import listed
from nasmeta.searchers._base import SEARCHERS, MetaSearcher, Searcher
from nasmeta.searchers._multi_fidelity import MultiFidelitySearcher

if TYPE_CHECKING:
    import pandas as pd

# What their libraries are imported for is a search, so that nothing but one could tell.
_EXTRAS = {
    **dict.fromkeys(("meta-nas", "meta-np", "meta-predictor", "meta-rl", "ppo"), "torch"),
    **dict.fromkeys(("optuna", "optuna-nsgaii", "optuna-random", "optuna-tpe"), "optuna"),
    "optuna-gp": "optuna,torch",
    "ax": "ax",
    "botorch": "botorch",
    "pymoo-nsga2": "objectives",
    "smac": "smac",
    **dict.fromkeys(("syne-tune-bore", "syne-tune-cqr", "syne-tune-kde"), "syne-tune"),
    **dict.fromkeys(("syne-tune-bounding-box", "syne-tune-quantile-copula"), "syne-tune"),
    **dict.fromkeys(("syne-tune-rush", "syne-tune-zero-shot"), "syne-tune"),
    "syne-tune-gp": "syne-tune,botorch",
}
_PACKAGES = {"objectives": "pymoo", "syne-tune": "syne_tune"}  # of extras, where they have another name


def missing_packages(name: str) -> list[str]:
    """Return the packages that a searcher needs and that are not installed, by the name that Python knows."""
    extras = _EXTRAS.get(name, "").split(",")
    packages = [_PACKAGES.get(extra, extra) for extra in extras if extra]
    return [package for package in packages if find_spec(package) is None]


def list_searchers() -> pd.DataFrame:
    """Return all searchers that have a name, those of other packages among them.

    Beside these, any predictor with an acquisition is one, such as ``xgboost-ei`` or ``maml-ucb``.

    Returns
    -------
    DataFrame
        One row a searcher: ``searcher`` (its name), ``summary`` (one line), ``learns`` (whether it learns on source
        tasks), ``fidelities`` (whether it uses trainings of several lengths), ``objectives`` (``one``, ``several`` or
        ``any``) and ``extra`` (of this package that brings what it needs; empty for none).

    Examples
    --------
    >>> import nasmeta as nm
    >>> searchers = nm.list_searchers()
    >>> searchers.loc[searchers["fidelities"], "searcher"].to_list()
    ['asha', 'bohb', 'hyperband', 'successive-halving', 'syne-tune-rush']
    """

    def facts(name: str, kind: type[Searcher]) -> dict[str, Any]:
        known = (issubclass(kind, MetaSearcher), issubclass(kind, MultiFidelitySearcher), kind.objectives)
        return dict(zip(unknown, known, strict=True))

    unknown = {"learns": False, "fidelities": False, "objectives": "one"}
    return listed("searcher", [SEARCHERS], facts, unknown, extras=_EXTRAS)
