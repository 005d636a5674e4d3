"""The one rule by which a dataset's names are understood."""

from __future__ import annotations

__all__ = ["canonical_dataset"]

_OTHER_DATASET_NAMES = {"imagenet": "imagenet16-120", "imagenet16": "imagenet16-120"}


def canonical_dataset(name: str) -> str:
    """Return a dataset's name as columns carry it: lower case, and one name where papers use several.

    Examples
    --------
    >>> from nasmeta.spaces import canonical_dataset
    >>> canonical_dataset("ImageNet16-120"), canonical_dataset("imagenet")
    ('imagenet16-120', 'imagenet16-120')
    """
    lower = name.lower()
    return _OTHER_DATASET_NAMES.get(lower, lower)
