"""Zero-cost proxies: what an untrained network and one batch say about a cell. Needs PyTorch."""

import nasmeta.training._network  # noqa: F401 - first: where PyTorch is missing, it says what to install
from nasmeta.training.proxies._measure import DEFAULT_PROXIES, ProxySettings, compute_proxies, measure_proxies
from nasmeta.training.proxies._probe import PROXIES, Probe, Proxy
from nasmeta.training.proxies._with_data import fisher, grad_norm, jacob_cov, nwot, plain, snip
from nasmeta.training.proxies._without_data import flops, l2_norm, params, synflow, zen

__all__ = [
    "DEFAULT_PROXIES",
    "PROXIES",
    "Probe",
    "Proxy",
    "ProxySettings",
    "compute_proxies",
    "fisher",
    "flops",
    "grad_norm",
    "jacob_cov",
    "l2_norm",
    "measure_proxies",
    "nwot",
    "params",
    "plain",
    "snip",
    "synflow",
    "zen",
]
