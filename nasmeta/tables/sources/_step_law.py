"""Step Law: final losses of 2,819 language models by learning rate, batch size, parameters and tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

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

    parts = [
        pd.read_parquet(file, columns=list(_NAMES)).assign(file=key) for key, file in files.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    rates, batches = (np.asarray(position.choices, dtype=float) for position in space.positions)
    # The files round one rate to two numbers, such as 0.000345 and 0.0003453; rates are powers of
    # the root of 2.
    codes = np.abs(np.log2(rows["lr"].to_numpy())[:, None] - np.log2(rates)).argmin(axis=1)
    rows["architecture"] = space.from_codes(
        np.stack([codes, np.searchsorted(batches, rows["bsz"])], axis=1)
    )
    tasks: Any = rows.groupby(["non_embedding_param_size", "data_size"])
    for (parameters, tokens), task in tasks:
        dataset = f"{parameters_name(parameters)}-{tokens / 1e9:g}b"
        of_task = (task["file"].iloc[0], spread(space, task["architecture"], task["lm_loss"]))
        yield source.column(*of_task, dataset, "loss", unit="nats", direction="min", note=_LOSS)
        flops = spread(space, task["architecture"], np.full(len(task), 6 * parameters * tokens))
        yield source.column(
            of_task[0],
            flops,
            dataset,
            "train_flops",
            unit="1",
            direction="min",
            kind="size",
            note=_FLOPS,
        )


def parameters_name(parameters: float) -> str:
    """Return a number of parameters in millions or billions.

    >>> parameters_name(214_663_680), parameters_name(1_073_741_824)
    ('215m', '1.07b')
    """
    return f"{parameters / 1e6:.0f}m" if parameters < 1e9 else f"{parameters / 1e9:.3g}b"
