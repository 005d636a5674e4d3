"""Names of datasets."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_BY_LETTERS = {
    "cifar10": "cifar10",
    "cifar10valid": "cifar10-valid",
    "cifar100": "cifar100",
    "imagenet": "imagenet16-120",
    "imagenet16": "imagenet16-120",
    "imagenet16120": "imagenet16-120",
    **{
        name.replace("_", ""): name
        for name in (
            "class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder",
        )
    },
}  # fmt: skip
_BENCHMARK = re.compile(
    r"^(?:nb201|nasbench201|natsbench|natstss|nats|tnb101|transnasbench101)(?=.)"
)
_PART = re.compile(r"(?:train|valid|val|validation|test)+$")


@cache
def canonical_dataset(name: str, *, keep_case: bool = False) -> str:
    """Return the canonical name of a dataset; unknown names in lower case, or as written if `keep_case`.

    For known datasets, case, spaces, punctuation and prefixes (a benchmark, a folder) are ignored.

    >>> from nasmeta.spaces import canonical_dataset
    >>> canonical_dataset("ImageNet16-120"), canonical_dataset("imagenet"), canonical_dataset("nb201/CIFAR-10")
    ('imagenet16-120', 'imagenet16-120', 'cifar10')
    """
    written = unicodedata.normalize("NFKC", name).strip()
    lower = written.lower()
    for part in (lower, *re.split(r"[/\\:@#]", lower)):
        letters = _letters(part)
        for known in (letters, _BENCHMARK.sub("", letters)):
            if known in _BY_LETTERS:
                return _BY_LETTERS[known]
    return written if keep_case else lower


def held_out_name(name: str) -> str:
    """Return the name of a dataset's images, for leaving them out: the name without a split.

    >>> from nasmeta.spaces import held_out_name
    >>> held_out_name("cifar10-valid"), held_out_name("CIFAR-100 (test)"), held_out_name("Edge GPU")
    ('cifar10', 'cifar100', 'edge_gpu')
    """
    canonical = canonical_dataset(name).removesuffix("-valid")
    if canonical in _BY_LETTERS.values():
        return canonical
    whole = canonical_dataset(_PART.sub("", _letters(canonical)))
    return (
        whole
        if whole in _BY_LETTERS.values()
        else re.sub(r"[\W_]+", "_", canonical).strip("_") or canonical
    )


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name)
