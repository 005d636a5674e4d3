"""Fetching the raw files of sources: verified, whole or not at all, from the internet or from a mirror."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from nasmeta.errors import DownloadError, SettingError, UnknownNameError, shown
from nasmeta.progress import progress_bars
from nasmeta.settings import cache_folder, mirror_address
from nasmeta.tables import _store
from nasmeta.tables._catalog import SourceState, list_sources
from nasmeta.tables.sources import FetchedSource, RegisteredFile, RegisteredSource, registered_sources

_BASE_ADDRESS = "https://raw.githubusercontent.com"
_TIMEOUT_SECONDS = (10, 60)  # to connect, and between two pieces
_ATTEMPTS = 3
_PIECE = 1 << 16
open_to_write = open  # by a name of its own, so that a test can fill the disk

_Report = Callable[[RegisteredFile, int], None]  # how many bytes of a file are here


def fetch(names: str | Iterable[str], *, progress: bool = False) -> tuple[SourceState, ...]:
    """Download sources, verify them, and add their columns to their tables; what a package brings is only read.

    Files come from the addresses of the registry, or from ``NASMETA_MIRROR``: a base address, or a folder, with the
    same relative paths. Each file is checked against the registry's sha256. What is here and right already is not
    fetched again, and an interrupted download goes on where it stopped.

    Parameters
    ----------
    names : str or iterable of str
        Names of sources, as ``nasmeta data list`` shows them; the name of a table means all its sources; ``all``.
    progress : bool, default False
        Whether a progress bar is shown on stderr.

    Returns
    -------
    tuple of SourceState
        The state of the fetched sources, now built.

    Raises
    ------
    UnknownNameError
    DownloadError
        Where a file cannot be had, or is not the registered one; says where to put it by hand.
    SettingError
        Where the cache folder (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        Where a file does not hold what its reader expects.

    Examples
    --------
    >>> from nasmeta.tables import fetch
    >>> fetch("nasgraph-nb201")  # doctest: +SKIP
    >>> fetch("nasgraph-nb2o1")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown source 'nasgraph-nb2o1'. Did you mean 'nasgraph-nb201'? Possible: ...
    """
    chosen = _chosen([names] if isinstance(names, str) else names)
    with _quiet_pooch(), _bar(chosen, progress) as report:
        for source in chosen:
            if not source.package:
                _fetch_files(source, report)
            _store.open_or_build(FetchedSource(source))
    wanted = {source.name for source in chosen}
    return tuple(state for state in list_sources() if state.name in wanted)


def _chosen(names: Iterable[str]) -> list[RegisteredSource]:
    known = registered_sources()
    found: dict[str, RegisteredSource] = {}
    for name in names:
        matches = [source for source in known.values() if name in (source.name, source.table, "all")]
        if not matches:
            raise UnknownNameError.of("source", name, [*known, *{source.table for source in known.values()}, "all"])
        found |= {source.name: source for source in matches}
    return list(found.values())


def _fetch_files(source: RegisteredSource, report: _Report) -> None:
    """Bring the files of one source; only one process fetches at a time, the others wait and find them."""
    import pooch

    folder = cache_folder() / "downloads"
    base = mirror_address() or _BASE_ADDRESS
    downloads = pooch.create(folder, base, registry={file.path: f"sha256:{file.sha256}" for file in source.files})
    with _store.writable(folder), _store.only_one(folder / "downloads"):
        for file in source.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            for stale in target.parent.glob("tmp????????"):  # pooch's, of a process that was killed; we hold the lock
                stale.unlink()
            for attempt in range(_ATTEMPTS):
                transport = _Transport(base, file, target.with_name(f"{target.name}.part"), report)
                try:
                    downloads.fetch(file.path, downloader=transport)
                    break
                except ValueError as reason:  # the checksum: a continued download may mix two contents, so start over
                    if not transport.continued or attempt == _ATTEMPTS - 1:
                        raise _unfetched(source, file, transport.address, str(reason)) from reason
                except _Failed as reason:
                    if reason.final or attempt == _ATTEMPTS - 1:
                        raise _unfetched(source, file, transport.address, str(reason)) from reason
                    time.sleep(0.2 * 2**attempt)
            report(file, file.bytes)


def _unfetched(source: RegisteredSource, file: RegisteredFile, address: str, reason: str) -> DownloadError:
    return DownloadError(
        f"{source.name}: {address} could not be fetched: {reason.strip().rstrip('.')}. "
        f"Wanted: {file.bytes:,} bytes with sha256 {file.sha256}. By hand: put this file at "
        f"{cache_folder() / 'downloads' / file.path} and run `nasmeta data fetch {source.name}` again; or set "
        f"NASMETA_MIRROR to a folder, or to a base address, that has it under {file.path}."
    )


class _Failed(Exception):
    """A transfer that failed; `final` where trying again is useless."""

    def __init__(self, reason: object, final: bool) -> None:
        super().__init__(str(reason))
        self.final = final


class _Transport:
    """Brings one file to where pooch wants it; pooch then verifies it and gives it its name in one step.

    A download grows in a file of its own, so that the next attempt, in whatever process, goes on from there.
    """

    def __init__(self, base: str, file: RegisteredFile, part: Path, report: _Report) -> None:
        self._file, self._part, self._report = file, part, report
        self._folder = _as_folder(base)
        self.continued = False
        if self._folder is None:
            self.address = f"{base.rstrip('/')}/{quote(file.path)}"
        else:
            self.address = str(self._folder / file.path)

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        """Write the file to `output_file`, as pooch asks its downloaders to."""
        if self._folder is not None:
            try:
                source = open(self.address, "rb")  # noqa: SIM115
            except OSError as reason:
                raise _Failed(reason.strerror or reason, final=True) from reason
            with source, open_to_write(output_file, "wb") as target:
                shutil.copyfileobj(source, target)
            return
        import requests

        try:
            self._download()
        except OSError as reason:
            if not isinstance(reason, requests.RequestException):  # this machine's: a full disk must not keep the part
                self._part.unlink(missing_ok=True)
                raise
            raise _Failed(_in_words(reason), final=False) from reason
        os.replace(self._part, output_file)

    def _download(self) -> None:
        import requests

        have = self._part.stat().st_size if self._part.is_file() else 0
        if have >= self._file.bytes:
            have = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(self.address, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
            if answer.status_code >= 400:
                self._part.unlink(missing_ok=True)
                final = answer.status_code < 500 and answer.status_code not in (408, 416, 429)
                raise _Failed(f"the server answers {answer.status_code} {answer.reason}", final=final)
            start = f"bytes {have}-"
            self.continued = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(start)
            if not self.continued:
                have = 0
            with open_to_write(self._part, "ab" if self.continued else "wb") as part:
                for piece in answer.iter_content(_PIECE):
                    have += len(piece)
                    if have > self._file.bytes:
                        break
                    part.write(piece)
                    self._report(self._file, have)
        if have > self._file.bytes:
            self._part.unlink(missing_ok=True)
            raise _Failed(f"the server sends more than {self._file.bytes:,} bytes", final=True)
        if have < self._file.bytes:  # cut off, perhaps: the next attempt goes on from here
            raise _Failed(f"the server sends {have:,} bytes instead of {self._file.bytes:,}", final=False)


def _in_words(reason: BaseException) -> str:
    """Return the innermost cause of a chain of network errors: the outer ones repeat the address at length."""
    inner = getattr(reason.args[0], "reason", reason.args[0]) if reason.args else reason
    return f"{type(reason).__name__}: {str(inner).rpartition('>: ')[2] or str(reason)}"


def _as_folder(base: str) -> Path | None:
    """Return the folder that a base address means, or None where it is an address in a network."""
    try:
        parts = urlsplit(base)
        if parts.scheme in ("http", "https"):
            return None
        if "://" in base and parts.scheme != "file":
            raise ValueError(f"its scheme is {parts.scheme!r}")
        return Path(unquote(parts.path) if parts.scheme == "file" else base).expanduser()
    except (ValueError, RuntimeError) as reason:
        raise SettingError(
            f"NASMETA_MIRROR is {shown(base)}, which cannot be used: {reason}. "
            "Possible: a folder, file://…, http://… or https://…"
        ) from reason


@contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch from announcing each file: the bar does."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _bar(sources: Iterable[RegisteredSource], shown: bool) -> Iterator[_Report]:
    with progress_bars(shown=shown, in_bytes=True) as add:
        bars = {source.name: add(source.name, source.bytes, 0) for source in sources}
        of = {file.path: (source.name, file) for source in sources for file in source.files}
        here: dict[str, int] = {}

        def report(file: RegisteredFile, have: int) -> None:
            here[file.path] = have
            name = of[file.path][0]
            bars[name].update(sum(n for path, n in here.items() if of[path][0] == name))

        yield report
