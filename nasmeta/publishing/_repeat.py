"""Level 1 of an audit: repeated runs have the same proposals."""

from __future__ import annotations

from math import ceil, comb, floor
from typing import Any

import numpy as np

import nasmeta
from nasmeta.errors import NasmetaError
from nasmeta.journals import differences_from
from nasmeta.publishing._publish import source_of
from nasmeta.publishing._recompute import RecomputedPair
from nasmeta.publishing._verdict import Audit, reject, skip
from nasmeta.runs import RunConfig, SearcherSpec, Trace
from nasmeta.tasks import get_task

_FORGED = 0.1  # share of the runs, for the stated chance


def prepare(pair: RecomputedPair, audit: Audit, run_code: bool) -> bool:
    """Complete the config of a pair by its searcher; return False, with a reason, if it cannot be run here."""
    try:
        _check_origin(pair, audit, run_code)
        pair.config = _config_with_searcher(pair)
        if pair.entry["source"] != source_of(pair.config):
            audit.reasons.append(
                f"{pair}: the stated source of the searcher differs from the source here"
            )
        if audit.level < 2 and not pair.is_exact:
            raise NasmetaError(
                "Its proposals may differ between processors; level 2 tests its results."
            )
    except Exception as reason:  # the file may contain anything
        skip(audit, f"{pair}: {reason}")
        return False
    return True


def _check_origin(pair: RecomputedPair, audit: Audit, run_code: bool) -> None:
    """Raise an error if a searcher needs a meta-model, another version, or code that may not run."""
    identity = pair.entry["identity"]
    if "meta_model" in identity:
        raise NasmetaError("The file of its meta-model is needed.")
    if not identity["written_by"].startswith(f"nasmeta {nasmeta.__version__},"):
        raise NasmetaError(
            f"It is by {identity['written_by']}, but nasmeta {nasmeta.__version__} is installed."
        )
    if "code" in identity and not run_code:
        code = identity["settings"].get("command", identity["searcher"])
        author = audit.author or "an unknown author"
        raise NasmetaError(f"{code} is code of {author}; see --run-code.")


def _config_with_searcher(pair: RecomputedPair) -> RunConfig:
    """Return the config of a pair with its searcher and sources; raise an error if it differs from the file."""
    identity = pair.entry["identity"]
    recorded = pair.config
    settings = identity["settings"]
    if recorded.lengths:
        settings = settings | {"epochs": list(recorded.lengths)}
    spec = SearcherSpec.of(identity["searcher"], settings)
    sources = [get_task(source["name"]) for source in identity["sources"]]
    config = RunConfig.of(
        spec,
        recorded.evaluator,
        recorded.budget,
        sources=sources or None,
        clock=recorded.clock,
        label=recorded.label,
    )
    ignored = ("nasmeta_journal", "seed", "written_by")
    differences = differences_from(identity, config.identity, ignored)
    if differences:
        raise NasmetaError(f"{differences}.")
    return config


def repeat(pairs: list[RecomputedPair], audit: Audit, rng: np.random.Generator, n: int) -> None:
    """Repeat runs of exact searchers that ended early, and n others; all proposals must be equal."""
    possible = []
    for pair in pairs:
        if pair.is_exact:
            possible += [(pair, history) for history in pair.histories]
    selected = set[int]()
    order = rng.permutation(len(possible))
    if audit.level > 0:
        selected.update(order[:n].tolist())
    for position, (pair, history) in enumerate(possible):
        if position not in selected and history not in pair.early:
            continue
        recorded = _proposals(history)
        repeated = _proposals(pair.run(history.seed))
        audit.repeated += 1
        if recorded != repeated:
            first = _first_difference(recorded, repeated)
            written_by = pair.entry["identity"]["written_by"]
            reject(
                audit,
                f"{pair}, seed {history.seed}, of {written_by}: "
                f"proposal {first + 1} is {recorded[first]}, but {repeated[first]} here.",
            )
    if selected:
        chance = _chance_to_find(len(selected), len(possible))
        audit.chances.append(
            f"{len(selected)} of {len(possible)} exact runs repeated: a forged share of {percent(_FORGED)} would be "
            f"found with {percent(chance)}"
        )


def _proposals(trace: Trace) -> list[Any]:
    """Return architecture and epochs of each evaluation in the order of starts, and the end."""
    proposals: list[Any] = []
    for architecture, _, _, details in trace.rows:
        proposals.append((architecture, details.get("epochs")))
    return [*proposals, trace.stopped]


def _first_difference(recorded: list[Any], repeated: list[Any]) -> int:
    """Return the position of the first difference; the end of a run differs from every proposal."""
    position = 0
    while recorded[position] == repeated[position]:
        position += 1
    return position


def _chance_to_find(n_repeated: int, n_runs: int) -> float:
    """Return the probability that a forged run is repeated, by the hypergeometric distribution."""
    n_forged = ceil(_FORGED * n_runs)
    return 1 - comb(n_runs - n_forged, n_repeated) / comb(n_runs, n_repeated)


def percent(chance: float) -> str:
    """Write a probability in percent, rounded down, because 100 % is certain."""
    return f"{floor(100 * chance)} %"
