"""Searchers that learn from source tasks before they search."""

from __future__ import annotations

__all__: list[str] = []
