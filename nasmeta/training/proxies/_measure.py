"""Zero-cost proxies of many cells, with a journal to resume from."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed

from nasmeta.arrays import Facts, Floats
from nasmeta.code_identity import versions_of
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically
from nasmeta.journals import JournalFile
from nasmeta.spaces import ArchitectureLike, CellSpace, SearchSpace, get_cell_space
from nasmeta.threads import one_thread
from nasmeta.training._image_batch import ImageBatch, load_images
from nasmeta.training._network import CellNetwork
from nasmeta.training._proxy_file import FORMAT
from nasmeta.training.proxies._proxies import PROXIES


class _ProxyJournal(JournalFile):
    """The journal of an unfinished measurement: a line is ``[cell, [value, ...], checksum]``."""

    mark, of, not_compared = "nasmeta_proxies", "measurement of proxies", ()


# Not params and flops, which a space knows by a formula.
DEFAULT_PROXIES = ("grad_norm", "jacob_cov", "nwot", "synflow")


@dataclass(frozen=True)
class ProxySettings:
    """The settings of a measurement; the networks of the benchmark have 16 channels and 5 cells per stage."""

    proxies: tuple[str, ...] = DEFAULT_PROXIES  # names in ``PROXIES``
    channels: int = 16  # and the next: see `CellNetwork`
    cells_per_stage: int = 1
    seed: int = 0  # of the weights

    def __post_init__(self) -> None:
        for name in self.proxies:
            PROXIES[name]


def compute_proxies(
    cells: ArchitectureLike,
    data: str | ImageBatch = "digits",
    proxies: str | Sequence[str] | None = None,
    *,
    settings: ProxySettings | Mapping[str, Any] | None = None,
    space: str | SearchSpace = "nb201",
) -> dict[str, Floats]:
    """Compute zero-cost proxies of cells, from networks of live edges, on one thread.

    The same cell, data, settings and version of PyTorch give the same values in any process.

    Parameters
    ----------
    cells : cell or cells
        Each one is probed, including isomorphic ones.
    data : str or ImageBatch, default "digits"
        A batch of `nasmeta.training.load_images`, or the source of 32 images of 16×16 pixels, as in
        `nasmeta.training.ImageDataset.load`.
    proxies : str or sequence of str, optional
        Names; by default all except ``params`` and ``flops``, which a space computes by a formula.
    settings : mapping, optional
        ``channels`` (16) and ``cells_per_stage`` (1) of the network, and the ``seed`` (0) of its
        weights.
    space : str or SearchSpace, default "nb201"

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        By proxy; higher is better.

    Raises
    ------
    ArchitectureError
    UnknownNameError
        If there is no such proxy.
    SettingError

    Examples
    --------
    >>> from nasmeta.training import compute_proxies
    >>> values = compute_proxies([6111, 0], "digits", ["synflow", "nwot"])
    >>> bool(values["synflow"][0] > values["synflow"][1])
    True
    """
    if not isinstance(settings, ProxySettings):
        settings = ProxySettings(**(settings or {}))
    batch = data if isinstance(data, ImageBatch) else load_images(data)
    if proxies is not None:
        names = [proxies] if isinstance(proxies, str) else proxies
        settings = replace(settings, proxies=tuple(names))
    space = get_cell_space(space)
    asked = np.atleast_1d(space.index_of(cells))
    rows = np.array(_values_of(asked.tolist(), batch, settings, space.name))
    rows = rows.reshape(-1, len(settings.proxies))  # also for no cells
    return dict(zip(settings.proxies, rows.T.copy(), strict=True))


def _values_of(
    cells: Sequence[int], batch: ImageBatch, settings: ProxySettings, space: str
) -> list[list[float]]:
    """Return the values of each cell, in the order of the proxies."""
    # Channels last is a third faster on processors.
    images = torch.from_numpy(batch.images).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(batch.labels)
    rows = []
    with one_thread():  # the order of a sum depends on the number of threads
        for cell in cells:
            network = CellNetwork(
                cell, space, n_classes=batch.n_classes, channels=settings.channels,
                cells_per_stage=settings.cells_per_stage, prune=True, seed=settings.seed,
            )  # fmt: skip
            network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            rows.append([PROXIES[name](network, images, labels) for name in settings.proxies])
    return rows


def _facts(batch: ImageBatch, settings: ProxySettings, space: CellSpace) -> Facts:
    """Return everything that the values depend on; a journal belongs to one set of facts."""
    return {
        "space": space.name,
        "proxies": list(settings.proxies),
        "images": {
            "source": batch.source, "n": len(batch.labels), "size": batch.images.shape[-1],
            "n_classes": batch.n_classes, "sha256": batch.sha256(),
        },
        "network": {
            "skeleton": "nb201", "channels": settings.channels, "cells_per_stage": settings.cells_per_stage,
            "edges": "live ones",
        },
        "seed": settings.seed,
        "cells": "one of each class of the isomorphism rule 'upstream'",
        "versions": {**versions_of(["torch", "numpy"]), "machine": platform.machine()},
    }  # fmt: skip


def measure_proxies(
    output: str | Path,
    batch: ImageBatch,
    settings: ProxySettings | None = None,
    *,
    space: str | SearchSpace = "nb201",
    cells: ArchitectureLike | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure proxies of one cell of each isomorphism class and write them to a new file.

    After a kill, the same call resumes from the journal ``OUTPUT.journal``, with the same result.
    `cells` represent their classes; by default all. Each worker is a process with one thread.
    `progress` is called with the number of finished networks and their total.
    """
    settings = settings or ProxySettings()
    space, path = get_cell_space(space), Path(output)
    if path.exists():
        raise SettingError(f"{path} exists. Choose another name, or remove it.")
    chosen = np.arange(space.size, dtype=np.int32)
    if cells is not None:
        chosen = np.atleast_1d(space.index_of(cells))
    wanted: list[int] = np.unique(space.canonical(chosen)).tolist()
    facts = _facts(batch, settings, space)
    journal_path = path.with_name(f"{path.name}.journal")
    with _ProxyJournal(journal_path, facts) as journal:
        values: dict[int, list[float]] = dict(journal.records)
        remaining = [cell for cell in wanted if cell not in values]
        jobs = (delayed(_values_of)([cell], batch, settings, space.name) for cell in remaining)
        results = Parallel(n_jobs=workers, return_as="generator")(jobs)
        for cell, (row,) in zip(remaining, results, strict=True):
            values[cell] = row
            journal.add(f"{cell},{json.dumps(row)}")
            if progress is not None:
                progress(len(values), len(wanted))
    rows = [values[cell] for cell in wanted]
    content = io.BytesIO()
    np.savez_compressed(
        content,
        facts=np.array(json.dumps({"nasmeta_proxies": FORMAT, **facts})),
        cells=np.array(wanted, dtype=np.int32),
        **dict(zip(settings.proxies, np.array(rows, dtype=np.float64).T, strict=True)),
    )
    write_atomically(path, content.getvalue())
    journal_path.unlink()
    return path
