"""What is said where torch or gymnasium is missing; and that search with a policy from a file needs neither."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats  # noqa: F401  # looks at torch while it is imported, and breaks where it is hidden

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.searchers import SEARCHERS

SPACE = nm.get_space("nb201")
NEED_IT = ("_training", "_ppo", "_step_policy", "_environment")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "gymnasium"):
        monkeypatch.setitem(sys.modules, package, None)
    for module in NEED_IT:
        monkeypatch.delitem(sys.modules, f"nasmeta.meta.rl.{module}", raising=False)


@pytest.mark.usefixtures("without")
def test_the_message_names_the_extra() -> None:
    source = nm.get_task("nb201/cifar100").as_source()
    with pytest.raises(NasmetaError):
        SEARCHERS["meta-rl"](SPACE, np.random.default_rng(0)).meta_fit([source])
    with pytest.raises(NasmetaError):
        SEARCHERS["ppo"](SPACE, np.random.default_rng(0)).ask()
    with pytest.raises(NasmetaError):
        nm.meta.rl.CellSearchEnv  # noqa: B018


def test_search_with_a_shipped_policy_imports_no_torch() -> None:
    code = (
        "import nasmeta as nm, sys;"
        "print(len(nm.search('meta-rl', 'nb201/cifar10', evaluations=8, sources='shipped')), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["8", "False"]
