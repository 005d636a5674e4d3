"""Zero-cost proxies: scores of a cell from an untrained network and one batch. Needs PyTorch."""

import nasmeta.training._network  # noqa: F401 - first: without PyTorch, its error names the package to install
from nasmeta.training.proxies._measure import (
    DEFAULT_PROXIES,
    compute_proxies,
    measure_proxies,
)
from nasmeta.training.proxies._proxies import PROXIES

__all__ = ["DEFAULT_PROXIES", "PROXIES", "compute_proxies", "measure_proxies"]
