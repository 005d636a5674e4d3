"""Bilevel meta-learning: shared outer parameters, inner parameters adapted to each task. Imports PyTorch."""

from nasmeta.errors import needing

with needing("This meta-learner", "torch"):
    import torch  # noqa: F401

__all__: list[str] = []
