"""Zero-cost proxies: scores of a cell from an untrained network and one batch. Needs PyTorch."""

import nasmeta.training._network  # noqa: F401 - first: without PyTorch, its error names the package to install
from nasmeta.training.proxies._measure import DEFAULT_PROXIES, ProxySettings, compute_proxies, measure_proxies
from nasmeta.training.proxies._probe import PROXIES, Probe

__all__ = ["DEFAULT_PROXIES", "PROXIES", "Probe", "ProxySettings", "compute_proxies", "measure_proxies"]
