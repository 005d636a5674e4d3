"""Find the best values of published surrogates, and write them to best_known.json (one core, half an hour).

For each task and each of its seeds, 100,000 random architectures are evaluated. From the best 100,
one position after the other is set to its best choice until no change of a single position improves
the value. A value is never replaced by a worse one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasmeta.tasks import Task, task_distribution

FILE = Path(__file__).with_name("best_known.json")
RANDOM, STARTS, AT_ONCE = 100_000, 100, 20_000


def utilities_of(task: Task, codes: NDArray[np.integer]) -> NDArray[np.float64]:
    architectures = task.space.from_codes(codes)
    parts = np.array_split(architectures, -(-len(architectures) // AT_ONCE))
    return task.sign * np.concatenate([task.values_of(part) for part in parts])


def best_of(task: Task, rng: np.random.Generator) -> int:
    """Return the best architecture of random ones and of local searches from the best of them."""
    space = task.space
    codes = space.codes_of(space.sample(RANDOM, rng))
    values = utilities_of(task, codes)
    order = np.argsort(-values)[:STARTS]
    codes, values = codes[order], values[order]
    improving = np.ones(len(codes), dtype=bool)
    while improving.any():
        before = values.copy()
        for at, position in enumerate(space.positions):
            rows, n = np.flatnonzero(improving), len(position.choices)
            changed = np.repeat(codes[rows], n, axis=0)
            changed[:, at] = np.tile(np.arange(n), len(rows))
            found = utilities_of(task, changed).reshape(len(rows), n)
            choice = found.argmax(axis=1)
            better = found.max(axis=1) > values[rows]
            codes[rows[better], at] = choice[better]
            values[rows[better]] = found.max(axis=1)[better]
        improving = values > before
    return int(space.from_codes(codes[[values.argmax()]])[0])


def main(family: str = "lcbench", *seeds: str) -> None:
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"tasks": {}}
    known["how"] = " ".join((__doc__ or "").split("\n\n")[1].split())
    for task in task_distribution(family):
        for seed in seeds or range(3):
            best = best_of(task, np.random.default_rng(int(seed)))
            value = float(task.values_of(np.array([best]))[0])
            found = {"value": value, "architecture": task.space.to_string(best), "seeds": []}
            past = known["tasks"].get(task.name, found)
            print(task.name, seed, value, past["value"], flush=True)
            better = found if task.sign * (value - past["value"]) > 0 else past
            known["tasks"][task.name] = better | {"seeds": sorted({*past["seeds"], int(seed)})}
        FILE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
