"""BoTorch, SMAC3 and Syne Tune as searchers: the contract, the peers' own loops, and what is missing."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from contracts import MultiFidelityContract
from example_spaces import example_space
from scripts import load_script

import nasmeta as nm
from nasmeta.arrays import Floats
from nasmeta.errors import NasmetaError, SpaceExhaustedError
from nasmeta.searchers import (
    SEARCHERS,
    MultiFidelitySearcher,
    Searcher,
)
from nasmeta.searchers.peers import OwnGenerators, PeerSearch
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tasks import SourceTask
from nasmeta.testing import SearcherContract, made_up_values

ALONE = "reports/peers/alone.py"
optuna = pytest.importorskip("optuna")
SPACE = get_space("tnb101")
VALUES = made_up_values(SPACE)
# The first proposals are random, so that a contract of many runs has few steps of a model.
QUICK = {
    "botorch": {"n_initial": 58},
    "smac": {"n_trials": 400},
    "syne-tune-bore": {"options": {"init_random": 58}},
    "syne-tune-cqr": {"options": {"num_init_random_draws": 59}},
    "syne-tune-gp": {"options": {"num_init_random": 60}},
    "syne-tune-kde": {},
}
SOON = {  # with a model after a few
    "botorch": {"n_initial": 6},
    "smac": {"n_trials": 24},
    "syne-tune-bore": {},
    "syne-tune-cqr": {},
    "syne-tune-gp": {"options": {"optimization_strategy": "random"}},
    "syne-tune-kde": {},
}
TRANSFER = ("syne-tune-quantile-copula",)


def where_installed(name: str) -> Any:
    """Return a slow parameter that is skipped where a package of the searcher is missing."""
    packages = SEARCHERS.extras[name].replace("-", "_").split(",")
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    skip = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")
    return pytest.param(name, marks=[skip, pytest.mark.slow])


# The adapters of bore and cqr are that of kde.
SOME = [where_installed(name) for name in QUICK if name not in ("syne-tune-bore", "syne-tune-cqr")]
LEARNING = [where_installed(name) for name in TRANSFER]


def contract_of(name: str) -> type[SearcherContract]:
    def make(self: SearcherContract, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        return SEARCHERS[name](space, rng, **QUICK.get(name, {}))

    own = {"make": make, "spaces": ("tnb101",), "pytestmark": where_installed(name).marks}
    kind = (
        MultiFidelityContract
        if issubclass(SEARCHERS[name], MultiFidelitySearcher)
        else SearcherContract
    )
    return type(f"Test{SEARCHERS[name].__name__}", (kind,), own)


for _name in (*QUICK, *TRANSFER):
    globals()[contract_of(_name).__name__] = contract_of(_name)


def proposals(searcher: Searcher, values: Floats, n: int) -> list[int]:
    found = []
    for _ in range(n):
        architectures = searcher.ask()
        searcher.tell(architectures, values[architectures])
        found += architectures.tolist()
    return found


@pytest.mark.parametrize("name", SOME)
def test_only_architectures_and_only_the_allowed(name: str) -> None:
    # others are slow
    for space in map(example_space, ("sample", "mixed") if name == "syne-tune-kde" else ("mixed",)):
        searcher = SEARCHERS[name](space, np.random.default_rng(0), **SOON[name])
        part = np.flatnonzero(np.arange(space.size) % 4).astype(np.int32)
        assert searcher.restrict(part)
        found = proposals(searcher, made_up_values(space), 8)
        assert np.isin(found, part).all()
        assert len(set(found)) == 8


@pytest.mark.parametrize("name", SOME)
def test_one_architecture_alone_and_a_space_to_its_end(name: str) -> None:
    alone = SearchSpace(
        "alone", {"width": [16, 32], "act": ["relu", "tanh"]}, architectures=[[1, 0]]
    )
    few = SearchSpace("few", {"width": [16, 32, 64], "act": ["relu", "tanh"]})
    for space in (alone, few):
        searcher = SEARCHERS[name](space, np.random.default_rng(0), **SOON[name])
        assert sorted(proposals(searcher, np.arange(space.size, dtype=float), space.size)) == list(
            range(space.size)
        )
        with pytest.raises(SpaceExhaustedError):
            searcher.ask()


def seeded(name: str, seed: int, **settings: Any) -> tuple[Searcher, int]:
    """Return a searcher, and the seed that its peer has."""
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(seed), **settings)
    return searcher, searcher._peer_seed


@pytest.mark.parametrize("name", [where_installed(name) for name in ("smac", "syne-tune-bore")])
def test_its_cells_are_those_of_the_peers_own_loop(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "smac":  # the adapter sorts what SMAC takes from a set
        kind = importlib.import_module("smac.acquisition.maximizer.local_search").LocalSearch
        unsorted, method = (
            kind._get_init_points_from_previous_configs,
            "_get_init_points_from_previous_configs",
        )
        monkeypatch.setattr(kind, method, lambda *given: sorted(unsorted(*given), key=repr))
    n = {"smac": 30, "syne-tune-bore": 12}[name]
    searcher, seed = seeded(name, 3, **({"n_trials": n} if name == "smac" else {}))
    with OwnGenerators(0).used():
        theirs = getattr(load_script(ALONE), name.replace("-bore", "").replace("-", "_"))(
            SPACE, VALUES, n, seed
        )
    distinct = list(dict.fromkeys(theirs))
    assert proposals(searcher, VALUES, len(distinct)) == distinct


@pytest.mark.parametrize("name", [where_installed("botorch")])
def test_botorch_maximises_what_its_own_search_over_choices_does(name: str) -> None:
    theirs = load_script(ALONE).botorch(SPACE, VALUES, 13, 0)
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(0))
    searcher.tell(np.array(theirs[:10], np.int32), VALUES[theirs[:10]])
    assert proposals(searcher, VALUES, 3) == theirs[10:]


@pytest.mark.parametrize("name", [where_installed("syne-tune-gp")])
def test_the_process_of_syne_tune_does_not_fall_back_to_chance(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"num_restarts": 2, "num_raw_samples": 16}
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(0), options=options)
    proposals(searcher, VALUES, 4)
    monkeypatch.setattr(
        searcher.peer_, "_get_random_config", lambda: pytest.fail("a random configuration")
    )
    proposals(searcher, VALUES, 1)


def sources() -> list[SourceTask]:
    architectures = SPACE.sample(300, np.random.default_rng(0))
    pairs = ((architectures[:200], 0.1), (architectures[100:], 0.3))
    return [
        SourceTask(f"m/{s}", f"d{s}", SPACE, own, made_up_values(SPACE, s)[own]) for own, s in pairs
    ]


def learnt(name: str, **settings: Any) -> Searcher:
    searcher = SEARCHERS[name](SPACE, np.random.default_rng(0), **settings)
    return searcher.meta_fit(sources())


class Stubborn(PeerSearch):
    """Proposes the same, and every second time what is no architecture."""

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self.observed = []
        self.n = 0

    def _suggest(self) -> tuple[Any, list[int]]:
        self.n += 1
        np.random.rand()  # noqa: NPY002
        logging.warning("I draw from the global generator.")
        return self.n, [1, 0] if self.n % 2 else [0, 1]

    def _tell_peer(self, proposal: Any, architecture: int, value: float) -> None:
        self.observed.append((proposal, value))


def test_what_is_known_or_impossible_is_answered_and_then_the_nearest_is_proposed() -> None:
    space = SearchSpace(
        "five",
        {"a": [1, 2, 3], "b": [1, 2]},
        architectures=[[0, 0], [1, 0], [1, 1], [2, 0], [2, 1]],
    )
    searcher, values = Stubborn(space, np.random.default_rng(0)), np.arange(5.0)
    before, handlers = np.random.get_state(), logging.getLogger().handlers[:]  # noqa: NPY002
    assert proposals(searcher, values, 1) == [1]
    second = proposals(searcher, values, 1)
    assert second[0] in (0, 2, 4)  # one edit from [0, 1] or [1, 0], whichever came last
    observed = dict(searcher.observed)
    assert observed[2] == observed[3] == 1.0  # the worst so far, and what it is
    assert len(searcher.observed) == 16 + 2
    assert proposals(searcher, values, 3)
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert logging.getLogger().handlers == handlers


def test_generators_of_its_own() -> None:
    torch = pytest.importorskip("torch")
    own, state = OwnGenerators(3), torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with own.used():
            drawn.append((np.random.rand(), float(torch.rand(1))))  # noqa: NPY002
    again = OwnGenerators(3)
    with again.used():
        assert drawn == [(np.random.rand(), float(torch.rand(1))) for _ in range(2)]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("botorch", "botorch", "botorch"),
        ("optuna-gp", "torch", "optuna,torch"),
        ("optuna-tpe", "optuna", "optuna"),
        ("syne-tune-kde", "syne_tune", "syne-tune"),
        ("syne-tune-quantile-copula", "syne_tune", "syne-tune"),
    ],
)
def test_without_the_peer_the_extra_is_named(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [
        module for module in sys.modules if module.startswith(f"{package}.") and package != "torch"
    ]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NasmetaError):
        SEARCHERS[name](SPACE, np.random.default_rng(0))
    assert SEARCHERS.extras[name] == extra


# -- Optuna
@pytest.mark.parametrize("name", ["RandomSampler", "TPESampler", "NSGAIISampler", "QMCSampler"])
def test_its_cells_are_those_of_optunas_own_loop(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = getattr(optuna.samplers, name)(seed=int(np.random.default_rng(3).integers(2**32)))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    theirs = []
    edges = {
        f"{a}->{b}": optuna.distributions.CategoricalDistribution(SPACE.operations)
        for a, b in SPACE.edges
    }
    for _ in range(40):
        trial = study.ask(edges)
        architecture = int(
            SPACE.from_codes([SPACE.operations.index(trial.params[edge]) for edge in edges])
        )
        study.tell(trial, float(VALUES[architecture]))
        theirs.append(architecture)
    distinct = list(dict.fromkeys(theirs))
    searcher = SEARCHERS["optuna"](SPACE, np.random.default_rng(3), sampler=name)
    assert proposals(searcher, VALUES, len(distinct)) == distinct


def test_the_study_holds_what_was_told_and_nothing_global_changes() -> None:
    level = optuna.logging.get_verbosity()
    searcher = SEARCHERS["optuna-tpe"](SPACE, np.random.default_rng(0))
    searcher.tell(np.array([5, 9], np.int32), VALUES[[5, 9]])
    architectures = proposals(searcher, VALUES, 12)
    trials = searcher.study_.trials
    assert [trial.value for trial in trials] == pytest.approx(
        VALUES[[5, 9, *architectures]].tolist()
    )
    assert list(trials[0].params.values()) == [SPACE.operations[digit] for digit in SPACE.digits[5]]
    assert searcher.study_.best_value == pytest.approx(VALUES[[5, 9, *architectures]].max())
    assert optuna.logging.get_verbosity() == level


def test_a_custom_sampler_that_repeats_itself_is_not_waited_for() -> None:
    class Same(SEARCHERS["optuna"]):
        def make_sampler(self, seed: int) -> Any:
            return optuna.samplers.PartialFixedSampler(
                {"width": 32, "depth": 1}, optuna.samplers.RandomSampler(seed)
            )

    space = SearchSpace("own", {"width": [16, 32, 64], "depth": [1, 2, 3]})
    run = nm.search(Same, space, evaluator=lambda choices: float(choices["width"]), evaluations=9)
    assert space.to_string(run.architectures[0]) == "width=32,depth=1"
    assert len(run) == 9


# -- large spaces
LARGE = example_space("large")
LATE = {  # with a model for the last proposals
    **SOON,
    "botorch": {"n_initial": 13},
    "syne-tune-bore": {"options": {"init_random": 13}},
    "syne-tune-cqr": {"options": {"num_init_random_draws": 13}},
}
OPTUNA = [
    "optuna-nsgaii",
    "optuna-random",
    "optuna-tpe",
    pytest.param("optuna-gp", marks=pytest.mark.slow),
]


def searched(name: str) -> tuple[Any, list[int]]:
    searcher, found = SEARCHERS[name](LARGE, np.random.default_rng(0), **LATE.get(name, {})), []
    for _ in range(15):
        architectures = searcher.ask()
        value = made_up_values(LARGE)[architectures]
        searcher.tell(
            architectures,
            np.stack([value, -value], axis=1) if searcher.objectives == "several" else value,
        )
        found += architectures.tolist()
    return searcher, found


def range_of_rate(searcher: Any) -> tuple[float, float, bool]:
    """Return the bounds that the package knows, and whether it knows a logarithmic scale."""
    if hasattr(searcher, "study_"):
        distribution = searcher.study_.trials[0].distributions["rate"]
        return distribution.low, distribution.high, distribution.log
    if hasattr(searcher, "_configspace"):
        parameter = searcher._configspace["rate"]
        return parameter.lower, parameter.upper, parameter.log
    if hasattr(searcher, "_domains"):
        domain = searcher._domains["0"]
        return domain.lower, domain.upper, "Log" in type(domain.get_sampler()).__name__
    parameter = searcher.peer_._experiment.search_space.parameters["0"]
    return parameter.lower, parameter.upper, parameter.log_scale


@pytest.mark.parametrize("name", [*OPTUNA, *(where_installed(name) for name in QUICK)])
def test_a_large_space_is_searched_as_ranges(name: str) -> None:
    searcher, found = searched(name)
    assert found == searched(name)[1]
    assert len(set(found)) == 15
    assert LARGE.from_codes(LARGE.codes_of(found)).tolist() == found
    if name == "botorch":
        rates = [LARGE.choices(architecture)["rate"] for architecture in found]
        np.testing.assert_allclose(
            searcher._inputs_of(found)[:, 0], np.log10(rates) / 4 + 1.25, atol=1e-5
        )
    else:
        assert range_of_rate(searcher) == (1e-5, 0.1, True)


@pytest.mark.parametrize("name", ["optuna-tpe", where_installed("smac")])
def test_a_package_with_conditions_chooses_only_active_positions(name: str) -> None:
    searcher, _ = searched(name)
    if name == "smac":
        chosen = [
            dict(configuration) for configuration in searcher._configspace.sample_configuration(50)
        ]
    else:
        chosen = [trial.params for trial in searcher.study_.trials]
    assert {one["optimiser"] for one in chosen} == {"adam", "sgd", "lion"}
    assert all(("momentum" in one) == (one["optimiser"] == "sgd") for one in chosen)
