"""A page that shows all tables: values, best architectures, Pareto fronts, correlations, noise, and a search."""

from nasmeta.exploration._explore import explore

__all__ = ["explore"]
