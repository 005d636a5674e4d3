"""Meta-predictors by name; those that need PyTorch are imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nasmeta.registry import Registry

__all__ = ["META_PREDICTORS"]


class _MetaPredictors(Registry[Any]):
    """A registry whose entries are classes, or ``"module:class"``."""

    def __getitem__(self, name: str) -> Any:
        entry = super().__getitem__(name)
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            if module.count(".") > 2:  # with a network: a missing PyTorch gets a readable error there
                import_module("nasmeta.meta.bilevel")
            entry = getattr(import_module(module), attribute)
        return entry

    def name_of(self, kind: type) -> str | None:
        """Return the name under which a class is registered, without importing the others."""
        known = (kind, f"{kind.__module__}:{kind.__qualname__}")
        return next((name for name, entry in self._entries.items() if entry in known), None)


META_PREDICTORS = _MetaPredictors("meta-predictor")

for _name, _place in (
    ("anil", "bilevel._gradient_learners:ANIL"),
    ("maml", "bilevel._gradient_learners:MAML"),
    ("meta-dkl", "bilevel._deep_kernel:DeepKernelGP"),
    ("meta-linear", "_meta_linear:MetaLinear"),
    ("meta-np", "neural_process._predictor:MetaNP"),
    ("reptile", "bilevel._gradient_learners:Reptile"),
):
    META_PREDICTORS.register(_name)(f"nasmeta.meta.{_place}")
