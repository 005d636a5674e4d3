"""``nasmeta verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasmeta.errors import EvaluationFailed
from nasmeta.runs import search
from nasmeta.terminal import options_from, print_frame, print_written, taken
from nasmeta.training import require_torch
from nasmeta.training.commands import read_images
from nasmeta.verification._verify import Verification, verify

_DEMO = {"recipe": "tiny", "top": 2, "controls": 2, "worst": 1, "seeds": 2}
_DEMO_EVALUATIONS = 60


@options_from(read_images, panel="Real training")
@options_from(verify)
def verify_command(
    journals: list[str] | None = None,
    *,
    folder: Path = Path("nasmeta-verification"),
    data: str | None = None,
    demo: bool = False,
    **options: Any,
) -> Verification:
    """Train the best architectures of searches and random ones, and write a page that compares them with the table.

    Parameters
    ----------
    journals : list of path
        Journals of searches on one task.
    folder : path
        Folder for trainings and the page; run the same command again to resume.
    seeds : int
        Number of trainings of each architecture, with the seeds --seed, --seed + 1, …
    compare_with : str
        Dataset of the table that corresponds to the images, if they are a folder.
    workers : int
        Number of processes.
    shard : str
        Do only part I of N of the trainings, with I from 0; all parts may run at once in one
        folder. The same command without it writes the page.
    demo : bool
        Search the table and verify on scikit-learn's digits; takes about two minutes.

    Examples
    --------
    nasmeta verify run.jsonl --data cifar10:PATH --recipe nb201-12 --top 3 --seeds 2
    nasmeta verify --demo
    """
    if demo:
        require_torch()
        options |= _DEMO
        options["command"] = f"nasmeta verify --demo --folder {folder}"
        data = "digits"
        journal = str(folder / "run.jsonl")
        journals = [journal]
        search("gp", "nb201/cifar10", evaluations=_DEMO_EVALUATIONS, journal=journal, progress=True)
    images = read_images(data=data, **taken(options, read_images))
    verification = verify(journals or [], images, folder=folder, progress=True, **options)
    done = verification.facts["trainings"]
    failed = verification.facts["failed"]
    if "shard" in options:
        shard = f"Shard {options['shard']}: {done} trainings are done, {failed} failed."
        print(f"{shard} After all shards, omit --shard to write the page.")
    else:
        _print(verification)
        print_written(verification.files)
    if failed and not done:
        reasons = set(verification.architectures["failures"]) - {""}
        raise EvaluationFailed(f"No training succeeded: {', '.join(sorted(reasons))}.")
    return verification


def _print(verification: Verification) -> None:
    facts = verification.facts
    lookup = facts["lookup"]
    columns = [
        "cell",
        "role",
        "predicted",
        "lookup",
        "trained",
        "trained_std",
        "difference",
        "failures",
    ]
    shown = verification.architectures.filter(columns)
    title = f"{facts['task']}, trained on {facts['data']} by {facts['recipe']['name']}"
    print_frame(shown, title)
    print(f"look-up: {lookup['address']}, {lookup['release']}; accuracies in percent")
