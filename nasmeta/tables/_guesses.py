"""What the name of a metric says about it, where its user does not."""

from __future__ import annotations

import re

from nasmeta.tables._columns import Kind, kind_of_old

_MORE_IS_BETTER = re.compile(r"f1|r2|(acc|accuracy|auc|auroc|precision|recall|m?iou|ssim|psnr|score|likelihood)\d*")
_LESS_IS_BETTER = re.compile(
    r"(err|fid|mae|mape|nll|ppl|wer|cer|params?|macs|madds|size|cost|regret|duration|memory|"
    r".*(loss(es)?|errors?|mse|perplexity|entropy|seconds?|time|latency|energy|parameters|flops))\d*"
)


def guessed_direction(metric: str, kind: Kind = "performance") -> str:
    """Return which values of a metric are good, by its kind and the last word of its name that says so.

    Examples
    --------
    >>> [guessed_direction(m) for m in ("val_accuracy", "testLoss", "top1_err", "neg_mean_squared_error")]
    ['max', 'min', 'min', 'max']
    """
    if kind in ("size", "seconds", "latency", "energy"):
        return "min"
    words = _words(metric)
    words = words[: words.index("per")] if "per" in words else words
    for word in reversed(words):
        is_less = bool(_LESS_IS_BETTER.fullmatch(word))
        if is_less or _MORE_IS_BETTER.fullmatch(word):
            is_negated = bool({"neg", "negative"} & set(words))
            return "max" if is_less == is_negated else "min"
    return "max"


def _words(metric: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+", metric)]


def guessed_kind(metric: str) -> tuple[Kind, str | None]:
    """Return kind and device of a metric by its name."""
    kind, device = kind_of_old(metric)
    if kind == "seconds" and "per" in _words(metric):
        return "performance", None  # images per second are no seconds, and seconds per epoch not those of a training
    hardware = re.search(r"latency|energy", metric.lower()) if kind == "performance" else None
    return (("latency" if hardware[0] == "latency" else "energy"), None) if hardware else (kind, device)
