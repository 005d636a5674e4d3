"""Searchers: ask/tell optimisers over a space, and adapters for other packages."""

from typing import TYPE_CHECKING

from nasmeta.lazy import lazy_names
from nasmeta.searchers._base import SEARCHERS, MetaSearcher, MultiFidelitySearcher, Searcher
from nasmeta.searchers._listing import list_searchers, missing_packages as missing_packages

if TYPE_CHECKING:
    from nasmeta.searchers._bananas import BananasSearch as BananasSearch, PathNetworks as PathNetworks
    from nasmeta.searchers._bohb import BOHB as BOHB, KernelDensity as KernelDensity
    from nasmeta.searchers._ehvi import (
        EHVISearch as EHVISearch,
        ParEGO as ParEGO,
        expected_hypervolume_improvement as expected_hypervolume_improvement,
    )
    from nasmeta.searchers._evolution import RegularizedEvolution as RegularizedEvolution
    from nasmeta.searchers._gp import GPSearch as GPSearch
    from nasmeta.searchers._halving import ASHA as ASHA, Hyperband as Hyperband, SuccessiveHalving as SuccessiveHalving
    from nasmeta.searchers._local_search import (
        FullLocalSearch as FullLocalSearch,
        LocalSearch as LocalSearch,
        ParetoLocalSearch as ParetoLocalSearch,
    )
    from nasmeta.searchers._nsga2 import NSGA2 as NSGA2
    from nasmeta.searchers._predictor import PredictorSearch
    from nasmeta.searchers._random import RandomSearch as RandomSearch
    from nasmeta.searchers._reinforce import Reinforce as Reinforce
    from nasmeta.searchers._subset import SubsetSearch as SubsetSearch
    from nasmeta.searchers._tpe import TPESearch as TPESearch
    from nasmeta.searchers.peers import (
        AxSearch as AxSearch,
        BoTorchSearch as BoTorchSearch,
        OptunaGP as OptunaGP,
        OptunaNSGAII as OptunaNSGAII,
        OptunaRandom as OptunaRandom,
        OptunaSearch as OptunaSearch,
        OptunaTPE as OptunaTPE,
        OwnGenerators as OwnGenerators,
        PeerSearch as PeerSearch,
        PymooNSGA2 as PymooNSGA2,
        SMACSearch as SMACSearch,
        SyneTuneBORE as SyneTuneBORE,
        SyneTuneCQR as SyneTuneCQR,
        SyneTuneGP as SyneTuneGP,
        SyneTuneKDE as SyneTuneKDE,
        SyneTuneSearch as SyneTuneSearch,
        load_optuna as load_optuna,
        load_peer as load_peer,
        position_distributions as position_distributions,
        syne_tune_space as syne_tune_space,
    )

__all__ = [
    "SEARCHERS",
    "MetaSearcher",
    "MultiFidelitySearcher",
    "PredictorSearch",
    "Searcher",
    "list_searchers",
]

__getattr__ = lazy_names(
    __name__,
    {
        "_bananas": "BananasSearch PathNetworks",
        "_bohb": "BOHB KernelDensity",
        "_ehvi": "EHVISearch ParEGO expected_hypervolume_improvement",
        "_evolution": "RegularizedEvolution",
        "_gp": "GPSearch",
        "_halving": "ASHA Hyperband SuccessiveHalving",
        "_local_search": "FullLocalSearch LocalSearch ParetoLocalSearch",
        "_nsga2": "NSGA2",
        "_predictor": "PredictorSearch",
        "_random": "RandomSearch",
        "_reinforce": "Reinforce",
        "_subset": "SubsetSearch",
        "_tpe": "TPESearch",
        "peers": "AxSearch BoTorchSearch OptunaGP OptunaNSGAII OptunaRandom OptunaSearch OptunaTPE OwnGenerators "
        "PeerSearch PymooNSGA2 SMACSearch SyneTuneBORE SyneTuneCQR SyneTuneGP SyneTuneKDE SyneTuneSearch "
        "load_optuna load_peer position_distributions syne_tune_space",
    },
)
