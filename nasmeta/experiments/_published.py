"""Published files: gzipped JSON, which is read safely and within a fixed size; and the baselines in the package."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.files import blaming, shipped
from nasmeta.runs import Clock, RunConfig, Trace

PUBLISHED_FORMAT = 1
BASELINES = ("random", "local-search", "evolution", "tpe", "reinforce", "gp")
_MOST_BYTES = 1 << 26  # of the text; about ten million evaluations
_GZIP = 31  # zlib's name of the format


def read_published(path: Path) -> dict[str, Any]:
    """Return the content of a published file; nothing in it is executed."""
    if not path.is_file():
        raise FileNotFoundError(
            f"File not found: {path}. nasmeta publish FOLDER --output {path} writes it."
        )
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
    architectures = np.array(run["architectures"])[: budget.evaluations]
    trace = Trace(full_epochs=evaluator.full_epochs)
    trace.extend(architectures, *evaluator.evaluate(architectures)[:2])
    if len(architectures) < budget.most_evaluations:
        trace.stopped = "exhausted"
    trace.end(budget, Clock(), evaluator.sign, config.target)
    return trace


def stored_pairs(tasks: Sequence[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the stored runs of the baselines on tasks, by task and label."""
    files = [file for task in tasks for file in shipped("baselines").glob(f"*/{task}.json.gz")]
    return {
        (pair["identity"]["task"], pair["label"]): pair
        for file in files
        for pair in read_published(file)["pairs"]
    }
