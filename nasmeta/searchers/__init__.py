"""Ask and tell: random and local search, evolution, Gaussian process; those with sources: ``nasmeta.meta``."""

from nasmeta.searchers._asha import ASHA
from nasmeta.searchers._bananas import BananasSearch
from nasmeta.searchers._base import SEARCHERS, MetaSearcher, Searcher
from nasmeta.searchers._bohb import BOHB
from nasmeta.searchers._botorch import BoTorchSearch
from nasmeta.searchers._ehvi import EHVISearch, expected_hypervolume_improvement
from nasmeta.searchers._evolution import RegularizedEvolution
from nasmeta.searchers._gp import GPSearch
from nasmeta.searchers._halving import Hyperband, SuccessiveHalving
from nasmeta.searchers._listing import list_searchers, missing_packages as missing_packages
from nasmeta.searchers._local_search import FullLocalSearch, LocalSearch
from nasmeta.searchers._multi_fidelity import MultiFidelitySearcher
from nasmeta.searchers._nsga2 import NSGA2
from nasmeta.searchers._optuna import (
    OptunaGP as OptunaGP,
    OptunaNSGAII as OptunaNSGAII,
    OptunaRandom as OptunaRandom,
    OptunaSearch,
    OptunaTPE as OptunaTPE,
    load_optuna as load_optuna,
    position_distributions as position_distributions,
)
from nasmeta.searchers._parego import ParEGO
from nasmeta.searchers._pareto_local_search import ParetoLocalSearch
from nasmeta.searchers._peers import OwnGenerators as OwnGenerators, PeerSearch as PeerSearch, load_peer as load_peer
from nasmeta.searchers._predictor import PredictorSearch
from nasmeta.searchers._pymoo import PymooNSGA2
from nasmeta.searchers._random import RandomSearch
from nasmeta.searchers._reinforce import Reinforce
from nasmeta.searchers._smac import SMACSearch
from nasmeta.searchers._syne_tune import (
    SyneTuneBORE as SyneTuneBORE,
    SyneTuneCQR as SyneTuneCQR,
    SyneTuneGP as SyneTuneGP,
    SyneTuneKDE as SyneTuneKDE,
    SyneTuneSearch as SyneTuneSearch,
    syne_tune_space as syne_tune_space,
)
from nasmeta.searchers._tpe import TPESearch

__all__ = [
    "ASHA",
    "BOHB",
    "NSGA2",
    "SEARCHERS",
    "BananasSearch",
    "BoTorchSearch",
    "EHVISearch",
    "FullLocalSearch",
    "GPSearch",
    "Hyperband",
    "LocalSearch",
    "MetaSearcher",
    "MultiFidelitySearcher",
    "OptunaSearch",
    "ParEGO",
    "ParetoLocalSearch",
    "PredictorSearch",
    "PymooNSGA2",
    "RandomSearch",
    "RegularizedEvolution",
    "Reinforce",
    "SMACSearch",
    "Searcher",
    "SuccessiveHalving",
    "TPESearch",
    "expected_hypervolume_improvement",
    "list_searchers",
]
