"""HW-GPT-Bench: sub-networks of GPT supernets, with their perplexity and their costs on devices."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.pickles import NUMPY_NUMBERS, restricted_load
from nasmeta.spaces import SearchSpace
from nasmeta.tables.sources._base import Files
from nasmeta.tables.sources._registry import READERS, FetchedSource, Listed

_SECONDS = {"s": 1.0, "ms": 1e-3}


@READERS.register("hw-gpt")
def read_hw_gpt(source: FetchedSource, space: None, files: Files) -> Listed:
    """Return the networks whose perplexity was measured; layers beyond the depth are inactive positions."""
    import pandas as pd

    networks: dict[tuple[object, ...], dict[str, Any]] = {}
    for key, path in files.items():
        with path.open("rb") as file:
            rows = restricted_load(file, NUMPY_NUMBERS)
        for row in rows:
            choices = _choices(row.pop("arch"))
            active = 3 + 2 * choices["n_layer"]  # embed_dim, n_layer and bias; two for each layer
            network = networks.setdefault(tuple(choices.values())[:active], choices)
            if row.get("unit_cpu"):
                row["cpu_seconds"] = _seconds(row["times_profiler_cpu"], row["unit_cpu"])
            for name, value in row.items():
                network[f"{key.partition('-')[0]}/{name}"] = value
    frame = pd.DataFrame(networks.values())
    positions = [name for name in frame.columns if "/" not in name]
    frame["bias"] = pd.Categorical(frame["bias"], [False, True])
    depths = sorted(set(frame["n_layer"].tolist()))
    conditions: dict[str, dict[str, list[int]]] = {}
    for layer in range(depths[0] + 1, depths[-1] + 1):
        condition = {"n_layer": [depth for depth in depths if depth >= layer]}
        conditions |= {f"n_head_{layer}": condition, f"mlp_ratio_{layer}": condition}
    return SearchSpace.from_frame(frame, positions, source.table, conditions=conditions), frame


def _choices(arch: Facts) -> dict[str, Any]:
    """Return the choices by position, including layers beyond the depth, which have meaningless entries."""
    choices = {name: arch[f"sample_{name}"] for name in ("embed_dim", "n_layer", "bias")}
    layers = zip(arch["sample_n_head"], arch["sample_mlp_ratio"], strict=True)
    for layer, (n_head, mlp_ratio) in enumerate(layers, start=1):
        choices |= {f"n_head_{layer}": n_head, f"mlp_ratio_{layer}": mlp_ratio}
    return choices


def _seconds(times: list[float], units: list[str]) -> float:
    """Return the mean of times, each with its unit; the mean in the file mixes seconds and milliseconds.

    >>> _seconds([1.5, 500.0], ["s", "ms"])
    1.0
    """
    seconds = [time * _SECONDS[unit] for time, unit in zip(times, units, strict=True)]
    return float(np.mean(seconds))
