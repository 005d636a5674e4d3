"""Reinforcement learning across tasks: the search as a Markov decision process, and a policy meta-trained on it."""

from typing import TYPE_CHECKING, Any

from nasmeta.meta.rl._meta_rl import LearntPolicy as LearntPolicy, MetaRLSearch as MetaRLSearch
from nasmeta.meta.rl._policy import Policy as Policy
from nasmeta.meta.rl._ppo_search import PPOSearch as PPOSearch
from nasmeta.meta.rl._vector_env import NEW_COST as NEW_COST, REST_COST as REST_COST, CellSearchEnvs as CellSearchEnvs

if TYPE_CHECKING:
    from nasmeta.meta.rl._environment import CellSearchEnv

__all__ = [
    "CellSearchEnv",
]


def __getattr__(name: str) -> Any:
    if name == "CellSearchEnv":  # needs gymnasium, an extra
        from nasmeta.meta.rl._environment import CellSearchEnv

        return CellSearchEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
