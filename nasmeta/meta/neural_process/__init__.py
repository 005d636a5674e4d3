"""A transformer that takes a target's labels as its context: adaptation is one forward pass.

The searcher is there without PyTorch, which it imports when it learns or searches.
"""

from nasmeta.meta.neural_process._searcher import MetaNPSearch as MetaNPSearch

__all__ = []
