"""The bilevel problem of meta-learning: outer parameters that are shared, inner ones adapted to each task.

Imported only where PyTorch is wanted.
"""

from nasmeta.errors import needing

with needing("This meta-learner", "torch"):
    import gpytorch  # noqa: F401
    import torch  # noqa: F401

from nasmeta.meta._meta_trainer import MetaTrainer as MetaTrainer, TrainingPlan as TrainingPlan

__all__ = []
