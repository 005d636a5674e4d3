"""Latencies of networks, and the journal that keeps them with the identity of a verification."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import nasmeta
from nasmeta.journals import JournalFile
from nasmeta.training import Trainer

BATCHES = (1, 256)  # images

Latencies: TypeAlias = dict[str, dict[str, Any]]  # by batch: what `latency` returned


class VerificationJournal(JournalFile):
    """The journal of a verification: a line is ``[device, cell, {batch: latency, ...}, checksum]``.

    Its identity is the identity of all trainings; cells and seeds may differ from call to call.
    """

    mark, of = "nasmeta_verification", "verification"
    not_compared = ("data", "data_facts", "written_by")  # checksums identify the data

    def __init__(self, home: Path, identity: Mapping[str, Any]) -> None:
        header = {**identity, "written_by": f"nasmeta {nasmeta.__version__}"}
        super().__init__(home / "verification.jsonl", header)
        self.found: dict[tuple[str, int], Latencies] = {(row[0], row[1]): row[2] for row in self.records}

    def record(self, device: str, cell: int, measured: Latencies) -> None:
        """Keep the latencies of a cell."""
        self.found[device, cell] = measured
        self.add(f"{json.dumps(device)},{cell},{json.dumps(measured)}")
        self.flush()


def measure_latencies(
    journal: VerificationJournal, cells: Sequence[int], trainer: Trainer, seed: int
) -> dict[int, Latencies]:
    """Measure the missing latencies on this device; return all of this device."""
    from nasmeta.training import CellNetwork
    from nasmeta.training._device import chosen_device, device_name

    here, recipe = device_name(chosen_device(trainer.device)), trainer.recipe
    for cell in cells:
        if (here, cell) in journal.found:
            continue
        network = CellNetwork(
            cell,
            trainer.space,
            n_classes=trainer.dataset.n_classes,
            **{**recipe.skeleton, "prune": True},
            seed=seed,
        )
        measured = {str(n): latency(network, trainer.dataset.image_size, n, trainer.device) for n in BATCHES}
        journal.record(here, cell, measured)
    return {cell: measured for (device, cell), measured in journal.found.items() if device == here}


_MOST_PASSES, _LEAST_PASSES = 50, 5
_WARM_UP = 2


def latency(
    network: Any, image_size: tuple[int, int], batch_size: int, device: str = "auto", seconds: float = 1.0
) -> dict[str, Any]:
    """Measure the forward pass of a network in evaluation mode, in float32, without the transfer of images.

    After two passes to warm up there are 5 to 50 measured passes; after `seconds` no further pass starts.
    """
    import torch

    from nasmeta.training._device import chosen_device, device_name

    chosen = chosen_device(device)
    images = torch.zeros(batch_size, 3, *image_size, device=chosen)
    network = network.to(chosen).eval()
    cuda = chosen.type == "cuda"
    times: list[float] = []
    with torch.inference_mode():
        for _ in range(_WARM_UP):
            network(images)
        began = time.perf_counter()
        while len(times) < _LEAST_PASSES or (len(times) < _MOST_PASSES and time.perf_counter() - began < seconds):
            if cuda:
                torch.cuda.synchronize(chosen)
            start = time.perf_counter()
            network(images)
            if cuda:
                torch.cuda.synchronize(chosen)
            times.append(time.perf_counter() - start)
    return {
        "median_ms": float(np.median(times)) * 1e3,
        "min_ms": min(times) * 1e3,
        "passes": len(times),
        "device": device_name(chosen),
    }
