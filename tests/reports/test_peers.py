"""Verdicts on paired runs in the report on other packages' optimisers."""

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
    assert {task: (peer, lead.tolist()) for task, (peer, lead) in ahead.items()} == {"lost": ("b", [6.0])}


def test_what_is_always_the_same_is_paired_with_every_seed(pairs: ModuleType) -> None:
    (name,) = pairs.ALWAYS_THE_SAME
    frame = runs(*[("t", "meta", seed, 100, 10.0 + seed) for seed in range(3)], ("t", name, 0, 100, 11))
    assert pairs.leads(pairs.paired(frame, "meta", name)).tolist() == [1.0, 0.0, -1.0]
