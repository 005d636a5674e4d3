"""Searchers without source tasks: random, local search, evolution, Gaussian process. See ``nasmeta.meta`` for the others."""

from nasmeta.searchers._base import SEARCHERS, MetaSearcher, Searcher
from nasmeta.searchers._evolution import RegularizedEvolution
from nasmeta.searchers._local_search import FullLocalSearch, LocalSearch
from nasmeta.searchers._random import RandomSearch

__all__ = [
    "SEARCHERS",
    "FullLocalSearch",
    "LocalSearch",
    "MetaSearcher",
    "RandomSearch",
    "RegularizedEvolution",
    "Searcher",
]
