"""Checks of the accuracies of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.audit._check import Finding, Held, Holdings, apart, check, compared

_NB201 = ("nb201",)
_V1_0, _V1_1 = "NATS-tss v1.0", "NB201 v1.1"
_CHANCE = {"cifar10": 10.0, "cifar100": 1.0, "imagenet16-120": 100 / 120}
_HALVED = ("cifar100", "imagenet16-120")
_OPTIMA: tuple[tuple[str, str, int, int | str, float, tuple[int, ...]], ...] = (
    # dataset, split, epochs, seed, best, its cells (empty: not checked)
    ("cifar10", "valid", 200, "mean", 91.6067, (6111,)),
    ("cifar100", "valid", 200, "mean", 73.4933, (9930,)),
    ("imagenet16-120", "valid", 200, "mean", 46.7333, (10676,)),
    ("cifar10", "test", 200, "mean", 94.3733, (6111, 13714)),
    ("cifar100", "test", 200, "mean", 73.5133, (9930,)),
    ("imagenet16-120", "test", 200, "mean", 47.3111, (857,)),
    ("cifar10-valid", "test", 200, "mean", 91.5233, ()),
    ("cifar10", "test", 12, 111, 89.16, ()),
    ("cifar100", "test", 12, 111, 61.18, ()),
    ("imagenet16-120", "test", 12, 111, 38.2667, ()),
)
_NOISE = {"cifar10": 0.894, "cifar100": 0.936, "imagenet16-120": 0.940}


def _correlation(statistic: str, a: Held, b: Held) -> tuple[float, int]:
    """Return a statistic of scipy over the cells with both values, and their number."""
    import scipy.stats

    both = ~np.isnan(a.values) & ~np.isnan(b.values)
    return float(getattr(scipy.stats, statistic)(a.values[both], b.values[both]).statistic), int(both.sum())


def _within(info: ColumnInfo, figure: float, low: float, high: float, checked: int, name: str) -> Finding:
    known = f"{name} {figure:.4f}, known: {low:.4g} to {high:.4g}"
    return Finding.on(info, checked, holds=low <= figure <= high, measured=known)


def _enough(held: Holdings, one: Held) -> bool:
    """Whether a column has nearly all cells, as statistics need."""
    return bool(np.count_nonzero(~np.isnan(one.values)) > 0.9 * held.space.size)


@check(
    "halves",
    "ori-test = (x-valid + x-test) / 2 for each seed, if none of them is derived.",
    _NB201,
)
def _halves(held: Holdings) -> Iterator[Finding]:
    for dataset in _HALVED:
        for whole in held.find(dataset=dataset, metric="accuracy", split="valid+test"):
            same = {"dataset": dataset, "metric": "accuracy", "epochs": whole.info.epochs, "seed": whole.info.seed}
            for test in held.find(**same, split="test", release=whole.info.release):
                valid = held.first(**same, split="valid", release=whole.info.release)
                if valid is not None and not any("derived" in one.info.note for one in (whole, valid, test)):
                    mean = (valid.values + test.values) / 2
                    yield from compared(whole, mean, f"halves ({test.info.source})", absolute=1e-4)


@check(
    "halves-across-releases",
    "Cells with the same x-valid in both releases have the same x-test, which confirms the derived one.",
    _NB201,
)
def _halves_across_releases(held: Holdings) -> Iterator[Finding]:
    for dataset in _HALVED:
        same = {"dataset": dataset, "metric": "accuracy", "epochs": 200, "seed": "mean"}
        columns = [held.first(**same, split=split, release=of) for split in ("valid", "test") for of in (_V1_0, _V1_1)]
        if any(one is None or not _enough(held, one) for one in columns):
            continue
        valid_0, valid_1, test_0, test_1 = (one for one in columns if one is not None)
        agree = ~apart(valid_0.values, valid_1.values, absolute=1e-3)
        share = float(np.mean(~apart(test_0.values, test_1.values, absolute=1e-3)[agree]))
        yield _within(test_0.info, share, 0.98, 1.0, int(agree.sum()), f"share of equal cells ({_V1_1})")


@check(
    "12-against-200",
    "12 and 200 epochs are two trainings: ranks agree, no accuracy above chance is the same.",
    _NB201,
)
def _lengths(held: Holdings) -> Iterator[Finding]:
    for short in held.find(metric="accuracy", epochs=12):
        dataset, split = short.info.dataset, short.info.split
        if dataset not in _CHANCE or split not in ("valid", "test"):
            continue
        same = {"dataset": dataset, "metric": "accuracy", "split": split, "epochs": 200}
        longs = {one.info.release: one for one in reversed(held.find(**same, seed="mean"))}
        for long in [*longs.values(), *held.find(True, **same, epoch=12)]:
            equal = (short.values == long.values) & (short.values > _CHANCE[dataset] + 1e-3)
            both = int(np.count_nonzero(~np.isnan(short.values) & ~np.isnan(long.values)))
            if both:
                measured = f"{int(equal.sum())} equal to {long.info.address} ({long.info.release})"
                yield Finding.on(short.info, both, equal, measured=measured)
            if _enough(held, short) and _enough(held, long):
                rho, checked = _correlation("spearmanr", short, long)
                yield _within(short.info, rho, 0.75, 0.92, checked, f"Spearman with {long.info.release}")


@check(
    "releases",
    "The two releases agree on 84 % of the seed means.",
    _NB201,
)
def _releases(held: Holdings) -> Iterator[Finding]:
    for one in held.find(release=_V1_0, metric="accuracy", epochs=200, seed="mean"):
        info = one.info
        other = held.first(
            release=_V1_1, dataset=info.dataset, metric="accuracy", split=info.split, epochs=200, seed="mean"
        )
        if other is None or not (_enough(held, one) and _enough(held, other)):
            continue
        share = float(np.mean(~apart(one.values, other.values, absolute=1e-3)))
        yield _within(info, share, 0.83, 0.85, held.space.size, f"share of equal cells ({_V1_1})")


@check("optima", "The best cells and their accuracies are the known ones, in every release.", _NB201)
def _optima(held: Holdings) -> Iterator[Finding]:
    for dataset, split, epochs, seed, best, cells in _OPTIMA:
        columns = [
            one
            for one in held.find(dataset=dataset, metric="accuracy", split=split, epochs=epochs, seed=seed)
            if _enough(held, one)
        ]
        for one in columns:
            found = float(np.nanmax(one.values))
            at = tuple(np.flatnonzero(one.values > found - 5e-4).tolist())
            yield Finding.on(
                one.info,
                held.space.size,
                holds=abs(found - best) < 1e-4 and (not cells or at == cells),
                measured=f"{found:.4f} at {', '.join(map(str, at[:3]))}, known: {best:.4f}",
            )


@check(
    "noise",
    "Kendall's τ between validation and test, and between two seeds, has its known value.",
    _NB201,
)
def _noise(held: Holdings) -> Iterator[Finding]:
    for dataset, known in _NOISE.items():
        same = {"dataset": dataset, "metric": "accuracy", "epochs": 200, "seed": "mean"}
        valid = held.first(**same, split="valid", release=_V1_0)
        tests = [one for one in held.find(**same, split="test") if _enough(held, one)]
        test = next((one for one in tests if one.info.release == _V1_0), next(iter(tests), None))
        if valid is not None and test is not None and _enough(held, valid):
            tau, checked = _correlation("kendalltau", valid, test)
            yield _within(valid.info, tau, known - 0.002, known + 0.002, checked, f"τ with test ({test.info.release})")
    seeds = [held.first(dataset="cifar10", metric="accuracy", split="valid", epochs=200, seed=s) for s in (777, 888)]
    if all(one is not None and _enough(held, one) for one in seeds):
        first, other = (one for one in seeds if one is not None)
        tau, checked = _correlation("kendalltau", first, other)
        yield _within(first.info, tau, 0.905, 0.915, checked, "τ with seed 888")


@check("datasets", "The datasets agree on the ranks of cells at 0.96 to 0.98.", _NB201)
def _datasets(held: Holdings) -> Iterator[Finding]:
    same = {"metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean", "release": _V1_0}
    columns = [held.first(dataset=dataset, **same) for dataset in _CHANCE]
    for first, other in combinations([one for one in columns if one is not None and _enough(held, one)], 2):
        rho, checked = _correlation("spearmanr", first, other)
        yield _within(first.info, rho, 0.955, 0.985, checked, f"Spearman with {other.info.dataset}")


@check("curves", "Learning curves end at the values that the table of the same release holds.", _NB201)
def _curves(held: Holdings) -> Iterator[Finding]:
    for end in held.curve_ends():
        info = end.info
        same = {"dataset": info.dataset, "metric": info.metric, "split": info.split, "epochs": info.epochs}
        for one in held.find(**same, seed=info.seed, release=info.release):
            yield from compared(end, one.values, one.info.source, absolute=1e-4)
