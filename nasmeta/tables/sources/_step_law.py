"""Step Law: final losses of 2,819 language models by learning rate, batch size, parameters and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Column, Files, spread
from nasmeta.tables.sources._registry import READERS, FetchedSource

_NAMES = ("non_embedding_param_size", "data_size", "lr", "bsz", "lm_loss")
_LOSS = "lm_loss of one training, in nats; a batch counts sequences"
_FLOPS = (
    "6 * parameters without embeddings * tokens, not measured; equal for all settings of a task"
)


@READERS.register("step-law")
def read_step_law(source: FetchedSource, space: SearchSpace, files: Files) -> Iterator[Column]:
    """Return the losses of each pair of parameters and tokens; settings that were not trained are NaN."""
    import pandas as pd

    parts = []
    for key, path in files.items():
        part = pd.read_parquet(path, columns=list(_NAMES))
        parts.append(part.assign(file=key))
    rows = pd.concat(parts, ignore_index=True)
    rates, batches = (np.asarray(position.choices, dtype=float) for position in space.positions)
    # The files round one rate to two numbers, such as 0.000345 and 0.0003453; rates are powers of
    # the root of 2.
    distances = np.abs(np.log2(rows["lr"].to_numpy())[:, None] - np.log2(rates))  # (rows, rates)
    batch_codes = np.searchsorted(batches, rows["bsz"])
    codes = np.column_stack([distances.argmin(axis=1), batch_codes])
    rows["architecture"] = space.from_codes(codes)
    tasks: Any = rows.groupby(["non_embedding_param_size", "data_size"])
    for (parameters, tokens), task in tasks:
        file, dataset = task["file"].iloc[0], f"{parameters_name(parameters)}-{tokens / 1e9:g}b"
        losses = spread(space, task["architecture"], task["lm_loss"])
        facts: Facts = {"unit": "nats", "direction": "min", "note": _LOSS}
        yield source.column(file, losses, dataset, "loss", **facts)
        flops = np.full(len(task), 6 * parameters * tokens)
        flops = spread(space, task["architecture"], flops)
        facts = {"unit": "1", "direction": "min", "note": _FLOPS, "kind": "size"}
        yield source.column(file, flops, dataset, "train_flops", **facts)


def parameters_name(parameters: float) -> str:
    """Return a number of parameters in millions or billions.

    >>> parameters_name(214_663_680), parameters_name(1_073_741_824)
    ('215m', '1.07b')
    """
    return f"{parameters / 1e6:.0f}m" if parameters < 1e9 else f"{parameters / 1e9:.3g}b"
