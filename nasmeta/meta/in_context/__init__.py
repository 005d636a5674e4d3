"""A transformer that reads a target's labels and its sources, predicts, and proposes what to evaluate next.

A new target needs no training, only forward passes; the weights come with the package.
"""

__all__: list[str] = []
