"""Real networks: the benchmark's skeleton in PyTorch, images, and zero-cost proxies.

`measured_proxies` and `load_images` need no PyTorch; all else needs ``pip install "nasmeta[torch]"`` and is imported
when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from nasmeta.training._images import ImageBatch, load_images
from nasmeta.training._proxy_file import ProxyFile, measured_proxies, read_proxies

if TYPE_CHECKING:
    from nasmeta.training import proxies
    from nasmeta.training._network import CellModule, CellNetwork, live_edges, multiply_adds

__all__ = [
    "CellModule",
    "CellNetwork",
    "ImageBatch",
    "ProxyFile",
    "live_edges",
    "load_images",
    "measured_proxies",
    "multiply_adds",
    "proxies",
    "read_proxies",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = (
        import_module(f"{__name__}.proxies")
        if name == "proxies"
        else getattr(import_module(f"{__name__}._network"), name)
    )
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
