"""Where things lie on this machine: two environment variables, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder", "mirror_address"]


def cache_folder() -> Path:
    """Return the folder of downloads and converted tables: ``NASMETA_CACHE``, else the user's cache folder.

    Examples
    --------
    >>> import os
    >>> os.environ["NASMETA_CACHE"] = "some/folder"  # doctest: +SKIP
    >>> cache_folder()  # doctest: +SKIP
    PosixPath('some/folder')
    """
    chosen = os.environ.get("NASMETA_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("nasmeta", appauthor=False)


def mirror_address() -> str | None:
    """Return ``NASMETA_MIRROR``: a folder or base address that replaces the download addresses, or None."""
    return os.environ.get("NASMETA_MIRROR") or None
