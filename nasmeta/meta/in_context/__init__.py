"""A transformer that reads a target's labels and its sources, predicts, and proposes what to evaluate next.

A new target needs no training, only forward passes; the weights come with the package.
"""

from nasmeta.meta.in_context._network import InContextNetwork as InContextNetwork
from nasmeta.meta.in_context._predictor import InContextModel as InContextModel
from nasmeta.meta.in_context._reading import Reading as Reading, Similarity as Similarity, SourceView as SourceView
from nasmeta.meta.in_context._searcher import SearchState as SearchState

__all__ = []
