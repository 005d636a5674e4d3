"""``nasmeta meta-train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasmeta.meta._meta_train import meta_train
from nasmeta.terminal import options_from, print_facts


@options_from(meta_train)
def meta_train_command(learner: str, *, output: Path, **options: Any) -> dict[str, Any]:
    """Meta-train a searcher or predictor on source tasks and write it to a file, for use on other tasks.

    Parameters
    ----------
    settings : dict
        A setting of the learner.

    Examples
    --------
    nasmeta meta-train meta-gp --sources nb201 --leave-out cifar100 --output gp.npz
    nasmeta search meta-gp nb201/cifar100 --sources gp.npz
    """
    saved = meta_train(learner, output=output, progress=True, **options)
    count = sum(source["labels"] for source in saved.card["sources"])
    print_facts(
        {
            "learner": learner,
            "learned from": f"{', '.join(saved.sources)} ({count:,} labels)",
            "do not test on": ", ".join(saved.held_out),
            "file": f"{output} ({output.stat().st_size:,} bytes)",
            "sha256": saved.sha256,
        }
    )
    return {"file": output, "sha256": saved.sha256, "held_out": saved.held_out, **saved.card}
