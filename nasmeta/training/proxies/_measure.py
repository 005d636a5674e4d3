"""Zero-cost proxies of many cells, with a journal to resume from."""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed

from nasmeta.arrays import Floats
from nasmeta.code_identity import versions_of
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically
from nasmeta.journals import JournalFile
from nasmeta.spaces import ArchitectureLike, SearchSpace, get_cell_space
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


def compute_proxies(
    cells: ArchitectureLike,
    data: str | ImageBatch = "digits",
    proxies: Sequence[str] = DEFAULT_PROXIES,
    *,
    channels: int = 16,
    cells_per_stage: int = 1,
    seed: int = 0,
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
    proxies : sequence of str, optional
        Names; by default all except ``params`` and ``flops``, which a space computes by a formula.
    channels : int, default 16
        Channels of the first stage.
    cells_per_stage : int, default 1
        The networks of the benchmark have 5.
    seed : int, default 0
        Of the weights.
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
    batch = data if isinstance(data, ImageBatch) else load_images(data)
    space = get_cell_space(space)
    indices = np.atleast_1d(space.index_of(cells))
    # Channels last is a third faster on processors.
    images = torch.from_numpy(batch.images).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(batch.labels)
    values = np.empty((len(indices), len(proxies)))
    with one_thread():  # the order of a sum depends on the number of threads
        for row, cell in enumerate(indices.tolist()):
            network = CellNetwork(
                cell, space, n_classes=batch.n_classes, channels=channels,
                cells_per_stage=cells_per_stage, prune=True, seed=seed,
            )  # fmt: skip
            network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            values[row] = [PROXIES[name](network, images, labels) for name in proxies]
    return dict(zip(proxies, values.T, strict=True))


def measure_proxies(
    output: str | Path,
    batch: ImageBatch,
    proxies: Sequence[str] = DEFAULT_PROXIES,
    *,
    channels: int = 16,
    cells_per_stage: int = 1,
    seed: int = 0,
    space: str | SearchSpace = "nb201",
    cells: ArchitectureLike | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Measure proxies of one cell of each isomorphism class and write them to a new file.

    After a kill, the same call resumes from the journal ``OUTPUT.journal``, with the same result.
    `cells` represent their classes; by default all. Each worker is a process with one thread.
    `progress` is called with the number of finished networks and their total. For the others, see
    `compute_proxies`.
    """
    space, path = get_cell_space(space), Path(output)
    if path.exists():
        raise SettingError(f"{path} exists. Choose another name, or remove it.")
    if cells is None:
        cells = np.arange(space.size)
    representatives: list[int] = np.unique(space.canonical(cells)).tolist()
    # Everything that the values depend on: a journal belongs to one set of facts.
    facts = {
        "space": space.name,
        "proxies": list(proxies),
        "images": {
            "source": batch.source, "n": len(batch.labels), "size": batch.images.shape[-1],
            "n_classes": batch.n_classes, "sha256": batch.sha256(),
        },
        "network": {
            "skeleton": "nb201", "channels": channels, "cells_per_stage": cells_per_stage,
            "edges": "live ones",
        },
        "seed": seed,
        "cells": "one of each class of the isomorphism rule 'upstream'",
        "versions": {**versions_of(["torch", "numpy"]), "machine": platform.machine()},
    }  # fmt: skip
    compute = partial(
        compute_proxies, data=batch, proxies=proxies, channels=channels,
        cells_per_stage=cells_per_stage, seed=seed, space=space.name,
    )  # fmt: skip
    journal_path = path.with_name(f"{path.name}.journal")
    with _ProxyJournal(journal_path, facts) as journal:
        values: dict[int, list[float]] = dict(journal.records)
        remaining = [cell for cell in representatives if cell not in values]
        jobs = (delayed(compute)(cell) for cell in remaining)
        results = Parallel(n_jobs=workers, return_as="generator")(jobs)
        for cell, by_proxy in zip(remaining, results, strict=True):
            values[cell] = [by_proxy[name].item() for name in proxies]
            journal.add(f"{cell},{json.dumps(values[cell])}")
            if progress is not None:
                progress(len(values), len(representatives))
    table = np.array([values[cell] for cell in representatives])
    content = io.BytesIO()
    np.savez_compressed(
        content,
        facts=np.array(json.dumps({"nasmeta_proxies": FORMAT, **facts})),
        cells=np.array(representatives, dtype=np.int32),
        **dict(zip(proxies, table.T, strict=True)),
    )
    write_atomically(path, content.getvalue())
    journal_path.unlink()
    return path
