"""The environment variables NASMETA_CACHE and NASMETA_MIRROR."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of downloads and converted tables: ``NASMETA_CACHE``, by default the user's cache folder."""
    chosen = os.environ.get("NASMETA_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("nasmeta", appauthor=False)


def mirror_address() -> str | None:
    """Return ``NASMETA_MIRROR``: a folder or base address in place of all download addresses; None if it is not set."""
    return os.environ.get("NASMETA_MIRROR") or None
