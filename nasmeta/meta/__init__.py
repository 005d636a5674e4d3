"""Learning across tasks: what source tasks teach a searcher before it meets the target."""

from nasmeta.meta._meta_gp import MetaGP, MetaGPSearch, learn_meta_gp
from nasmeta.meta._source_order import SourceOrder

__all__ = ["MetaGP", "MetaGPSearch", "SourceOrder", "learn_meta_gp"]
