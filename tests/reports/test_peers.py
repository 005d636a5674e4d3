"""Pairs of runs in the page of other packages' optimisers: what counts as won, and what as nothing found."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "reports" / "peers"
NONE = np.inf


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("pairs")


def runs(*rows: tuple[str, str, int, int, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["task", "searcher", "seed", "cap", "needed"])


@pytest.mark.parametrize(
    ("own", "peer", "expected"),
    [
        (10.0, 20.0, "won"),
        (10.0, 10.0, "tied"),
        (20.0, 10.0, "lost"),
        (NONE, NONE, "neither found one"),
        (80.0, NONE, "neither found one"),  # the peer had 60 evaluations: nothing within these
        (NONE, 60.0, "lost"),  # found with the last one
    ],
)
def test_nothing_found_by_either_is_not_won(pairs: ModuleType, own: float, peer: float, expected: str) -> None:
    frame = runs(("t", "gp", 0, 100, own), ("t", "tpe", 0, 60, peer))
    both = pairs.paired(frame, "gp", "tpe")
    assert pairs.verdict(both)[0] == expected
    assert pairs.counts(both) == {name: int(name == expected) for name in pairs.VERDICTS}


def test_all_peers_together(pairs: ModuleType) -> None:
    frame = runs(
        *[("open", name, 0, 100, NONE) for name in ("gp", "a", "b")],
        ("won", "gp", 0, 100, 10), ("won", "a", 0, 100, 30), ("won", "b", 1, 100, 1),  # b has another seed
        ("lost", "gp", 0, 100, 10), ("lost", "a", 0, 100, 30), ("lost", "b", 0, 100, 4),
        ("tied", "gp", 0, 100, 10), ("tied", "a", 0, 100, 10), ("tied", "b", 0, 100, NONE),
    )  # fmt: skip
    tasks, ahead = pairs.standings(frame, "gp", ["a", "b"])
    assert tasks == {"won": ["won"], "tied": ["tied"], "lost": ["lost"], "neither found one": ["open"]}
    assert pairs.told(ahead) == ["`b` on lost by 6.0 (runs: 1)"]
    assert pairs.sure(ahead) == []  # one run decides nothing


@pytest.mark.parametrize(("of_peer", "expected"), [((4, 3, 2, 5, 1), ["t"]), ((4, 3, 2, 5, 20), []), ((4, 3), [])])
def test_a_lead_is_sure_where_its_interval_leaves_out_0(
    pairs: ModuleType, of_peer: tuple[int, ...], expected: list[str]
) -> None:
    frame = runs(*[("t", "gp", seed, 100, 10) for seed in range(5)])
    frame = pd.concat([frame, runs(*[("t", "a", seed, 100, needed) for seed, needed in enumerate(of_peer)])])
    tasks, ahead = pairs.standings(frame, "gp", ["a"])
    assert tasks["lost"] == ["t"]
    assert f"(runs: {len(of_peer)})" in pairs.told(ahead)[0]
    assert pairs.sure(ahead) == expected


def test_what_is_always_the_same_is_paired_with_every_seed(pairs: ModuleType) -> None:
    (name,) = pairs.ALWAYS_THE_SAME
    frame = runs(*[("t", "meta", seed, 100, 10.0 + seed) for seed in range(3)], ("t", name, 0, 100, 11))
    assert pairs.leads(pairs.paired(frame, "meta", name)).tolist() == [1.0, 0.0, -1.0]


def test_a_loss_has_its_reason(pairs: ModuleType) -> None:
    frame = runs(
        ("a", "meta", 0, 100, 95), ("a", "random", 0, 100, NONE), ("a", "gp", 0, 100, 20),
        ("b", "meta", 0, 100, 60), ("b", "random", 0, 100, NONE), ("b", "gp", 0, 100, 30),
        ("c", "meta", 0, 100, 20), ("c", "random", 0, 100, NONE), ("c", "gp", 0, 100, 50),
        ("d", "meta", 0, 100, 20),
    )  # fmt: skip
    ahead = {task: ("box", np.ones(5)) for task in "abcd"} | {"e": ("box", np.ones(1))}
    assert pairs.reasons(frame, "meta", ahead) == [
        "on a the model hardly helps, `random` needs 100.0 and `meta` 95.0",
        "on b the sources do not help, `gp` needs 30.0 and `meta` 60.0",
        "on c `meta` needs 20.0 (`random` 100.0 and `gp` 50.0): it learns, but later than the peer",
        "on e few runs are paired (1), so it may be chance",
    ]


def test_what_is_held_counts_ties_and_no_open_tasks(pairs: ModuleType) -> None:
    tasks = {"won": ["x/1"], "tied": ["x/2"], "lost": ["y/1", "x/3"], "neither found one": ["y/2"]}
    assert pairs.share_held(tasks) == 0.5
    assert pairs.share_held(tasks, ["x/1", "x/2", "x/3"]) == 0
    assert pairs.share_held(tasks, ["y/1", "y/2"]) == pytest.approx(2 / 3)


def test_what_is_not_paired_is_told(pairs: ModuleType) -> None:
    frame = runs(("t", "meta", 0, 100, NONE), ("t", "box", 0, 100, NONE), ("t", "box", 1, 100, 7))
    (told,) = pairs.unpaired(frame, "meta", ["box"], ["t"])
    assert "`box` found one on t in 1 of 1 runs" in told
    assert pairs.unpaired(frame[frame["seed"] == 0], "meta", ["box"], ["t"]) == []


def test_behind_compares_the_same_runs(pairs: ModuleType) -> None:
    frame = runs(*[("t", name, seed, 60, NONE) for name in ("random", "a", "b") for seed in (0, 1)])
    frame["regret_50"] = [20.0, 90.0, 30.0, np.nan, 10.0, 90.0]
    assert pairs.behind(frame, "random", ["a", "b"], 50) == ["`a` 30.0 against 20.0 (1 tasks, seed 0)"]
