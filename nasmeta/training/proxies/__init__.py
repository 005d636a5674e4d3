"""Zero-cost proxies: scores of a cell from an untrained network and one batch. Needs PyTorch."""

import nasmeta.training._network  # noqa: F401 - first: without PyTorch, its error names the package to install
from nasmeta.training.proxies._measure import (
    DEFAULT_PROXIES as DEFAULT_PROXIES,
    ProxySettings as ProxySettings,
    compute_proxies as compute_proxies,
    measure_proxies as measure_proxies,
)
from nasmeta.training.proxies._probe import (
    PROXIES as PROXIES,
    Probe as Probe,
    Proxy as Proxy,
    fisher as fisher,
    flops as flops,
    grad_norm as grad_norm,
    jacob_cov as jacob_cov,
    l2_norm as l2_norm,
    nwot as nwot,
    params as params,
    plain as plain,
    snip as snip,
    synflow as synflow,
    zen as zen,
)

__all__: list[str] = []  # `nasmeta.training` has `compute_proxies`
