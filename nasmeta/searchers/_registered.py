"""The registered searchers: names, places, extras and styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.registry import listed
from nasmeta.searchers._searcher import SEARCHERS, MetaSearcher, MultiFidelitySearcher, Searcher

if TYPE_CHECKING:
    import pandas as pd

# A searcher is imported on first use. The last entry is its style, see `Registry.declare`: a pair
# that no other name has. Names that often share a figure differ in colour and in marker.
for _name, _place, _extra, _style in (
    ("asha", "searchers._halving:ASHA", None, "violet diamond"),
    ("bananas", "searchers._bananas:BananasSearch", None, "brown square"),
    ("bohb", "searchers._bohb:BOHB", None, "sky x"),
    ("botorch", "searchers.peers._botorch:BoTorchSearch", "botorch", "sky square"),
    ("command", "searchers.peers._command:CommandSearch", None, None),
    ("ehvi", "searchers._ehvi:EHVISearch", None, "green diamond"),
    ("evolution", "searchers._evolution:RegularizedEvolution", None, "green triangle-up"),
    ("gp", "searchers._gp:GPSearch", None, "blue circle"),
    ("hyperband", "searchers._halving:Hyperband", None, "blue square"),
    ("local-search", "searchers._local_search:LocalSearch", None, "pink diamond"),
    (
        "local-search-full",
        "searchers._local_search:FullLocalSearch",
        None,
        "turquoise triangle-down",
    ),
    ("meta", "meta._default_searcher:DefaultMetaSearch", None, "vermilion square"),
    ("meta-gp", "meta._meta_gp:MetaGPSearch", None, "orange x"),
    ("meta-nas", "meta.in_context._searcher:MetaNASSearch", None, "wine square"),
    ("meta-predictor", "meta._predictor_search:MetaPredictorSearch", None, None),
    ("meta-rl", "meta.in_context._searcher:MetaRLSearch", None, "olive triangle-down"),
    ("multi-task-gp", "meta._multi_task_gp:MultiTaskGPSearch", None, "olive diamond"),
    ("nsga2", "searchers._nsga2:NSGA2", None, "brown triangle-up"),
    ("optuna", "searchers.peers._optuna:OptunaSearch", "optuna", "blue triangle-up"),
    ("optuna-gp", "searchers.peers._optuna:OptunaGP", "optuna,torch", "vermilion triangle-down"),
    ("optuna-nsgaii", "searchers.peers._optuna:OptunaNSGAII", "optuna", "black circle"),
    ("optuna-random", "searchers.peers._optuna:OptunaRandom", "optuna", None),
    ("optuna-tpe", "searchers.peers._optuna:OptunaTPE", "optuna", "vermilion diamond"),
    ("predictor", "searchers._predictor:PredictorSearch", None, None),
    ("random", "searchers._random:RandomSearch", None, "black triangle-down"),
    ("reinforce", "searchers._reinforce:Reinforce", None, "pink triangle-down"),
    ("rgpe", "meta._rgpe:RGPESearch", None, "violet triangle-up"),
    ("rgpe-vanilla", "meta._rgpe:VanillaRGPESearch", None, "black x"),
    ("smac", "searchers.peers._smac:SMACSearch", "smac", "green triangle-down"),
    ("source-order", "meta._mean_score_search:SourceOrder", None, "wine circle"),
    ("successive-halving", "searchers._halving:SuccessiveHalving", None, "orange circle"),
    ("syne-tune-bore", "searchers.peers._syne_tune:SyneTuneBORE", "syne-tune", "olive cross"),
    (
        "syne-tune-cqr",
        "searchers.peers._syne_tune:SyneTuneCQR",
        "syne-tune",
        "violet triangle-down",
    ),
    ("syne-tune-gp", "searchers.peers._syne_tune:SyneTuneGP", "syne-tune,botorch", "blue diamond"),
    ("syne-tune-kde", "searchers.peers._syne_tune:SyneTuneKDE", "syne-tune", "pink cross"),
    ("syne-tune-quantile-copula", "meta._syne_tune:SyneTuneQuantileCopula", "syne-tune", "pink x"),
    ("tpe", "searchers._tpe:TPESearch", None, "sky cross"),
):
    SEARCHERS.declare(_name, f"nasmeta.{_place}", _extra, _style)


def list_searchers() -> pd.DataFrame:
    """Return the registered searchers, including other packages' searchers.

    In addition, any predictor with an acquisition is a searcher, such as ``ridge-ei`` or
    ``maml-ucb``.

    Returns
    -------
    DataFrame
        One row per searcher: ``searcher`` (its name), ``summary`` (one line), ``learns`` (whether
        it learns from source tasks), ``fidelities`` (whether it uses trainings of several lengths),
        ``objectives`` (``one``, ``several`` or ``any``) and ``extra`` (the extra of this package
        with its dependencies, or empty).

    Examples
    --------
    >>> import nasmeta as nm
    >>> searchers = nm.list_searchers()
    >>> searchers.loc[searchers["fidelities"], "searcher"].to_list()
    ['asha', 'bohb', 'hyperband', 'successive-halving']
    """

    def facts(_: str, kind: type[Searcher]) -> dict[str, Any]:
        known = (
            issubclass(kind, MetaSearcher),
            issubclass(kind, MultiFidelitySearcher),
            kind.objectives,
        )
        return dict(zip(unknown, known, strict=True))

    unknown = {"learns": False, "fidelities": False, "objectives": "one"}
    return listed("searcher", [SEARCHERS], facts, unknown, extras=SEARCHERS.extras)
