"""How long a network takes, measured here."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nasmeta.checks import check_int

_MOST_PASSES, _LEAST_PASSES = 50, 5
_WARM_UP = 2


def latency(
    network: Any, image_size: tuple[int, int], batch_size: int, device: str = "auto", seconds: float = 1.0
) -> dict[str, Any]:
    """Measure the forward pass of a network, in float32, on images that lie on the device already.

    It is moved there and put into evaluation mode. After so many seconds no further pass is begun, once there were 5;
    there are 50 at most, and two come first, unmeasured.
    """
    import torch

    from nasmeta.training._machine import chosen_device, device_name

    chosen = chosen_device(device)
    images = torch.zeros(check_int("batch_size", batch_size), 3, *image_size, device=chosen)
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
