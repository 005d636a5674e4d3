"""Write a finished comparison to one file."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.analysis import summarise
from nasmeta.analysis.report import title_of
from nasmeta.code_identity import source_digest
from nasmeta.experiments import PUBLISHED_FORMAT, ComparisonFolder, results_in
from nasmeta.files import facts_in, write_atomically
from nasmeta.registry import names_from_file
from nasmeta.runs import RunConfig, check_recorded, checked_budget, recorded_config, require_journal
from nasmeta.tasks import as_tasks

_DECIMALS = 6


@names_from_file()
def publish(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    author: str = "",
    tuned_on: Sequence[str] = (),
) -> Path:
    """Write a finished comparison to one small file that anyone can audit.

    The file contains the searchers with versions, settings and budgets, the proposals of each run
    in their order, checksums of the columns, and a summary of the results. Values, costs and
    regrets follow from the tables, so the file omits them.

    Parameters
    ----------
    folder : path
        Folder of a finished comparison on tables.
    output : path
        The file to write.
    author : str, optional
        Name of the author.
    tuned_on : sequence of str, optional
        Tasks or families on which settings of the searchers were chosen.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    JournalError
        If a journal is missing, or contradicts the tables.
    SettingError
        If the values are from functions or trainings, which others cannot recompute.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as home:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=f"{home}/runs")
    ...     nm.audit(nm.publish(f"{home}/runs", f"{home}/runs.json.gz")).verdict
    'verified'
    """
    content = content_of(Path(folder)) | {
        "author": author,
        "tuned_on": [task.name for task in as_tasks(tuned_on)],
    }
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(
        Path(output), gzip.compress(json.dumps(content, separators=(",", ":")).encode(), 9, mtime=0)
    )
    return Path(output)


def content_of(folder: Path) -> dict[str, Any]:
    """Return the published content of a comparison; its journals are checked against the tables."""
    specification = facts_in(folder / "specification.json")
    home = ComparisonFolder(folder)
    results = results_in(folder)
    results = results[results["searcher"].isin(specification["searchers"])]  # no stored baselines
    repeats = specification["repeats"]
    seeds = list(range(repeats)) if isinstance(repeats, int) else repeats
    ends = results.groupby(["task", "searcher", "seed"], observed=True)["stopped"].first()
    pairs = []
    for task, seconds in zip(specification["tasks"], specification["seconds"], strict=True):
        for label in specification["searchers"]:
            identity, _ = require_journal(home.journal_of(task, label, seeds[0]))
            budget = [specification["evaluations"], seconds, specification["stop_at_optimum"]]
            pair: dict[str, Any] = {"label": label, "identity": identity, "budget": budget}
            config = config_of(pair)
            runs = []
            for seed in seeds:
                proposals = _proposals(config, home.journal_of(task, label, seed))
                runs.append({"stopped": ends[task, label, seed], **proposals})
            source = identity.get("code") or source_of(config)
            pairs.append({**pair, "source": source, "columns": checksums(config), "runs": runs})
    facts = {"nasmeta_published": PUBLISHED_FORMAT, "title": title_of(folder), "seeds": seeds}
    return {**facts, "summary": summary_of(results), "pairs": pairs}


def _proposals(config: RunConfig, path: Path) -> dict[str, Any]:
    """Return the proposals in a journal; the last ones may exceed a budget in seconds."""
    header, trace = require_journal(path)
    check_recorded(path, trace, replace(config, seed=header["seed"]))
    architectures, _, _, details = zip(*trace.rows[: config.budget.evaluations], strict=True)
    run = {"seed": header["seed"], "architectures": architectures}
    if config.lengths:
        run["epochs"] = [each["epochs"] for each in details]
    return run


def config_of(pair: dict[str, Any]) -> RunConfig:
    """Return the config of the runs of a searcher on a task, without the searcher's code."""
    budget = checked_budget(*pair["budget"], default=0)
    return replace(recorded_config(pair["identity"], budget), label=pair["label"])


def label_of(pair: dict[str, Any]) -> str:
    """Return the label of a pair, followed by the searcher and its settings if they differ."""
    label = str(pair["label"])
    searcher = pair["identity"]["searcher"]
    settings = pair["identity"]["settings"]
    if settings:
        listed = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        searcher = f"{searcher} ({listed})"
    return label if label == searcher else f"{label} = {searcher}"


def source_of(config: RunConfig) -> str:
    """Return a digest of the searcher's source."""
    return config.searcher.code or source_digest(config.searcher.kind)


def checksums(config: RunConfig) -> list[str]:
    """Return the checksums of values and costs in the tables."""
    digests = []
    for evaluator in config.evaluators.values():
        for array in (evaluator.values, evaluator.cost_seconds):
            content = b"" if array is None else array.tobytes()
            digests.append(sha256(content).hexdigest()[:16])
    return digests


def summary_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the summary of results by task and searcher, without intervals, which depend on random draws."""
    table = summarise(frame).round(_DECIMALS).filter(regex="(?<!_low)(?<!_high)$").astype(object)
    return {
        f"{row['searcher']} on {row['task']}": row
        for row in table.where(table.notna(), None).to_dict("records")
    }
