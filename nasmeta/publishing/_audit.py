"""Audit a published file or the folder of a comparison."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import product
from math import ceil, comb, erfc, floor, sqrt
from pathlib import Path
from secrets import randbelow
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import nasmeta
from nasmeta.arrays import Architectures, Epochs, Floats
from nasmeta.checks import check_int
from nasmeta.errors import JournalError, NasmetaError, SpaceExhaustedError, shown
from nasmeta.experiments import BASELINES, read_published, replayed, results_in
from nasmeta.files import blaming
from nasmeta.journals import differences_from
from nasmeta.publishing._publish import (
    checksums,
    config_of,
    content_of,
    label_of,
    source_of,
    summary_of,
)
from nasmeta.registry import names_from_file
from nasmeta.runs import (
    Clock,
    History,
    RunConfig,
    SearcherSpec,
    Trace,
    Transfer,
    history_of,
    results_frame,
    run_config,
)
from nasmeta.searchers import MultiFidelitySearcher, WithoutReplacement
from nasmeta.tasks import default_sources, get_task
from nasmeta.threads import one_thread

_REPEATED, FRESH_RUNS = 30, 60  # runs
_FRESH_SEEDS = (10**6, 2**31)  # least, and end
_FORGED = 0.1  # share of the runs, for the stated chance
_SIMULATED = 4_000  # tests, for the stated chance
_ERROR = (
    0.02  # probability that level 2 rejects an honest file, about: rare chances are approximate
)
_PERMUTATIONS = 10_000
_RARE = 5 / _PERMUTATIONS  # chances below cannot be counted


@dataclass
class Audit:
    """The result of an audit.

    Examples
    --------
    >>> from nasmeta.publishing import Audit
    >>> Audit("mine.json.gz", level=1).verdict
    'verified'
    """

    file: str
    level: int
    verdict: str = "verified"  # or "not reproduced", or "cannot be checked"
    reasons: list[str] = field(default_factory=list)
    author: str = ""
    # tasks on which settings were tuned, as the author declares
    tuned_on: list[str] = field(default_factory=list)
    sha256: str = ""  # of the content
    # labels, with searcher and settings if they differ
    searchers: list[str] = field(default_factory=list)
    seed: int = 0  # of the selection of runs
    repeated: int = 0  # runs of level 1
    fresh: int = 0  # runs of level 2
    chances: list[str] = field(default_factory=list)  # to find forged runs and selected seeds

    def _reject(self, reason: str, verdict: str = "not reproduced") -> None:
        self.reasons.append(reason.rstrip("."))
        if self.verdict != "not reproduced":
            self.verdict = verdict

    def _skip(self, reason: str) -> None:
        self._reject(reason, "cannot be checked")

    @property
    def status(self) -> int:
        """The exit status of the command: 0 if verified, else 1."""
        return int(self.verdict != "verified")


def audit(
    file: str | os.PathLike[str],
    *,
    level: int = 1,
    runs: int | None = None,
    seed: int | None = None,
    run_code: bool = False,
) -> Audit:
    """Check published results against the tables, and by repeating some runs.

    Level 0 recomputes values, costs, curves and the summary from the tables, and repeats runs that
    ended early. Level 1 also repeats randomly selected runs; every proposal must be equal. Level 2
    also runs fresh seeds, and tests whether the published runs have the same ranks. It detects
    selected seeds, and is the only check of searchers with ``traces = "statistical"``.

    Parameters
    ----------
    file : path
        A file of `publish`, or the folder of a finished comparison.
    level : {0, 1, 2}, default 1
    runs : int, optional
        Number of runs to repeat, by default 30. At level 2 also the number of fresh runs of each
        searcher on each task, by default 60.
    seed : int, optional
        Seed of the selection of runs and of the fresh seeds. The same seed repeats a verdict; it is
        random by default.
    run_code : bool, default False
        Run searchers named as ``package.module:Name``. Only do this if you trust their code.

    Returns
    -------
    Audit

    Raises
    ------
    FileNotFoundError, DamagedFileError
        If the file does not exist, is damaged, or is not a published file.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as home:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=home)
    ...     audit = nm.audit(home)
    >>> audit.verdict, audit.repeated
    ('verified', 2)
    """
    path, done = Path(file), Audit(str(file), check_int("level", level, 0, 2))
    with nullcontext() if run_code else names_from_file(), one_thread():
        try:
            content = content_of(path) if path.is_dir() else read_published(path)
        except JournalError as reason:
            done._reject(str(reason))
            return done
        done.sha256 = sha256(json.dumps(content).encode()).hexdigest()
        done.author, done.tuned_on = content.get("author", ""), content.get("tuned_on", [])
        done.seed = randbelow(2**32) if seed is None else check_int("seed", seed, least=0)
        with blaming(path, "published file of nasmeta"):
            pairs = _recomputed(content, done)
        if path.is_dir() and done.verdict == "verified":
            _check_results(results_in(path), _frame(pairs), done)
        if done.verdict == "not reproduced":
            return done
        ready = [pair for pair in pairs if (level or pair.early) and _prepare(pair, done, run_code)]
        rng = np.random.default_rng(done.seed)
        try:
            _repeat(
                ready, done, rng.permutation, _REPEATED if runs is None else check_int("runs", runs)
            )
            if level == 2:
                n_fresh = FRESH_RUNS if runs is None else runs
                compare_ranks(ready, done, rng.integers(*_FRESH_SEEDS, size=(len(ready), n_fresh)))
        except NasmetaError as reason:  # of custom code
            done._skip(str(reason))
    return done


class RecomputedPair:
    """The runs of a searcher on a task, recomputed from the tables; raises an error if this is not possible."""

    def __init__(self, entry: Any, seeds: list[int], done: Audit) -> None:
        self.entry, self.config, self.histories = entry, config_of(entry), list[History]()
        self.early = list[History]()  # runs that ended before budget and space
        if checksums(self.config) != entry["columns"]:
            raise NasmetaError("The table has other values on this machine.")
        if [run["seed"] for run in entry["runs"]] != seeds:
            done._reject(f"{self}: the seeds are not those of the comparison.")
        for run in entry["runs"]:
            try:
                self._keep(_replayed(replace(self.config, seed=run["seed"]), run))
            except Exception as reason:  # the file may contain anything
                done._reject(f"{self}, seed {run['seed']}: {reason}")

    def _keep(self, history: History) -> None:
        """Add a run; reject one that ended early although its searcher can always propose a new architecture."""
        config, n = history.config, len({(row[0], row[3].get("epochs")) for row in history.rows})
        n_possible = config.n_measured * len(config.evaluators)
        if history.stopped in ("exhausted", "stalled") and n < n_possible:
            spec = config.searcher
            if issubclass(spec.kind, WithoutReplacement) and not (
                config.task.space.is_large or spec.transfer
            ):
                raise JournalError(
                    f"the run is {history.stopped} after proposal {n} in a space of {n_possible:,}"
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


def _recomputed(content: Any, done: Audit) -> list[RecomputedPair]:
    """Recompute runs and summary from the tables."""
    pairs, seeds = list[RecomputedPair](), content["seeds"]
    done.searchers = [*dict.fromkeys(map(label_of, content["pairs"]))]
    if len({*seeds}) < len(seeds) or not {int}.issuperset(map(type, seeds)):
        done._reject("The seeds are not different integers.")
    if seeds != [*range(len(seeds))]:
        done.reasons.append(
            f"The seeds are not 0 to {len(seeds) - 1}, so the author may have selected them"
        )
    for entry in content["pairs"]:
        try:
            pairs.append(RecomputedPair(entry, seeds, done))
            _name_sources(pairs[-1], done)
        except Exception as reason:  # the file may contain anything
            done._skip(f"{entry['label']} on {entry['identity']['task']}: {reason}")
    if not any(pair.histories for pair in pairs):
        done._skip("There are no runs.")
    _check_design(content["pairs"], pairs, done)
    if done.verdict == "verified":
        recorded, here = content["summary"], summary_of(_frame(pairs))
        if differences := differences_from(recorded, here):
            done._reject(f"summary: {differences}")
        elif any(recorded[name].keys() != row.keys() for name, row in here.items()):
            done._reject("summary: the columns differ from those here")
    return pairs


def _name_sources(pair: RecomputedPair, done: Audit) -> None:
    """State sources other than those of the task by default."""
    names = [source["name"] for source in pair.entry["identity"]["sources"]]
    if names and {*names} != {*default_sources(pair.config.task).names}:
        done.reasons.append(
            f"{pair}: the sources are {', '.join(names)}, not those by default, so the author may have selected them"
        )


def _check_design(entries: list[Any], pairs: list[RecomputedPair], done: Audit) -> None:
    """Require each searcher on each task once, one budget and clock per task, and one searcher per label."""
    counts = Counter((entry["label"], entry["identity"]["task"]) for entry in entries)
    labels, tasks = ({name[i] for name in counts} for i in range(2))
    for name in sorted(product(labels, tasks)):
        if counts[name] != 1:
            done._reject(
                f"{' on '.join(name)}: the file contains this pair {counts[name]} times instead of once"
            )
    for what, group_of, facts_of in (
        ("budget", lambda c: c.task.name, lambda c: c.budget),
        ("evaluator", lambda c: c.task.name, lambda c: c.evaluator.identity),
        ("clock", lambda c: c.task.name, lambda c: replace(Clock.of(c.clock), promotion="scratch")),
        ("clock", lambda c: (c.task.name, str(c.searcher.epochs)), lambda c: c.clock),
        ("searcher", lambda c: c.label, lambda c: (c.searcher.name, c.searcher.all_settings)),
    ):
        first: dict[Any, RecomputedPair] = {}
        for pair in pairs:
            other = first.setdefault(group_of(pair.config), pair)
            if facts_of(other.config) != facts_of(pair.config):
                done._reject(f"{pair}: the {what} differs from that of {other}")


def _frame(pairs: list[RecomputedPair]) -> pd.DataFrame:
    """Return the results of all runs in a fixed order."""
    return _ordered(results_frame([history for pair in pairs for history in pair.histories]))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"task": str, "searcher": str}).sort_values(
        ["task", "searcher", "seed", "evaluation"], ignore_index=True
    )


def _check_results(recorded: pd.DataFrame, here: pd.DataFrame, done: Audit) -> None:
    """Compare the results in a folder with those of the tables; its summary does not cover all columns."""
    from pandas.testing import assert_frame_equal

    audited = recorded["searcher"].isin(here["searcher"])
    for label in sorted({*recorded["searcher"][~audited]}):
        if label in BASELINES:
            done._skip(
                f"The rows of {label} in results.parquet have no journals; nasmeta publish omits them"
            )
        else:
            done._reject(f"results.parquet has rows of {label}, which has no runs")
    try:
        assert_frame_equal(_ordered(recorded[audited]), here, check_categorical=False)
    except AssertionError as reason:
        done._reject(f"results.parquet differs from the tables: {str(reason).splitlines()[0]}")


class _Recorded(MultiFidelitySearcher):
    """Propose the architectures of a run in their order."""

    def __init__(self, config: RunConfig, run: Any) -> None:
        super().__init__(config.task.space, np.random.default_rng(0))
        architectures = np.array(run["architectures"])[:, None]
        epochs = (
            run["epochs"]
            if config.lengths
            else np.full(len(architectures), config.evaluator.full_epochs)
        )
        self._left = zip(architectures, np.array(epochs)[:, None], strict=True)

    def ask_at(self, n: int = 1) -> tuple[Architectures, Epochs]:
        """Return the next architecture; there is none after the last one."""
        if (proposal := next(self._left, None)) is None:
            raise SpaceExhaustedError
        return proposal

    def tell_at(self, architectures: Architectures, epochs: Epochs, values: Floats) -> None:
        """Ignore the values."""


def _replayed(config: RunConfig, run: Any) -> History:
    """Return a run with the values and costs of the tables."""
    _check_proposals(config, run)
    if (
        config.clock is None
        and config.evaluator.n_objectives == 1
        and not config.evaluator.identity
    ):
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
    spec, size = config.searcher, config.task.space.size
    is_free = Clock.of(config.clock).repeats == "free"
    keeps_open = issubclass(spec.kind, WithoutReplacement) and not spec.settings.get("replacement")
    is_once = is_free or (keeps_open and not spec.transfer)
    measured = None if config.measured is None else {*config.measured.tolist()}
    earlier = set[tuple[int, int]]()
    proposals = zip(
        run["architectures"], run["epochs" if config.lengths else "architectures"], strict=True
    )
    for i, (architecture, epochs) in enumerate(proposals):
        if type(architecture) is not int or not 0 <= architecture < size or type(epochs) is not int:
            problem = f"is {shown(architecture)}, not an integer from 0 to {size - 1}"
        elif measured is not None and architecture not in measured:
            problem = f"is {architecture}, which has no value"
        elif is_once and (architecture, epochs) in earlier:
            problem = f"repeats {architecture}"
        elif i >= config.budget.most_evaluations:
            problem = f"exceeds the budget of {i} evaluations"
        else:
            earlier.add((architecture, epochs))
            continue
        raise JournalError(f"proposal {i + 1} {problem}")


def _prepare(pair: RecomputedPair, done: Audit, run_code: bool) -> bool:
    """Complete the config of a pair by its searcher; return False, with a reason, if it cannot be run here."""
    identity, plain = pair.entry["identity"], pair.config
    name, settings = identity["searcher"], identity["settings"]
    try:
        if "meta_model" in identity:
            raise NasmetaError("The file of its meta-model is needed.")
        if not identity["written_by"].startswith(f"nasmeta {nasmeta.__version__},"):
            raise NasmetaError(
                f"It is by {identity['written_by']}, but nasmeta {nasmeta.__version__} is installed."
            )
        if "code" in identity and not run_code:
            code = settings.get("command", name)
            raise NasmetaError(
                f"{code} is code of {done.author or 'an unknown author'}; see --run-code."
            )
        if plain.lengths:
            settings = settings | {"epochs": [*plain.lengths]}
        spec, sources = (
            SearcherSpec.of(name, settings),
            [get_task(source["name"]) for source in identity["sources"]],
        )
        pair.config = RunConfig.of(
            spec,
            plain.evaluator,
            plain.budget,
            sources=sources or None,
            clock=plain.clock,
            label=plain.label,
        )
        if differences := differences_from(
            identity, pair.config.identity, ("nasmeta_journal", "seed", "written_by")
        ):
            raise NasmetaError(f"{differences}.")
        if pair.entry["source"] != source_of(pair.config):
            done.reasons.append(
                f"{pair}: the stated source of the searcher differs from the source here"
            )
        if done.level < 2 and not pair.is_exact:
            raise NasmetaError(
                "Its proposals may differ between processors; level 2 tests its results."
            )
    except Exception as reason:  # the file may contain anything
        done._skip(f"{pair}: {reason}")
        return False
    return True


def _repeat(
    pairs: list[RecomputedPair], done: Audit, permute: Callable[[int], Any], n: int
) -> None:
    """Repeat runs of exact searchers that ended early, and some others; all proposals must be equal."""
    exact = [pair for pair in pairs if pair.is_exact]
    possible = [(pair, history) for pair in exact for history in pair.histories]
    selected = set(permute(len(possible))[: n * (done.level > 0)].tolist())
    for position, (pair, history) in enumerate(possible):
        if position not in selected and history not in pair.early:
            continue
        due, here = _proposals(history), _proposals(pair.run(history.seed))
        done.repeated += 1
        if due != here:
            i = next(i for i, both in enumerate(zip(due, here, strict=False)) if both[0] != both[1])
            written_by = pair.entry["identity"]["written_by"]
            done._reject(
                f"{pair}, seed {history.seed}, of {written_by}: proposal {i + 1} is {due[i]}, but {here[i]} here."
            )
    if selected:
        chance = _chance_to_find(len(selected), len(possible))
        done.chances.append(
            f"{len(selected)} of {len(possible)} exact runs repeated: a forged share of {_percent(_FORGED)} would be "
            f"found with {_percent(chance)}"
        )


def _chance_to_find(n_repeated: int, n_runs: int) -> float:
    """Return the probability that a forged run is repeated, by the hypergeometric distribution."""
    n_forged = ceil(_FORGED * n_runs)
    return 1 - comb(n_runs - n_forged, n_repeated) / comb(n_runs, n_repeated)


def _percent(chance: float) -> str:
    return f"{floor(100 * chance)} %"  # 100 % is certain


def _proposals(trace: Trace) -> list[Any]:
    """Return architecture and epochs of each evaluation in the order of starts, and the end."""
    return [
        *((architecture, details.get("epochs")) for architecture, _, _, details in trace.rows),
        trace.stopped,
    ]


def compare_ranks(pairs: list[RecomputedPair], done: Audit, seeds: NDArray[np.int64]) -> None:
    """Test whether the ranks of published runs and of runs with fresh seeds differ, for each pair and searcher."""
    tests, by_label, rng = (
        dict[str, list[Floats]](),
        dict[str, list[Floats]](),
        np.random.default_rng(0),
    )
    for pair, own in zip(pairs, seeds.tolist(), strict=True):
        fresh = [pair.run(seed) for seed in own]
        done.fresh += len(fresh)
        tests[str(pair)] = [_rank_test(pair.histories, fresh, rng)]
        by_label.setdefault(pair.config.label, []).extend(tests[str(pair)])
    tests |= {
        f"{label} on all tasks": scores for label, scores in by_label.items() if len(scores) > 1
    }
    for who, scores in tests.items():
        z, *drawn = np.sum(scores, axis=0) / sqrt(len(scores))
        # of few different runs, above that of a normal score
        chance = np.mean(np.abs([z, *drawn]) >= abs(z) - 1e-9)
        p = max(_two_sided(z), chance * (chance > _RARE)) * len(tests)
        if p < _ERROR:
            how = "better" if z < 0 else "worse"
            done._reject(
                f"{who}: the runs are {how} than with fresh seeds (corrected p = {p:.1g})."
            )
    if pairs:
        n, n_fresh = len(pairs[0].histories), seeds.shape[1]
        chance = _chance_of_selected(n, n_fresh, len(tests))
        done.chances.append(
            f"{n_fresh} fresh runs per searcher and task: the best {n} of {2 * n} seeds of a searcher on a task would "
            f"be found with {_percent(chance)}"
        )


def _two_sided(z: float) -> float:
    return erfc(abs(z) / sqrt(2))


def _chance_of_selected(n: int, n_fresh: int, n_tests: int) -> float:
    """Return the simulated probability that the rank test detects the best n of 2n runs without ties."""
    rng = np.random.default_rng(0)
    published = np.sort(rng.random((_SIMULATED, 2 * n)))[:, :n]
    regrets = np.hstack([published, rng.random((_SIMULATED, n_fresh))])
    ranks = regrets.argsort(axis=1).argsort(axis=1)[:, :n]
    n_all = n + n_fresh
    z = (ranks.sum(axis=1) - n * (n_all - 1) / 2) / sqrt(n * n_fresh * (n_all + 1) / 12)
    return float(np.mean([_two_sided(each) * n_tests < _ERROR for each in z]))


def _rank_test(published: list[History], fresh: list[History], rng: np.random.Generator) -> Floats:
    """Return the standardised rank sum of the published runs, negative if they are better, then those of permutations.

    Runs are ordered by their last regret, then by the evaluation that reached it. The variance is
    that of random permutations, also with ties.
    """
    from scipy.stats import rankdata

    regrets = [run.frame()["regret"].to_numpy() for run in (*published, *fresh)]
    order = np.unique(
        [(each[-1], (each > each[-1]).sum()) for each in regrets], axis=0, return_inverse=True
    )[1]
    ranks, n, m = rankdata(order.ravel()), len(published), len(fresh)
    deviation = sqrt(n * m / (n + m) * ranks.var(ddof=1))
    drawn = rng.permuted(np.tile(ranks, (_PERMUTATIONS, 1)), axis=1)
    sums = np.vstack([ranks, drawn])[:, :n].sum(axis=1) - n * ranks.mean()
    return np.asarray(sums / deviation if deviation else 0 * sums)
