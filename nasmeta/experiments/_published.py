"""Published files: gzipped JSON, which is read safely and within a fixed size; and the baselines in the package."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.checks import check_names
from nasmeta.errors import SettingError
from nasmeta.files import blaming, shipped
from nasmeta.journals import differences_from
from nasmeta.runs import Clock, RunConfig, Trace

PUBLISHED_FORMAT = 1
_MOST_BYTES = 1 << 26  # of the text; about ten million evaluations
_GZIP = 31  # zlib's name of the format


def read_published(path: Path) -> dict[str, Any]:
    """Return the content of a published file; nothing in it is executed."""
    packed = path.read_bytes()
    with blaming(path, "published file of nasmeta"):
        unpacked = zlib.decompressobj(_GZIP)
        content: dict[str, Any] = json.loads(unpacked.decompress(packed, _MOST_BYTES))
        if not unpacked.eof or content["nasmeta_published"] != PUBLISHED_FORMAT:
            raise ValueError("it is too long, or of another format")
        return content


def replayed(config: RunConfig, run: dict[str, Any]) -> Trace:
    """Return a published run, without a clock and with one objective, with the values and costs of the tables."""
    evaluator, budget = config.evaluator, config.budget
    architectures = np.array(run["architectures"], evaluator.space.index_type)[: budget.evaluations]
    trace = Trace(full_epochs=evaluator.full_epochs)
    trace.extend(architectures, *evaluator.evaluate(architectures)[:2])
    if len(architectures) < budget.most_evaluations:
        trace.stopped = "stalled" if run["stopped"] == "stalled" else "exhausted"
    trace.end(budget, Clock(), evaluator.sign, config.target)
    return trace


def stored_pairs(tasks: Collection[str], but: Collection[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the stored runs on tasks by task and label, except those of some labels.

    Raises
    ------
    UnknownNameError
        For a task without stored runs.
    """
    home = shipped("baselines")  # of files GROUP/TASK.json.gz
    of_task = {path: path.relative_to(home).as_posix().partition("/")[2][:-8] for path in sorted(home.rglob("*.gz"))}
    check_names("the stored baselines", "task", tasks, of_task.values())
    pairs = [pair for path, task in of_task.items() if task in tasks for pair in read_published(path)["pairs"]]
    return {(pair["identity"]["task"], pair["label"]): pair for pair in pairs if pair["label"] not in but}


def stored_runs(pair: dict[str, Any], config: RunConfig, seeds: Sequence[int]) -> Iterator[tuple[int, Trace]]:
    """Yield the seeds and traces of stored runs; only a smaller budget may differ from their config."""
    most, runs = pair["budget"][0], {run["seed"]: run for run in pair["runs"]}
    if differences := differences_from(pair["identity"], config.identity, ("nasmeta_journal", "seed", "written_by")):
        raise SettingError(f"The stored runs of {config.label} on {config.task.name} do not fit: {differences}.")
    if config.budget.most_evaluations > most or max(seeds) > max(runs):
        raise SettingError(
            "evaluations and repeats", [config.budget.evaluations, len(seeds)], f"{most} and {len(runs)}"
        )
    yield from ((seed, replayed(config, runs[seed])) for seed in seeds)
