"""Optuna's samplers as searchers: the same study as Optuna's own loop, and errors."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.searchers import SEARCHERS
from nasmeta.searchers.peers import OptunaSearch
from nasmeta.spaces import get_space
from nasmeta.testing import made_up_values

optuna = pytest.importorskip("optuna")
SPACE = get_space("tnb101")
VALUES = made_up_values(SPACE)


def asked(searcher: OptunaSearch, n: int) -> list[int]:
    found = []
    for _ in range(n):
        architectures = searcher.ask()
        searcher.tell(architectures, VALUES[architectures])
        found += architectures.tolist()
    return found


@pytest.mark.parametrize("name", ["RandomSampler", "TPESampler", "NSGAIISampler", "QMCSampler"])
def test_its_cells_are_those_of_optunas_own_loop(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = getattr(optuna.samplers, name)(seed=int(np.random.default_rng(3).integers(2**32)))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    theirs = []
    edges = {f"{a}->{b}": optuna.distributions.CategoricalDistribution(SPACE.operations) for a, b in SPACE.edges}
    for _ in range(40):
        trial = study.ask(edges)
        architecture = int(SPACE.from_codes([SPACE.operations.index(trial.params[edge]) for edge in edges]))
        study.tell(trial, float(VALUES[architecture]))
        theirs.append(architecture)
    distinct = list(dict.fromkeys(theirs))
    assert asked(OptunaSearch(SPACE, np.random.default_rng(3), sampler=name), len(distinct)) == distinct


def test_the_study_holds_what_was_told_and_nothing_global_changes() -> None:
    level = optuna.logging.get_verbosity()
    searcher = SEARCHERS["optuna-tpe"](SPACE, np.random.default_rng(0))
    searcher.tell(np.array([5, 9], np.int32), VALUES[[5, 9]])
    architectures = asked(searcher, 12)
    trials = searcher.study_.trials
    assert [trial.value for trial in trials] == pytest.approx(VALUES[[5, 9, *architectures]].tolist())
    assert list(trials[0].params.values()) == [SPACE.operations[digit] for digit in SPACE.digits[5]]
    assert searcher.study_.best_value == pytest.approx(VALUES[[5, 9, *architectures]].max())
    assert optuna.logging.get_verbosity() == level


def test_a_sampler_of_ones_own() -> None:
    class Fixed(OptunaSearch):
        def make_sampler(self, seed: int) -> Any:
            return optuna.samplers.PartialFixedSampler({"0->1": "none"}, optuna.samplers.RandomSampler(seed=seed))

    run = nm.search(Fixed, "nb201/cifar10", evaluations=20)
    assert (nm.get_space("nb201").digits[run.architectures, 0] == 0).all()


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NasmetaError):
        nm.search("optuna-tpe", "nb201/cifar10", evaluations=3)
    with pytest.raises(NasmetaError):
        nm.optuna_objective("nb201/cifar10")


def test_without_torch_its_gaussian_process_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(NasmetaError):
        OptunaSearch(SPACE, np.random.default_rng(0), sampler="GPSampler")
