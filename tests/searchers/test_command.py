"""Searchers that are programs: proposals, failures, resuming, and no program after the run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_spaces import example_space

import nasmeta as nm
from nasmeta.errors import RunFailed
from nasmeta.searchers import RandomSearch, Searcher
from nasmeta.searchers.peers import CommandSearch
from nasmeta.spaces import SearchSpace
from nasmeta.testing import SearcherContract

# The random search of nasmeta on an enumerated space whose order is that of the ranks.
MIRROR = """
import json, sys
import numpy as np
start = json.loads(input())
positions = start["space"]["positions"]
sizes = [len(position["choices"]) for position in positions]
order = iter(np.random.default_rng(start["seed"]).choice(np.prod(sizes), np.prod(sizes), replace=False))
for line in sys.stdin:
    if json.loads(line)["message"] == "ask":
        codes = np.unravel_index(next(order), sizes)
        chosen = {p["name"]: p["choices"][code] for p, code in zip(positions, codes)}
        print(json.dumps({"architecture": chosen}), flush=True)
"""
# Random choices; at the third request of the first run, what DOES instead.
PLAIN = """
import json, os, random, sys, time
start = json.loads(input())
with open(__file__ + ".pids", "a") as pids:
    pids.write(f"{os.getpid()} ")
first = len(open(__file__ + ".pids").read().split()) == 1
rng, n = random.Random(start["seed"]), 0
for line in sys.stdin:
    if json.loads(line)["message"] == "ask":
        n += 1
        if n == 3 and first:
            DOES
        chosen = {p["name"]: rng.choice(p["choices"]) for p in start["space"]["positions"]}
        print(json.dumps({"architecture": chosen}), flush=True)
"""
FAILURES = {
    "sys.exit(3)": "Its exit status is 3.",
    "time.sleep(90)": "It took more than 3 s.",
    "os.close(1); time.sleep(60)": "It closed a pipe.",
    "print([1, 2], flush=True)": "list indices must be integers",
    'print(\'{"architecture": {"rate": 1}}\', flush=True)': "positions are width, act, rate",
}
EXAMPLE = Path(__file__).parents[2] / "examples" / "shell_searcher.sh"
SPACE = SearchSpace("mlp", {"width": [16, 32, 64], "act": ["relu", "tanh"], "rate": range(1, 30)})


def run(
    folder: Path, code: str = PLAIN, does: str = "pass", space: SearchSpace = SPACE, **more: Any
) -> Any:
    script = folder / "mine.py"
    script.write_text(code.replace("DOES", does))
    settings = {"command": f"{sys.executable} {script}", "timeout": 3 if "90" in does else 60}
    return nm.search(
        "command", space, evaluator=lambda c: c["rate"], settings=settings, evaluations=9, **more
    )


class TestCommandSearch(SearcherContract):
    spaces = ("tnb101", example_space("mixed"))

    def make(self, space: SearchSpace, rng: np.random.Generator) -> Searcher:
        return CommandSearch(space, rng, command=f"sh {EXAMPLE}")


def test_a_mirror_of_random_search_has_its_trace(tmp_path: Path) -> None:
    trace = run(tmp_path, MIRROR)
    seed = trace.config.searcher.generator(trace.task, 0).integers(2**31 - 1)
    same = RandomSearch(SPACE, np.random.default_rng(seed)).ask(9)
    assert trace.architectures.tolist() == same.tolist()


def test_numbers_in_a_range_are_rounded_and_null_ends_the_run(tmp_path: Path) -> None:
    code = PLAIN.replace('rng.choice(p["choices"])', "0.3 + n * 1e-7")
    space = SearchSpace(
        "net", {name: nm.Range(0.0, 1.0, levels=11) for name in ["rate", *"abcdef"]}
    )
    trace = run(tmp_path, code, "print('{\"architecture\": null}', flush=True)", space)
    assert (trace.stopped, trace.values.tolist()) == ("exhausted", [0.3])


@pytest.mark.parametrize("does", FAILURES)
def test_a_failure_is_one_error_and_the_run_resumes(tmp_path: Path, does: str) -> None:
    with pytest.raises(RunFailed) as failed:
        run(tmp_path, PLAIN, does, journal=tmp_path / "run.jsonl")
    assert FAILURES[does] in failed.value.reason
    assert failed.value.frames == ""
    resumed = run(tmp_path, PLAIN, does, journal=tmp_path / "run.jsonl")
    assert resumed.values.tolist() == run(tmp_path).values.tolist()
    pids = (tmp_path / "mine.py.pids").read_text().split()
    assert [os.path.exists(f"/proc/{pid}") for pid in pids] == [False] * 3
