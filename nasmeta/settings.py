"""Where things lie on this machine: two environment variables, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from nasmeta.errors import SettingError


def cache_folder() -> Path:
    """Return the folder of downloads and converted tables: ``NASMETA_CACHE``, else the user's cache folder.

    ``NASMETA_CACHE`` may begin with ``~``; an empty value means the same as none. Nothing is made here.
    """
    chosen = os.environ.get("NASMETA_CACHE")
    if not chosen:
        from platformdirs import user_cache_path

        chosen = str(user_cache_path("nasmeta", appauthor=False))
    try:
        if not chosen.strip():
            raise ValueError("its name is blank")
        chosen.encode()  # Arrow maps no file whose path is not UTF-8
        folder = Path(chosen).expanduser()
        (folder / "tables").stat()  # what is inside a folder that may not be entered cannot be looked at
    except FileNotFoundError:
        pass  # it is made when something is written
    except (OSError, RuntimeError, ValueError) as reason:
        shown = chosen if len(chosen) <= 100 else f"{chosen[:50]}...{chosen[-50:]}"
        why = reason.strerror if isinstance(reason, OSError) else str(reason).rstrip(".")
        why = "its name holds bytes that are no UTF-8" if isinstance(reason, UnicodeEncodeError) else why
        raise SettingError(
            f"The cache folder {shown!r} cannot be used: {why}. "
            "Set the environment variable NASMETA_CACHE to a folder that you may write to."
        ) from reason
    return folder


def mirror_address() -> str | None:
    """Return ``NASMETA_MIRROR``: a folder or base address that replaces the download addresses, or None."""
    return os.environ.get("NASMETA_MIRROR") or None
