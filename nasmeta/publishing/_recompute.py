"""Level 0 of an audit: values, costs and summary follow from the tables and the recorded proposals."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.arrays import Architectures, Epochs, Floats
from nasmeta.errors import JournalError, NasmetaError, SpaceExhaustedError, shown
from nasmeta.experiments import BASELINES, replayed
from nasmeta.journals import differences_from
from nasmeta.publishing._publish import checksums, config_of, label_of, summary_of
from nasmeta.publishing._verdict import Audit, reject, skip
from nasmeta.runs import Clock, History, RunConfig, Transfer, history_of, results_frame, run_config
from nasmeta.searchers import MultiFidelitySearcher, WithoutReplacement
from nasmeta.tasks import default_sources

# Facts that pairs have in common: the name, the group of a config, and its fact. Promotions may
# differ between the searchers on a task, but not between those with the same epochs.
_COMMON_FACTS = (
    ("budget", lambda config: config.task.name, lambda config: config.budget),
    ("evaluator", lambda config: config.task.name, lambda config: config.evaluator.identity),
    (
        "clock",
        lambda config: config.task.name,
        lambda config: replace(Clock.of(config.clock), promotion="scratch"),
    ),
    (
        "clock",
        lambda config: (config.task.name, str(config.searcher.epochs)),
        lambda config: config.clock,
    ),
    (
        "searcher",
        lambda config: config.label,
        lambda config: (config.searcher.name, config.searcher.all_settings),
    ),
)


# What `publish` writes; other fields, such as values, would look checked.
_PAIR_FIELDS = {"label", "identity", "budget", "source", "columns", "runs"}
_RUN_FIELDS = {"stopped", "seed", "architectures", "epochs"}


class RecomputedPair:
    """The runs of a searcher on a task, recomputed from the tables; raises an error if this is not possible."""

    def __init__(self, entry: Any, seeds: list[int], audit: Audit) -> None:
        self.entry = entry
        self.config = config_of(entry)
        self.histories = list[History]()
        self.early = list[History]()  # runs that ended before budget and space
        if checksums(self.config) != entry["columns"]:
            raise NasmetaError("The table has other values on this machine.")
        recorded_seeds = [run["seed"] for run in entry["runs"]]
        # True and 1.0 equal 1.
        are_integers = all(type(seed) is int for seed in recorded_seeds)
        if recorded_seeds != seeds or not are_integers:
            reject(audit, f"{self}: the seeds are not those of the comparison.")
        if unknown := set(entry) - _PAIR_FIELDS:
            reject(audit, f"{self}: unknown fields {', '.join(sorted(unknown))}")
        for run in entry["runs"]:
            try:
                if unknown := set(run) - _RUN_FIELDS:
                    raise JournalError(f"unknown fields {', '.join(sorted(unknown))}")
                config = replace(self.config, seed=run["seed"])
                self._add(_replayed(config, run))
            except Exception as reason:  # the file may contain anything
                reject(audit, f"{self}, seed {run['seed']}: {reason}")

    def _add(self, history: History) -> None:
        """Add a run; reject one that ended early although its searcher can always propose a new architecture."""
        config = history.config
        trainings = {(row[0], row[3].get("epochs")) for row in history.rows}
        n_possible = config.n_measured * len(config.evaluators)
        if history.stopped in ("exhausted", "stalled") and len(trainings) < n_possible:
            if _can_exhaust_space(config):
                raise JournalError(
                    f"the run is {history.stopped} after proposal {len(trainings)} in a space of {n_possible:,}"
                )
            self.early.append(history)
        self.histories.append(history)

    def __str__(self) -> str:
        return f"{self.config.label} on {self.config.task.name}"

    @property
    def is_exact(self) -> bool:
        """Whether a run can be repeated on another processor."""
        kind = self.config.searcher.kind
        on_candidates = kind.needs_list and self.config.task.space.is_large
        return kind.traces == "exact" and not on_candidates

    @cached_property
    def learnt(self) -> Transfer:
        """The knowledge from the sources."""
        return self.config.learn()

    def run(self, seed: int) -> History:
        """Do a run."""
        config = replace(self.config, seed=seed)
        return history_of(config, run_config(config, learnt=self.learnt))


def _can_exhaust_space(config: RunConfig) -> bool:
    """Return whether a searcher proposes new architectures until it has proposed the whole space."""
    is_limited = config.task.space.is_large or config.searcher.transfer
    return issubclass(config.searcher.kind, WithoutReplacement) and not is_limited


def recompute(content: Any, audit: Audit) -> list[RecomputedPair]:
    """Recompute runs and summary from the tables."""
    seeds = content["seeds"]
    entries = content["pairs"]
    audit.searchers = list(dict.fromkeys(map(label_of, entries)))
    audit.tasks = list(dict.fromkeys(str(entry["identity"]["task"]) for entry in entries))
    audit.runs = sum(len(entry["runs"]) for entry in entries)
    _check_seeds(seeds, audit)
    pairs = list[RecomputedPair]()
    for entry in entries:
        try:
            pair = RecomputedPair(entry, seeds, audit)
            pairs.append(pair)
            _name_sources(pair, audit)
        except Exception as reason:  # the file may contain anything
            skip(audit, f"{entry['label']} on {entry['identity']['task']}: {reason}")
    if not any(pair.histories for pair in pairs):
        skip(audit, "There are no runs.")
    _check_design(entries, pairs, audit)
    if audit.verdict == "verified":
        _check_summary(content["summary"], summary_of(frame_of(pairs)), audit)
    return pairs


def _check_seeds(seeds: list[Any], audit: Audit) -> None:
    """Require different integers, and state seeds that are not the first ones."""
    are_integers = all(type(seed) is int for seed in seeds)
    if len(set(seeds)) < len(seeds) or not are_integers:
        reject(audit, "The seeds are not different integers.")
    if seeds != list(range(len(seeds))):
        audit.reasons.append(
            f"The seeds are not 0 to {len(seeds) - 1}, so the author may have selected them"
        )


def _name_sources(pair: RecomputedPair, audit: Audit) -> None:
    """State sources other than those of the task by default."""
    names = [source["name"] for source in pair.entry["identity"]["sources"]]
    if names and set(names) != set(default_sources(pair.config.task).names):
        audit.reasons.append(
            f"{pair}: the sources are {', '.join(names)}, not those by default, so the author may have selected them"
        )


def _check_design(entries: list[Any], pairs: list[RecomputedPair], audit: Audit) -> None:
    """Require each searcher on each task once, one budget and clock per task, and one searcher per label."""
    counts = Counter((entry["label"], entry["identity"]["task"]) for entry in entries)
    labels = {label for label, _ in counts}
    tasks = {task for _, task in counts}
    for name in sorted(product(labels, tasks)):
        if counts[name] != 1:
            reject(
                audit,
                f"{' on '.join(name)}: the file contains this pair {counts[name]} times instead of once",
            )
    for what, group_of, fact_of in _COMMON_FACTS:
        first_pairs = dict[Any, RecomputedPair]()  # by group
        for pair in pairs:
            first = first_pairs.setdefault(group_of(pair.config), pair)
            if fact_of(first.config) != fact_of(pair.config):
                reject(audit, f"{pair}: the {what} differs from that of {first}")


def _check_summary(recorded: Any, recomputed: dict[str, Any], audit: Audit) -> None:
    """Require the recorded summary to equal that of the recomputed runs, with the same columns."""
    differences = differences_from(recorded, recomputed)
    if differences:
        reject(audit, f"summary: {differences}")
        return
    for name, row in recomputed.items():
        if recorded[name].keys() != row.keys():
            reject(audit, "summary: the columns differ from those here")
            return


def frame_of(pairs: list[RecomputedPair]) -> pd.DataFrame:
    """Return the results of all runs in a fixed order."""
    histories = list[History]()
    for pair in pairs:
        histories += pair.histories
    return _ordered(results_frame(histories))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a results frame in a fixed order, with tasks and searchers as strings."""
    frame = frame.astype({"task": str, "searcher": str})
    return frame.sort_values(["task", "searcher", "seed", "evaluation"], ignore_index=True)


