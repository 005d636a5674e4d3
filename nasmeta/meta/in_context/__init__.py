"""Experts that predict a target from its labels and its sources, and a transformer that reads their predictions."""

from nasmeta.meta.in_context._network import (
    HEADS as HEADS,
    LAYERS as LAYERS,
    LEAST_DEVIATION as LEAST_DEVIATION,
    WEIGHTS_FILE as WEIGHTS_FILE,
    WIDTH as WIDTH,
    InContextNetwork as InContextNetwork,
    chosen_weights as chosen_weights,
    read_weights as read_weights,
    shipped_weights as shipped_weights,
)
from nasmeta.meta.in_context._reading import (
    EXPERTS as EXPERTS,
    INPUTS as INPUTS,
    SIMILARITIES as SIMILARITIES,
    Reading as Reading,
    Similarity as Similarity,
    SourceView as SourceView,
    deviations_of as deviations_of,
    read as read,
)
from nasmeta.meta.in_context._searcher import SearchState as SearchState

__all__: list[str] = []
