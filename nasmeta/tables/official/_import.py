"""The import of official files of NAS-Bench-201."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Floats32
from nasmeta.errors import DamagedFileError, SettingError, UnsafePickleError
from nasmeta.files import sha256_of
from nasmeta.spaces import get_cell_space
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import write_files
from nasmeta.tables._columns import ColumnInfo, Kind, Seed, SparseValues, mean_over_seeds
from nasmeta.tables._nb201_measurements import MEASUREMENTS
from nasmeta.tables.official._records import Key, trials_of
from nasmeta.tables.official._unpickle import read_records
from nasmeta.tables.sources import IMPORTED, Columns

_CELLS_AT_ONCE = 100
_MOST_WORKERS = 4
_CELL_FILE = re.compile(r"\d+(-FULL)?\.(pickle|pickle\.pbz2|pth)")

_Report = Callable[[int, int], None]  # number of converted files or cells, and their total
_Measured = dict[Key, list[tuple[int, Floats32]]]  # the cells with their values


# -- import
@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    source: str  # its name in `nasmeta data list`
    release: str
    n_cells: int  # cells with measurements
    n_columns: int
    n_curves: int  # kinds of learning curves


def import_official(path: str | os.PathLike[str], *, progress: _Report | None = None) -> Imported:
    """Convert official files of NAS-Bench-201 and add their columns to the table ``nb201``.

    The content determines the release: ``NAS-Bench-201-v1_0-e61699.pth``,
    ``NAS-Bench-201-v1_1-096897.pth``, ``NATS-tss-v1_0-3ffb9.pickle.pbz2``, a NATS-tss archive (a
    folder ``…-simple`` or ``…-full`` with one file per cell), or one file of an archive. All
    splits, seeds and costs become columns; accuracies and losses after each epoch become learning
    curves. Cells are identified by their strings. An earlier import of the same release is replaced
    after the conversion. Neither torch nor the official packages are needed, and no code in a
    pickle is run.

    Files are read as a stream. A complete release takes about 2 GB of memory and of disk space.

    Parameters
    ----------
    path : path-like
        A file or a folder, whose files up to four processes convert.
    progress : callable (int, int), optional
        Receives the number of converted files or cells, and their total.

    Returns
    -------
    Imported

    Raises
    ------
    SettingError
        If the cache folder (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        If the file is not an official file, or is damaged; the store is unchanged.
    UnsafePickleError
        If a pickle names an object that official files do not contain.

    Examples
    --------
    >>> from nasmeta.tables import import_official
    >>> import_official("NATS-tss-v1_0-3ffb9-simple")  # doctest: +SKIP
    """
    path = Path(path).expanduser()
    report = progress or (lambda done, of: None)
    try:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if _CELL_FILE.fullmatch(file.name))
            if not files:
                raise DamagedFileError(f"{path} has no file of a cell, such as 000000.pickle.pbz2.")
            measured, lengths = _of_folder(files, report)
            sha256 = hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()
        else:
            measured, lengths = _of_files([path], report)
            sha256 = sha256_of(path)
        name = _source_name(lengths, measured)
        ends, curves, cells = _columns(name, measured, sha256)
        _write(name, ends, curves, cells)
    # clear, as a DamagedFileError, or of this machine
    except (SettingError, UnsafePickleError, OSError, MemoryError):
        raise
    except Exception as reason:  # an unknown structure may fail with nearly any exception
        raise DamagedFileError(
            f"{path} cannot be converted: {type(reason).__name__}: {reason}"
        ) from reason
    n_curves = sum(info.epoch == 1 for info, _ in curves)
    return Imported(name, IMPORTED[name].release, len(cells), len(ends), n_curves)


def _of_folder(files: Sequence[Path], report: _Report) -> tuple[_Measured, set[str]]:
    """Return the measurements in the files of an archive, and the names of its lengths of trainings."""
    import joblib

    parts = [files[i : i + _CELLS_AT_ONCE] for i in range(0, len(files), _CELLS_AT_ONCE)]
    n_workers = min(joblib.cpu_count(), _MOST_WORKERS, len(parts))
    measured, lengths = _Measured(), set[str]()
    convert = joblib.Parallel(n_workers, return_as="generator")
    converted = convert(joblib.delayed(_of_files)(part) for part in parts)
    for n_parts, (of_part, names) in enumerate(converted, start=1):
        for key, values in of_part.items():
            measured.setdefault(key, []).extend(values)
        lengths |= names
        report(min(n_parts * _CELLS_AT_ONCE, len(files)), len(files))
    return measured, lengths


def _of_files(files: Sequence[Path], report: _Report | None = None) -> tuple[_Measured, set[str]]:
    """Return the measurements in files, and the names of their lengths of trainings."""
    space = get_cell_space("nb201")
    cells, measured, lengths = set[int](), _Measured(), set[str]()

    def add(text: str, record: Mapping[Any, Any]) -> None:
        cell = int(space.index_of(text))
        cells.add(cell)
        for key, values in trials_of(record):
            measured.setdefault(key, []).append((cell, values.astype(np.float32)))
        if report is not None and len(cells) % _CELLS_AT_ONCE == 0:
            report(len(cells), space.n_architectures)

    for file in files:
        root = read_records(file, add)  # without the results, which are read
        records_of_cells = [root]  # each by the name of the length of training
        if "arch2infos" in root:
            records_of_cells = root["arch2infos"].values()
        for records in records_of_cells:
            lengths |= {name for name, record in records.items() if "arch_str" in record}
    if not measured:
        raise ValueError("it has no measurement of a cell, so it is not an official file.")
    return measured, lengths


def _source_name(lengths: set[str], keys: Iterable[Key]) -> str:
    """Return the source of records with these names of lengths; NAS-Bench-201's releases differ in 12-epoch runs."""
    if lengths <= {"12", "200"}:
        return "nats-tss-v1.0-official"
    if lengths <= {"less", "full"}:
        short = {key.run for key in keys if key.epochs == 12}
        return "nb201-v1.0-official" if short <= {"cifar10-valid"} else "nb201-v1.1-official"
    raise ValueError(
        f"the lengths of its trainings are {sorted(map(str, lengths))}; expected less and full, or 12, 200"
    )


# -- columns
_MEASUREMENTS = {(measured.run, measured.official_split): measured for measured in MEASUREMENTS}
# One column if all seeds share them.
_COSTS = ("train_seconds", "evaluation_seconds", "recorded_latency_seconds")
_FACTS: dict[str, tuple[str, Any, str, Kind]] = {  # unit, direction, note, kind
    "accuracy": ("percent", "max", "official: {official}", "performance"),
    "accuracy_top5": ("percent", "max", "official: {official}", "performance"),
    "loss": ("nats", "min", "official: {official}; cross-entropy", "performance"),
    "train_seconds": ("s", "min", "of the run {run}; sum over the epochs", "seconds"),
    "evaluation_seconds": (
        "s", "min", "official: {official}; of one evaluation, that after the last epoch", "seconds"
    ),
    "recorded_parameters": (
        "1", "min", "of the run {run}, as recorded; a seed's record may be that of an isomorph", "size"
    ),
    "recorded_flops_millions": ("M", "min", "of the run {run}, as recorded; multiply-adds for one image", "size"),
    "recorded_latency_seconds": (
        "s", "min", "of the run {run}, as recorded by the official code, of one batch", "latency"
    ),
}  # fmt: skip


def _columns(name: str, measured: _Measured, sha256: str) -> tuple[Columns, Columns, Architectures]:
    """Return the ends of trainings, the points of learning curves, and the cells that both are about."""
    measured_cells = set[int]()
    for values in measured.values():
        measured_cells.update(cell for cell, _ in values)
    cells = np.array(sorted(measured_cells), dtype=np.int32)
    ends: Columns = []
    curves: Columns = []
    for _, keys_of_seeds in groupby(sorted(measured), key=lambda key: key[:-1]):
        keys = list(keys_of_seeds)
        by_seed: dict[Seed, Floats32] = {}  # each of shape (epochs, n_cells), as the mean
        for key in keys:
            by_seed[key.seed] = _over_epochs(measured.pop(key), cells)
        mean = mean_over_seeds(by_seed.values())
        if keys[0].metric in _COSTS:
            # Seeds are dropped if all values are equal to the mean; missing values are ignored.
            differ = [np.isfinite(series) & (series != mean) for series in by_seed.values()]
            if not np.any(differ):
                by_seed = {}
        info = _info(name, keys[0], sha256)
        is_curve = any(np.isfinite(series[:-1]).any() for series in by_seed.values())
        for seed, series in {"mean": mean, **by_seed}.items():
            ends.append((replace(info, seed=seed), series[-1]))
            if is_curve:
                for epoch, column in enumerate(series, start=1):
                    curves.append((replace(info, seed=seed, epoch=epoch), column))
    return ends, curves, cells


def _over_epochs(values: list[tuple[int, Floats32]], cells: Architectures) -> Floats32:
    """Return the values of a key over the cells, shape (epochs, n); NaN for cells without a measurement."""
    measured_cells = [cell for cell, _ in values]
    if len(set(measured_cells)) < len(measured_cells):
        raise ValueError("a cell appears twice.")
    measured = np.stack([series for _, series in values], axis=1)  # (epochs, n_measured)
    over_epochs = np.full((len(measured), len(cells)), np.nan, dtype=np.float32)
    over_epochs[:, np.searchsorted(cells, measured_cells)] = measured
    return over_epochs


def _info(name: str, key: Key, sha256: str) -> ColumnInfo:
    source, measured = IMPORTED[name], _MEASUREMENTS[key.run, key.split]
    unit, direction, note, kind = _FACTS[key.metric]
    return ColumnInfo(
        measured.dataset, key.metric, measured.split, key.epochs, "mean", unit, direction, source.release, name,
        source.licence, sha256, note.format(official=measured.official, run=key.run), kind=kind,
    )  # fmt: skip


def _write(name: str, ends: Columns, curves: Columns, cells: Architectures) -> None:
    """Write both files."""
    space = get_cell_space("nb201")
    files = {}
    for source, columns in ((f"{name}-curves", curves), (name, ends)):
        sparse = [(info, SparseValues(space.size, cells, values)) for info, values in columns]
        files[IMPORTED[source].path] = sparse
    with ExitStack() as locks:
        for path in files:
            locks.enter_context(_store.exclusive(path))
        write_files(files, space, {})
