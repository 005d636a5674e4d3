"""Meta-NAS: a search network that proposes cells, and a prediction network that screens them."""

from nasmeta.meta.meta_nas._searcher import MetaNASSearch as MetaNASSearch

__all__ = []