def check_results(recorded: pd.DataFrame, recomputed: pd.DataFrame, audit: Audit) -> None:
    """Compare the results in a folder with those of the tables; its summary does not cover all columns."""
    from pandas.testing import assert_frame_equal

    has_runs = recorded["searcher"].isin(recomputed["searcher"])
    for label in sorted(set(recorded["searcher"][~has_runs])):
        if label in BASELINES:
            skip(
                audit,
                f"The rows of {label} in results.parquet have no journals; nasmeta publish omits them",
            )
        else:
            reject(audit, f"results.parquet has rows of {label}, which has no runs")
    try:
        assert_frame_equal(_ordered(recorded[has_runs]), recomputed, check_categorical=False)
    except AssertionError as reason:
        first_line = str(reason).splitlines()[0]
        reject(audit, f"results.parquet differs from the tables: {first_line}")


class _Recorded(MultiFidelitySearcher):
    """Propose the architectures of a run in their order."""

    def __init__(self, config: RunConfig, run: Any) -> None:
        super().__init__(config.task.space, np.random.default_rng(0))
        architectures = np.array(run["architectures"])
        epochs = np.full(len(architectures), config.evaluator.full_epochs)
        if config.lengths:
            epochs = np.array(run["epochs"])
        # One proposal per row: both arrays have the shape (n, 1).
        self._remaining = zip(architectures[:, None], epochs[:, None], strict=True)

    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        """Return the next architecture; there is none after the last one."""
        proposal = next(self._remaining, None)
        if proposal is None:
            raise SpaceExhaustedError
        return proposal

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Ignore the values."""


def _replayed(config: RunConfig, run: Any) -> History:
    """Return a run with the values and costs of the tables."""
    _check_proposals(config, run)
    has_one_objective = config.evaluator.n_objectives == 1
    if config.clock is None and has_one_objective and not config.evaluator.identity:
        trace = replayed(config, run)
    else:
        trace = run_config(config, searcher=_Recorded(config, run))
    # only the searcher knows the difference
    if trace.stopped == "exhausted" and run["stopped"] == "stalled":
        trace.stopped = "stalled"
    if trace.stopped != run["stopped"]:
        raise JournalError(
            f"the run is stopped by {trace.stopped} here, but by {run['stopped']} in the file"
        )
    return history_of(config, trace)


def _check_proposals(config: RunConfig, run: Any) -> None:
    """Raise a JournalError that names the first impossible proposal."""
    space_size = config.task.space.size
    is_once = _proposes_once(config)
    measured = None if config.measured is None else set(config.measured.tolist())
    architectures = run["architectures"]
    lengths = architectures  # without several lengths, equal architectures are equal trainings
    if config.lengths:
        lengths = run["epochs"]
    earlier = set[tuple[int, int]]()
    for position, (architecture, epochs) in enumerate(zip(architectures, lengths, strict=True)):
        problem = ""
        is_architecture = type(architecture) is int and 0 <= architecture < space_size
        if not is_architecture or type(epochs) is not int:
            problem = f"is {shown(architecture)}, not an integer from 0 to {space_size - 1}"
        elif measured is not None and architecture not in measured:
            problem = f"is {architecture}, which has no value"
        elif is_once and (architecture, epochs) in earlier:
            problem = f"repeats {architecture}"
        elif position >= config.budget.most_evaluations:
            problem = f"exceeds the budget of {position} evaluations"
        if problem:
            raise JournalError(f"proposal {position + 1} {problem}")
        earlier.add((architecture, epochs))


def _proposes_once(config: RunConfig) -> bool:
    """Return whether a run contains each training at most once, by its clock or by its searcher."""
    if Clock.of(config.clock).repeats == "free":
        return True
    spec = config.searcher
    replaces = spec.settings.get("replacement") or spec.transfer
    return issubclass(spec.kind, WithoutReplacement) and not replaces
