"""Download of the raw files of sources, with checksums, from the internet or from a mirror."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.errors import DownloadError, UnknownNameError
from nasmeta.progress import progress_bar
from nasmeta.settings import cache_folder, mirror_address
from nasmeta.tables import _store
from nasmeta.tables._catalog import SourceState, list_sources
from nasmeta.tables.sources import FetchedSource, registered_sources

if TYPE_CHECKING:
    from nasmeta.progress import Bar

BASE_ADDRESS = "https://raw.githubusercontent.com"
_TIMEOUT_SECONDS = (10, 60)  # to connect, and between two pieces


def fetch(names: str | Iterable[str], *, progress: bool = False) -> tuple[SourceState, ...]:
    """Download sources, verify them, and add their columns to their tables.

    Files come from the addresses of the registry, or from ``NASMETA_MIRROR``: a base address or a
    folder with the same relative paths. Each file is checked against the registry's sha256; correct
    files are not downloaded again. Sources of installed packages are only read.

    Parameters
    ----------
    names : str or iterable of str
        Names of sources, as ``nasmeta data list`` shows them; a table's name stands for all its
        sources, ``all`` for every source.
    progress : bool, default False
        Whether to show a progress bar on stderr.

    Returns
    -------
    tuple of SourceState
        The state of the fetched sources, now built.

    Raises
    ------
    UnknownNameError
    DownloadError
        If a file cannot be downloaded or has another checksum.
    SettingError
        If the cache folder (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        If a reader cannot read a file.

    Examples
    --------
    >>> from nasmeta.tables import fetch
    >>> fetch("nasgraph-nb201")  # doctest: +SKIP
    >>> fetch("nasgraph-nb2o1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown source 'nasgraph-nb2o1'. Did you mean 'nasgraph-nb201'?
    """
    chosen = _chosen([names] if isinstance(names, str) else names)
    for source in chosen:
        if not source.package:
            with progress_bar(f"{source.name}: files", len(source.files), shown=progress) as bar:
                _fetch_files(source, bar)
        _store.open_or_build(source)
    wanted = {source.name for source in chosen}
    return tuple(state for state in list_sources() if state.name in wanted)


def _chosen(names: Iterable[str]) -> list[FetchedSource]:
    known = registered_sources()
    chosen: dict[str, FetchedSource] = {}
    for name in names:
        matches = {}
        for source in known.values():
            if name in (source.name, source.table, "all"):
                matches[source.name] = source
        if not matches:
            raise UnknownNameError.of("source", name, [*known, *known.tables, "all"])
        chosen |= matches
    return list(chosen.values())


def _fetch_files(source: FetchedSource, bar: Bar) -> None:
    """Download the files of one source; only one process downloads at a time, the others wait and find them."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # the bar shows the progress
    folder = cache_folder() / "downloads"
    base = (mirror_address() or BASE_ADDRESS).rstrip("/") + "/"
    is_web = base.startswith(("http://", "https://"))
    known = {file.path: f"sha256:{file.sha256}" for file in source.files}
    downloads = pooch.create(folder, base, registry=known, retry_if_failed=2 if is_web else 0)
    downloader = _download if is_web else _copy
    with _store.exclusive(folder / "downloads"):
        for file in source.files:
            try:
                downloads.fetch(file.path, downloader=downloader)
            except (ValueError, requests.RequestException, FileNotFoundError) as reason:
                raise DownloadError(
                    f"{source.name}: {base}{file.path} could not be fetched: {reason}. Wanted: {file.bytes:,} bytes "
                    f"with sha256 {file.sha256}. Put this file at {folder / file.path} and run `nasmeta data fetch "
                    f"{source.name}` again, or set NASMETA_MIRROR to a folder or base address that has {file.path}."
                ) from reason
            bar.advance()


def _download(address: str, output_file: Any, pooch: Any) -> None:
    import requests

    response = requests.get(address, timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    Path(output_file).write_bytes(response.content)


def _copy(address: str, output_file: Any, pooch: Any) -> None:
    """Copy a file from a mirror that is a folder."""
    shutil.copyfile(Path(address).expanduser(), output_file)
