"""Importing official files: recognised by content, converted in chunks, whole in the store or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.errors import ArchitectureError, DamagedFileError, NasmetaError, SettingError
from nasmeta.files import move, sha256_of, temporary_of, write_to_disk
from nasmeta.spaces import CellSpace, get_cell_space
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables.official._assemble import Assembly
from nasmeta.tables.official._curve_file import write_curves
from nasmeta.tables.official._records import Chunk, Key
from nasmeta.tables.official._sources import imported_source
from nasmeta.tables.official._unpickle import Forgotten, read_records
from nasmeta.tables.sources import Columns
from nasmeta.tables.sources._base import store_path

_VERSION = 1  # raised where the same files become other chunks
_RECORDS_A_CHUNK = 100
_MOST_WORKERS = 4  # each takes some 80 MB
_CELL_FILE = re.compile(r"\d+(-FULL)?\.(pickle|pickle\.pbz2|pth)")  # inside they are told apart by content
_NB201 = {"less", "full"}
_NATS = {"12", "200"}

_Report = Callable[[int, int], None]  # how many files, or cells, of how many are converted


@dataclass(frozen=True)
class Imported:
    """What an import brought."""

    source: str  # its name in `nasmeta data list`
    release: str
    n_cells: int  # how many have measurements
    n_columns: int
    n_curves: int  # how many kinds of learning curves there are
    path: Path  # of the columnar file


def import_official(
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    progress: _Report | None = None,
    replace: bool = False,
) -> Imported:
    """Convert official files of NAS-Bench-201 and add what they hold to the table ``nb201``.

    These are recognised by content: ``NAS-Bench-201-v1_0-e61699.pth``, ``NAS-Bench-201-v1_1-096897.pth``,
    ``NATS-tss-v1_0-3ffb9.pickle.pbz2``, a NATS-tss archive (a folder ``…-simple`` or ``…-full`` with a file for each
    cell) or one file of it, and NASLib's ``nb201_*_full_training.pickle``. All splits, seeds, epochs, times and costs
    become columns, and learning curves; cells are joined by their strings, which the recorded indices must not
    contradict. What was imported from the same release before is replaced, whole or not at all, unless it has more
    cells: a sample must not take the place of an archive. Neither torch nor the official packages are needed, and
    nothing that a pickle asks for is run.

    Files are read as a stream: memory stays below 500 MB. A folder is converted in parallel, and an import of one that
    was interrupted goes on with what is converted already. On the way it takes twice the room of the result, which has
    some 650 MB for a complete release with its learning curves.

    Parameters
    ----------
    path : path-like
        A file or a folder.
    workers : int, optional
        Processes that convert a folder; as many as there are processors, but at most 4, where left out.
    progress : callable (int, int), optional
        Is told how many files, or cells, of how many are converted.
    replace : bool, default False
        Replace an earlier import of the same release even if it has more cells.

    Returns
    -------
    Imported

    Raises
    ------
    SettingError
        Where no file or folder is at the path, an earlier import has more cells, or the cache folder
        (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        Where it is no official file, or a damaged one; the store stays as it was.
    UnsafePickleError
        Where a pickle asks for what official files do not contain; nothing of it was run.

    Examples
    --------
    >>> from nasmeta.tables import import_official
    >>> import_official("NATS-tss-v1_0-3ffb9-simple")  # doctest: +SKIP
    >>> import_official("not-here")
    Traceback (most recent call last):
    nasmeta.errors.SettingError: There is no file or folder not-here.
    """
    path = Path(path).expanduser()
    if workers is not None and workers < 1:
        raise SettingError(f"workers must be 1 or more, not {workers}.")
    if not path.is_file() and not path.is_dir():
        raise SettingError(f"There is no file or folder {path}.")
    space = get_cell_space("nb201")
    report = progress or (lambda done, of: None)
    store = store_path(imported_source("nats-tss-v1.0-official")).parent
    with _store.writable(store), _store.only_one(store / "import"):
        work = store / ".import"
        work.mkdir(exist_ok=True)
        try:
            if path.is_dir():
                chunks, kind = _convert_folder(path, work, workers, report)
            else:
                chunks, kind = _convert_file(path, work, space, report)
            found = _assemble(path, chunks, kind, space, replace)
        except BaseException:
            if not path.is_dir():  # the chunks of a folder are kept: the next import goes on with them
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)
    return found


def _cell_files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if _CELL_FILE.fullmatch(file.name))
    if not files:
        raise DamagedFileError(
            f"{folder} is no official archive: it has no file for a cell, such as 000000.pickle.pbz2. "
            "Give the folder NATS-tss-v1_0-3ffb9-simple itself, or a single file."
        )
    return files


def _convert_folder(folder: Path, work: Path, workers: int | None, report: _Report) -> tuple[list[Path], set[str]]:
    """Convert an archive, a chunk of files at a time; chunks that are there already are of an interrupted import."""
    import joblib
    from joblib.externals import loky

    files = _cell_files(folder)
    root = read_records(files[0], lambda cell, record: None, one_cell=True)
    kind = set(root) if isinstance(root, dict) else set()
    jobs = []
    for start in range(0, len(files), _RECORDS_A_CHUNK):
        some = files[start : start + _RECORDS_A_CHUNK]
        facts = [_VERSION, [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in some]]
        jobs.append((work / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]}.npz", some))
    for stale in set(work.iterdir()) - {chunk for chunk, _ in jobs}:  # of another import, or of one that was killed
        stale.unlink(missing_ok=True)
    todo = [job for job in jobs if not job[0].is_file()]
    done = len(files) - sum(len(some) for _, some in todo)
    report(done, len(files))
    at_once = min(workers or min(joblib.cpu_count(), _MOST_WORKERS), max(len(todo), 1))
    convert = joblib.Parallel(at_once, return_as="generator_unordered")
    for n_files in convert(joblib.delayed(_convert_cells)(some, chunk) for chunk, some in todo):
        done += n_files
        report(done, len(files))
    if at_once > 1:
        loky.get_reusable_executor().shutdown()  # idle workers would keep their memory
    return [chunk for chunk, _ in jobs], kind


def _convert_cells(files: Sequence[Path], chunk_file: Path) -> int:
    """Convert some files of one cell each; runs in a process of its own."""
    chunk = Chunk(get_cell_space("nb201"))
    digest = hashlib.sha256()
    for file in files:
        before = chunk.n_records
        root = read_records(file, partial(_add, chunk), one_cell=True, forget=False)
        if chunk.n_records == before:
            raise DamagedFileError(f"{file} holds no cell of an official archive.")
        _require_consistent(file, {None: root}, chunk.space)
        digest.update(sha256_of(file).encode())
    chunk.write(chunk_file, digest.hexdigest())
    return len(files)


def _convert_file(file: Path, work: Path, space: CellSpace, report: _Report) -> tuple[list[Path], set[str]]:
    for forget in (True, False):
        for stale in work.iterdir():
            stale.unlink(missing_ok=True)
        chunks = _Chunks(work, space, report)
        try:
            root = read_records(file, chunks.add, forget=forget)
        except Forgotten:
            continue  # written by some other way than the official one: read it in whatever memory it needs
        break
    if not chunks.n_records:
        raise DamagedFileError(
            f"{file} is no official file: it has no record of a cell. Possible: NAS-Bench-201-v1_0-e61699.pth, "
            "NAS-Bench-201-v1_1-096897.pth, NATS-tss-v1_0-3ffb9.pickle.pbz2, nb201_…_full_training.pickle of NASLib, "
            "and the folders NATS-tss-v1_0-3ffb9-simple and -full."
        )
    infos = root.get("arch2infos", {None: root}) if isinstance(root, dict) else None  # or it is about one cell
    found = {i: halves for i, halves in infos.items() if isinstance(halves, dict)} if isinstance(infos, dict) else {}
    _require_consistent(file, found, space)
    chunks.write()
    return chunks.files, {name for halves in found.values() for name, _ in _records_in(halves)}


def _records_in(halves: Any) -> list[tuple[Any, dict[Any, Any]]]:
    """Return the records of a cell, one for each number of epochs, as they are left once the results are read."""
    items = halves.items() if isinstance(halves, dict) else ()
    return [(name, record) for name, record in items if isinstance(record, dict) and "arch_str" in record]


def _require_consistent(file: Path, cells: Mapping[Any, Any], space: CellSpace) -> None:
    """Refuse records that contradict themselves: their string, their index, and those of the cell's other half.

    `cells` leads from the index under which a cell is found, None where there is none, to its records by length.
    """
    for index, halves in cells.items():
        records = [record for _, record in _records_in(halves)]
        indices = [index, *(record.get("arch_index") for record in records)]
        said = {int(i) for i in indices if isinstance(i, int | np.integer)}
        try:
            found = {int(space.index_of(str(record["arch_str"]))) for record in records}
        except ArchitectureError as reason:
            raise DamagedFileError(f"{file} is not about NAS-Bench-201 (the topology space): {reason}") from reason
        if len(said | found) > 1:
            raise DamagedFileError(
                f"{file}: a record contradicts itself: its strings are those of cell "
                f"{' and '.join(map(str, sorted(found)))}, its indices say {' and '.join(map(str, sorted(said)))}."
            )


def _add(chunk: Chunk, cell: str, record: dict[Any, Any]) -> None:
    try:
        chunk.add(cell, record)
    except ArchitectureError as reason:
        raise DamagedFileError(f"It is not about NAS-Bench-201 (the topology space): {reason}") from reason


class _Chunks:
    """Takes the records of a stream and writes a chunk whenever there are enough."""

    def __init__(self, work: Path, space: CellSpace, report: _Report) -> None:
        self._work, self._space, self._report = work, space, report
        self._chunk = Chunk(space)
        self._cells: set[str] = set()
        self.n_records = 0
        self.files: list[Path] = []

    def add(self, cell: str, record: dict[Any, Any]) -> None:
        if self._chunk.n_records >= _RECORDS_A_CHUNK:
            self.write()
        _add(self._chunk, cell, record)
        self.n_records += 1
        self._cells.add(cell)

    def write(self) -> None:
        self.files.append(self._work / f"{len(self.files):06d}.npz")
        self._chunk.write(self.files[-1])
        self._chunk = Chunk(self._space)
        self._report(len(self._cells), self._space.n_cells)


def _source_name(kind: set[str], keys: set[Key]) -> str:
    """Return the source that these records are; the two releases of NAS-Bench-201 differ in their 12-epoch runs."""
    runs = {key.run for key in keys}
    if any(key.seed is None for key in keys):
        if len(runs - {"cifar10"}) == 1 or runs == {"cifar10"}:
            return {
                "cifar10": "naslib-cifar10", "cifar10-valid": "naslib-cifar10",
                "cifar100": "naslib-cifar100", "ImageNet16-120": "naslib-imagenet16-120",
            }[(runs - {"cifar10"} or runs).pop()]  # fmt: skip
        raise DamagedFileError(f"NASLib's files are about one dataset, not about {', '.join(sorted(runs))}.")
    if kind and kind <= _NATS:
        return "nats-tss-v1.0-official"
    if kind and kind <= _NB201:
        short = {key.run for key in keys if key.epochs == 12}
        return "nb201-v1.0-official" if short <= {"cifar10-valid"} else "nb201-v1.1-official"
    raise DamagedFileError(
        f"Its numbers of epochs are called {', '.join(sorted(map(str, kind))) or 'nothing'}: neither 'less' and 'full' "
        "(NAS-Bench-201) nor '12' and '200' (NATS-Bench)."
    )


def _cells_imported(file: Path) -> int:
    """Return how many cells an earlier import has; 0 where there is none, or a damaged one."""
    try:
        return int(ColumnFile(file).origin.get("cells", 0))
    except (OSError, NasmetaError):
        return 0


def _assemble(path: Path, chunks: list[Path], kind: set[str], space: CellSpace, replace: bool) -> Imported:
    """Write both files beside their places, whole, and only then move them there.

    Their headers have the same origin, by which they know each other: a kill between the two moves leaves an earlier
    import's curves beside the new columns, which are then not taken for theirs.
    """
    try:
        with Assembly(chunks, space.size) as assembly:
            name = _source_name(kind, assembly.keys)
            ends, curves = imported_source(name), imported_source(name, curves=True)
            files = "".join(assembly.sha256)  # of a folder
            sha256 = hashlib.sha256(files.encode()).hexdigest() if files else sha256_of(path)
            cells, before = len(assembly.cells), _cells_imported(store_path(ends))
            if before > cells and not replace:
                raise SettingError(
                    f"it has {cells:,} cells of {ends.release}; an earlier import has {before:,}, which would be lost. "
                    "`nasmeta data import --replace PATH` replaces it all the same."
                )
            origin = {"version": _VERSION, "files": {}, "imported": path.name, "sha256": sha256, "cells": cells}
            columns: Columns = []
            places = [store_path(ends), store_path(curves)]
            temporaries = [temporary_of(place) for place in places]
            for place in places:
                _store.remove_stale(place)
            try:
                blocks = assembly.blocks(ends, sha256, columns)
                n_curves = write_curves(temporaries[1], space.name, space.size, assembly.cells, blocks, origin)
                write_to_disk(temporaries[0], encode(space, columns, origin))
                move(temporaries[0], places[0])
                if n_curves:
                    move(temporaries[1], places[1])
                else:
                    places[1].unlink(missing_ok=True)
            finally:
                for temporary in temporaries:
                    temporary.unlink(missing_ok=True)
    except NasmetaError as reason:
        raise type(reason)(f"{path}: {reason}") from reason
    except (OSError, MemoryError):  # of this machine, not of the file
        raise
    except Exception as reason:  # what was read may be put together in ways that nobody has thought of
        raise DamagedFileError(f"{path} cannot be converted: {type(reason).__name__}: {reason}") from reason
    n_measured = int(np.any([~np.isnan(values) for _, values in columns], axis=0).sum())
    return Imported(name, ends.release, n_measured, len(columns), n_curves, store_path(ends))
