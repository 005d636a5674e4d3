"""One surrogate that is fitted here, small and fast, and a shipped one."""

import pytest

from nasmeta.surrogates import Surrogate, fit_surrogate


@pytest.fixture(scope="session")
def fitted() -> Surrogate:
    return fit_surrogate("nb201/cifar10", train_fraction=0.1, seed=3, steps=15)


@pytest.fixture(scope="session")
def shipped() -> Surrogate:
    return Surrogate.load("nb201/cifar10")
