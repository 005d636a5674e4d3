"""Adapters for optimisers of other packages."""

from nasmeta.searchers.peers._ax import AxSearch as AxSearch
from nasmeta.searchers.peers._base import (
    OwnGenerators as OwnGenerators,
    PeerSearch as PeerSearch,
    load_peer as load_peer,
)
from nasmeta.searchers.peers._botorch import BoTorchSearch as BoTorchSearch
from nasmeta.searchers.peers._optuna import (
    OptunaGP as OptunaGP,
    OptunaNSGAII as OptunaNSGAII,
    OptunaRandom as OptunaRandom,
    OptunaSearch as OptunaSearch,
    OptunaTPE as OptunaTPE,
    load_optuna as load_optuna,
    position_distributions as position_distributions,
)
from nasmeta.searchers.peers._pymoo import PymooNSGA2 as PymooNSGA2
from nasmeta.searchers.peers._smac import SMACSearch as SMACSearch
from nasmeta.searchers.peers._syne_tune import (
    SyneTuneBORE as SyneTuneBORE,
    SyneTuneCQR as SyneTuneCQR,
    SyneTuneGP as SyneTuneGP,
    SyneTuneKDE as SyneTuneKDE,
    SyneTuneSearch as SyneTuneSearch,
    syne_tune_space as syne_tune_space,
)
