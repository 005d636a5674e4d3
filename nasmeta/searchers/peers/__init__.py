"""Adapters for optimisers of other packages and languages."""

from nasmeta.searchers.peers._command import CommandSearch
from nasmeta.searchers.peers._optuna import OptunaSearch, suggest_codes
from nasmeta.searchers.peers._peer_search import OwnGenerators, PeerSearch, load_peer
from nasmeta.searchers.peers._syne_tune import syne_tune_space

__all__ = [
    "CommandSearch",
    "OptunaSearch",
    "OwnGenerators",
    "PeerSearch",
    "load_peer",
    "suggest_codes",
    "syne_tune_space",
]
