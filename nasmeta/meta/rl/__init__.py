"""Reinforcement learning across tasks: the search as a Markov decision process, and a policy meta-trained on it."""

from nasmeta.meta.rl._meta_rl import LearntPolicy, MetaRLSearch
from nasmeta.meta.rl._policy import Policy
from nasmeta.meta.rl._vector_env import NEW_COST, REST_COST, CellSearchEnvs

__all__ = ["NEW_COST", "REST_COST", "CellSearchEnvs", "LearntPolicy", "MetaRLSearch", "Policy"]
