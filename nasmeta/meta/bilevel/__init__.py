"""The bilevel problem of meta-learning: outer parameters that are shared, inner ones adapted to each task.

Imported only where PyTorch is wanted.
"""

from nasmeta.errors import NasmetaError

try:
    import gpytorch  # noqa: F401
    import torch  # noqa: F401
except ImportError as reason:
    raise NasmetaError(
        f'This meta-learner needs {reason.name}, which is not installed: pip install "nasmeta[torch]".'
    ) from reason

from nasmeta.meta._meta_trainer import MetaTrainer as MetaTrainer, TrainingPlan as TrainingPlan

__all__ = []
