"""Adapters for optimisers of other packages."""

from nasmeta.searchers.peers._optuna import OptunaSearch, position_distributions, suggest_codes
from nasmeta.searchers.peers._peer_search import OwnGenerators, PeerSearch, bounds_of, load_peer
from nasmeta.searchers.peers._syne_tune import syne_tune_domain, syne_tune_space

__all__ = [
    "OptunaSearch",
    "OwnGenerators",
    "PeerSearch",
    "bounds_of",
    "load_peer",
    "position_distributions",
    "suggest_codes",
    "syne_tune_domain",
    "syne_tune_space",
]
