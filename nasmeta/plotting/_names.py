"""Readable names of tasks and columns, for titles and axes."""

from __future__ import annotations

import re

_SPELLINGS = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120", "arxiv": "arXiv",
    "citeseer": "CiteSeer", "cs": "CS", "pubmed": "PubMed", "edgegpu": "Edge GPU", "edgetpu": "Edge TPU",
    "eyeriss": "Eyeriss", "fpga": "FPGA", "pixel2": "Pixel 2", "pixel3": "Pixel 3", "raspi4": "Raspberry Pi 4",
    "pgd": "PGD", "fgsm": "FGSM", "apgd-ce": "APGD-CE", "segmentsemantic": "semantic segmentation",
    "normal": "surface normals",
}  # fmt: skip
_READABLE = (  # parts of a task's name
    (r"(latency|energy)/([^/+@#]+)", r"\2 \1"),
    (r"robust/([\w-]+)@([\d.]+)", r"accuracy under \1 \2"),
    (r"within-([\d.]+)(\w+)/", r"at most \1 \2 on "),
    (r"tradeoff-[\d.]+/", "trade-off with "),
    (r"@(\d+)ep", r", \1 epochs"),
    (r"#(\w+)", r", seed \1"),
    (r"[/+@]", ", "),
    (r"_", " "),
    (r"train[ -]seconds", "training time"),
)


def task_title(name: str) -> str:
    """Return a readable title of a task.

    >>> task_title("nb201/cifar10@12ep"), task_title("nb201/cifar100+latency/pixel3"), task_title("tnb101/class_scene")
    ('CIFAR-10, 12 epochs', 'CIFAR-100, Pixel 3 latency', 'Class scene')
    """
    title = name.partition("/")[2]
    for pattern, readable in _READABLE:
        title = re.sub(pattern, readable, title)
    title = _spelled(title or name)
    if title == name:
        return name
    return title[:1].upper() + title[1:]


def _spelled(text: str) -> str:
    """Return a text with the usual spelling of its words."""
    return re.sub(r"[\w-]+", lambda word: _SPELLINGS.get(word[0], word[0]), text)


def value_label(metric: str, unit: str) -> str:
    """Return the label of an axis from a column's metric and unit.

    >>> value_label("latency pixel3 milliseconds", "ms"), value_label("latency seconds", "s")
    ('Pixel 3 latency (ms)', 'latency (s)')
    """
    text = re.sub(r"train seconds", "training time", metric)
    text = re.sub(r" (milliseconds|millijoules|seconds)$", "", text)
    text = re.sub(r"^(predicted )?(latency|energy) (.+)$", r"\1\3 \2", text)
    units = {"1": "", "percent": " (%)"}
    return _spelled(text) + units.get(unit, f" ({unit})")
