"""Fit the shipped surrogates and write them to `surrogates` (one core, ten minutes).

Run ``python benchmarks_data/fit_surrogates.py [TASK ...]`` after ``nasmeta data fetch hw-gpt-s
scan-llm scan-vlm scan-tabpfn transnas``. Without names, only missing files are written.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nasmeta.surrogates import fit_surrogate
from nasmeta.threads import one_thread

FOLDER = Path(__file__).with_name("surrogates")
SETTINGS: dict[str, dict[str, Any]] = {  # of `fit_surrogate`
    **{f"nb201/{dataset}": {} for dataset in ("cifar10", "cifar100", "imagenet16-120")},
    **{
        f"tnb101/{task}": {}
        for task in (
            "autoencoder",
            "class_object",
            "class_scene",
            "jigsaw",
            "normal",
            "room_layout",
            "segmentsemantic",
        )
    },
    **{
        f"hw-gpt-s/{task}": {}
        for task in (
            "gpt-s",
            "latency/h100",
            "latency/a100",
            "latency/cpu",
            "energy/h100",
            "memory",
        )
    },
    "scan-llm/slimpajama": {"diverged": "diverged"},
    "scan-vlm/image-text": {"diverged": "diverged"},
    "scan-tabpfn/synthetic": {},
}
LIMITS = {
    "hw-gpt-s": "Perplexity is that of a sub-network with the weights of the supernet, not of a network trained alone. "
    "Costs were measured on one machine each; energy is mostly noise.",
    "scan": "A range has at most 100 levels, and configurations outside the measured ranges are not in the space. The "
    "value is the last one of a training; its length is a position.",
}


def main() -> None:
    """Write the named files, or all missing ones."""
    named = sys.argv[1:]
    for task in named or SETTINGS:
        path = FOLDER / f"{task}.npz"
        if named or not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            surrogate = fit_surrogate(task, **SETTINGS[task])
            limits = [text for table, text in LIMITS.items() if task.startswith(table)]
            surrogate.card |= {"limits": limits[0]} if limits else {}
            surrogate.save(path)
            scores = surrogate.card["scores"]["held out"]
            print(
                f"{task}: R² {scores['r2']:.4f}, τ {scores['tau']:.4f}, {path.stat().st_size:,} bytes",
                flush=True,
            )


if __name__ == "__main__":
    with one_thread():
        main()
