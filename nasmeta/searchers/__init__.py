"""Searchers: ask/tell optimisers over a space, and adapters for other packages.

The searchers are in `SEARCHERS`, by name, and imported on first use; ``nasmeta.searchers.peers``
has the adapters.
"""

from typing import TYPE_CHECKING

from nasmeta.lazy import lazy_names
from nasmeta.searchers._registered import list_searchers
from nasmeta.searchers._searcher import (
    SEARCHERS,
    MetaSearcher,
    MultiFidelitySearcher,
    Searcher,
    WithoutReplacement,
)

if TYPE_CHECKING:
    from nasmeta.searchers._candidates import CandidateSearch
    from nasmeta.searchers._gp import GPSearch
    from nasmeta.searchers._predictor import PredictorSearch
    from nasmeta.searchers._random import RandomSearch
    from nasmeta.searchers._subset import SubsetSearch

__all__ = [
    "SEARCHERS",
    "CandidateSearch",
    "GPSearch",
    "MetaSearcher",
    "MultiFidelitySearcher",
    "PredictorSearch",
    "RandomSearch",
    "Searcher",
    "SubsetSearch",
    "WithoutReplacement",
    "list_searchers",
]

__getattr__ = lazy_names(
    __name__,
    {
        "_candidates": "CandidateSearch",
        "_gp": "GPSearch",
        "_predictor": "PredictorSearch",
        "_random": "RandomSearch",
        "_subset": "SubsetSearch",
    },
)
