"""The registered searchers: names, places, extras and styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.registry import listed
from nasmeta.searchers._searcher import SEARCHERS, MetaSearcher, MultiFidelitySearcher, Searcher

if TYPE_CHECKING:
    import pandas as pd

# A searcher is imported on first use. The last entry is the position of its style, see `Registry.declare`. Names
# that often share a figure differ in colour and marker. The next free position is 45.
for _name, _place, _extra, _style in (
    ("asha", "searchers._halving:ASHA", None, 21),
    ("bananas", "searchers._bananas:BananasSearch", None, 8),
    ("bohb", "searchers._bohb:BOHB", None, 17),
    ("botorch", "searchers.peers._botorch:BoTorchSearch", "botorch", 41),
    ("command", "searchers.peers._command:CommandSearch", None, None),
    ("ehvi", "searchers._ehvi:EHVISearch", None, 14),
    ("evolution", "searchers._evolution:RegularizedEvolution", None, 2),
    ("gp", "searchers._gp:GPSearch", None, 0),
    ("hyperband", "searchers._halving:Hyperband", None, 12),
    ("local-search", "searchers._local_search:LocalSearch", None, 3),
    ("local-search-full", "searchers._local_search:FullLocalSearch", None, 11),
    ("meta", "meta._default_searcher:DefaultMetaSearch", None, 1),
    ("meta-gp", "meta._meta_gp:MetaGPSearch", None, 6),
    ("meta-nas", "meta.in_context._searcher:MetaNASSearch", None, 19),
    ("meta-predictor", "meta._predictor_search:MetaPredictorSearch", None, None),
    ("meta-rl", "meta.in_context._searcher:MetaRLSearch", None, 22),
    ("multi-task-gp", "meta._multi_task_gp:MultiTaskGPSearch", None, 10),
    ("nsga2", "searchers._nsga2:NSGA2", None, 20),
    ("optuna", "searchers.peers._optuna:OptunaSearch", "optuna", 24),
    ("optuna-gp", "searchers.peers._optuna:OptunaGP", "optuna,torch", 37),
    ("optuna-nsgaii", "searchers.peers._optuna:OptunaNSGAII", "optuna", 40),
    ("optuna-random", "searchers.peers._optuna:OptunaRandom", "optuna", None),
    ("optuna-tpe", "searchers.peers._optuna:OptunaTPE", "optuna", 25),
    ("predictor", "searchers._predictor:PredictorSearch", None, None),
    ("random", "searchers._random:RandomSearch", None, 4),
    ("reinforce", "searchers._reinforce:Reinforce", None, 15),
    ("rgpe", "meta._rgpe:RGPESearch", None, 9),
    ("rgpe-vanilla", "meta._rgpe:VanillaRGPESearch", None, 28),
    ("smac", "searchers.peers._smac:SMACSearch", "smac", 26),
    ("source-order", "meta._mean_score_search:SourceOrder", None, 7),
    ("successive-halving", "searchers._halving:SuccessiveHalving", None, 18),
    ("syne-tune-bore", "searchers.peers._syne_tune:SyneTuneBORE", "syne-tune", 34),
    ("syne-tune-cqr", "searchers.peers._syne_tune:SyneTuneCQR", "syne-tune", 33),
    ("syne-tune-gp", "searchers.peers._syne_tune:SyneTuneGP", "syne-tune,botorch", 36),
    ("syne-tune-kde", "searchers.peers._syne_tune:SyneTuneKDE", "syne-tune", 27),
    ("syne-tune-quantile-copula", "meta._syne_tune:SyneTuneQuantileCopula", "syne-tune", 39),
    ("tpe", "searchers._tpe:TPESearch", None, 5),
):
    SEARCHERS.declare(_name, f"nasmeta.{_place}", _extra, _style)


def list_searchers() -> pd.DataFrame:
    """Return the registered searchers, including other packages' searchers.

    In addition, any predictor with an acquisition is a searcher, such as ``ridge-ei`` or ``maml-ucb``.

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

    def facts(_: str, kind: type[Searcher]) -> dict[str, Any]:
        known = (issubclass(kind, MetaSearcher), issubclass(kind, MultiFidelitySearcher), kind.objectives)
        return dict(zip(unknown, known, strict=True))

    unknown = {"learns": False, "fidelities": False, "objectives": "one"}
    return listed("searcher", [SEARCHERS], facts, unknown, extras=SEARCHERS.extras)
