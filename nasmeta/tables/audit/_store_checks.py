"""Checks of any table: checksums, legal addresses, ranges, missing values, means and duplicate sources."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from nasmeta.tables._nb201_measurements import METRICS, why_illegal
from nasmeta.tables.audit._check import Finding, Held, Holdings, check, compared, known_facts

_ALL = ("nb201", "tnb101")
_FLOAT32 = 2e-7  # relative
_RANGES = {  # by unit: lowest and highest value, and whether the lowest is possible
    "percent": (0.0, 100.0, True),
    "s": (0.0, np.inf, False),
    "ms": (0.0, np.inf, False),
    "mJ": (0.0, np.inf, False),
}
_METRIC_RANGES = {"ssim": (-1.0, 1.0, True), "loss": (0.0, np.inf, True), "parameters": (1.0, np.inf, True)}
_METRIC_RANGES |= {"recorded_parameters": (1.0, np.inf, True), "recorded_flops_millions": (0.0, np.inf, False)}
_ANY = (-np.inf, np.inf, True)


@check("whole-files", "The checksum of each column is correct.", _ALL)
def _whole_files(held: Holdings) -> Iterator[Finding]:
    for source in held.sources:
        reason = held.damaged.get(source.name, "")
        measured = reason or "checksums agree"
        yield Finding("all", source.release, source.name, held.space.size, holds=not reason, measured=measured)


@check("legal", "Every column is a measurement of the benchmark and has a release, a licence and a checksum.", _ALL)
def _legal(held: Holdings) -> Iterator[Finding]:
    for source in held.sources:
        wrong = []
        columns = held.find(source.curves, source=source.name)
        for one in columns:
            info = one.info
            measured = held.table == "nb201" and info.metric in METRICS
            reason = why_illegal(info.dataset, info.split, info.epochs, info.epoch) if measured else None
            if reason or not (info.release and info.licence and info.source_sha256):
                wrong.append(
                    f"{info.address}: {(reason or 'it has no release, licence or checksum').partition('.')[0]}"
                )
        yield Finding(
            "all", source.release, source.name, held.space.size, holds=not wrong,
            measured="; ".join(wrong[:3]) or f"{len(columns)} columns",
        )  # fmt: skip


@check("ranges", "Every value is finite and in the range of its unit.", _ALL)
def _ranges(held: Holdings) -> Iterator[Finding]:
    for one in held.find():
        info, values = one.info, one.values
        low, high, closed = _METRIC_RANGES.get(info.metric, _RANGES.get(info.unit, _ANY))
        wrong = np.isinf(values) | (values < low) | (values > high) | ((values == low) & (not closed))
        if info.metric in ("parameters", "recorded_parameters") and info.seed != "mean":
            wrong |= values != np.where(np.isnan(values), values, np.round(values))
            wrong &= ~np.isnan(values)
        known = values[~np.isnan(values)]
        span = f"{known.min():.6g} to {known.max():.6g} {info.unit}" if len(known) else "no value"
        yield Finding.on(info, len(known), wrong, measured=span)


@check(
    "missing",
    "The number of missing values is the declared one; imports of official files are left out.",
    _ALL,
)
def _missing(held: Holdings) -> Iterator[Finding]:
    for one in held.find() + held.curve_ends():
        if one.imported:
            continue
        missing, declared = int(np.isnan(one.values).sum()), known_facts().missing_of(one.info)
        measured = f"{missing:,} missing" + ("" if missing == declared else f", {declared:,} declared")
        yield Finding.on(one.info, held.space.size, holds=missing == declared, measured=measured)


@check(
    "means",
    "A mean is the mean of all measured seeds.",
    ("nb201",),
)
def _means(held: Holdings) -> Iterator[Finding]:
    for one in held.find(seed="mean"):
        info = one.info
        seeds = [
            other.values
            for other in held.find(
                source=info.source, dataset=info.dataset, metric=info.metric, split=info.split, epochs=info.epochs
            )
            if isinstance(other.info.seed, int)
        ]
        if len(seeds) < 2:
            continue
        several = np.stack(seeds)
        measured = np.count_nonzero(~np.isnan(several), axis=0)
        sums = np.nansum(several, axis=0)
        mean = np.divide(sums, measured, out=np.full(len(sums), np.nan), where=measured > 0)
        yield from compared(one, mean, f"mean of {len(seeds)} seeds", absolute=1e-6, relative=_FLOAT32)


@check(
    "sources",
    "Sources of the same release agree up to the rounding of float32.",
    ("nb201",),
)
def _sources(held: Holdings) -> Iterator[Finding]:
    groups: dict[tuple[str, str], list[Held]] = {}
    for one in held.find():
        groups.setdefault((one.info.address, one.info.release), []).append(one)
    for group in groups.values():
        for first, other in combinations(group, 2):
            yield from compared(other, first.values, first.info.source, absolute=1e-6, relative=_FLOAT32)
