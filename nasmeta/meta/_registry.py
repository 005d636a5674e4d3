"""Meta-predictors by name; each is imported when it is asked for, as most need PyTorch."""

from __future__ import annotations

from typing import Any

from nasmeta.registry import Registry
from nasmeta.searchers import SEARCHERS, MetaSearcher

META_PREDICTORS: Registry[Any] = Registry("meta-predictor", group="nasmeta.meta_predictors")

for _name, _place in (
    ("anil", "bilevel._gradient_learners:ANIL"),
    ("in-context", "in_context._predictor:InContext"),
    ("maml", "bilevel._gradient_learners:MAML"),
    ("meta-dkl", "bilevel._deep_kernel:DeepKernelGP"),
    ("meta-linear", "_meta_linear:MetaLinear"),
    ("meta-np", "neural_process._predictor:MetaNP"),
    ("reptile", "bilevel._gradient_learners:Reptile"),
):
    META_PREDICTORS.declare(_name, f"nasmeta.meta.{_place}", extra="torch")


def is_meta_searcher(name: str) -> bool:
    """Tell whether a searcher of this name is there that learns on source tasks; others are not imported for it."""
    return name in SEARCHERS and issubclass(SEARCHERS[name], MetaSearcher)
