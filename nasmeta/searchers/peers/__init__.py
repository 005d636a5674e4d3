"""Adapters for optimisers of other packages."""

from nasmeta.searchers.peers._optuna import OptunaSearch, suggest_codes
from nasmeta.searchers.peers._peer_search import OwnGenerators, PeerSearch, load_peer
from nasmeta.searchers.peers._syne_tune import syne_tune_space

__all__ = [
    "OptunaSearch",
    "OwnGenerators",
    "PeerSearch",
    "load_peer",
    "suggest_codes",
    "syne_tune_space",
]
