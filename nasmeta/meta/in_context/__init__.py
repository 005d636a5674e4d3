"""Experts that predict a target from its labels and its sources, and a transformer that reads their predictions."""

__all__: list[str] = []
